import assert from "node:assert/strict";
import { test } from "node:test";

import {
  decodeState,
  encodeState,
  packNumbers,
  unpackNumbers,
} from "../../animated/explorer/static/hash.js";

const USUAL = {
  color: "label",
  theme: "dark",
  hidden: new Set(),
  selection: new Uint32Array(0),
  pinned: -1,
  turn: { yaw: 0, pitch: 0 },
  pixels: [350, 490],
  embedding: "UMAP",
  time: 199,
  view: { x: 0.5, y: 0.5, zoom: 1 },
};

test("numbers come back, sorted", () => {
  const far = [0, 127, 128, 129, 16_511, 4_000_000];
  for (const numbers of [[], [0], [5, 6, 7], far, [4_294_967_295]]) {
    const text = packNumbers(numbers);
    assert.match(text, /^[\w.]*$/);
    assert.deepEqual(unpackNumbers(text), numbers);
  }
  const all = Array.from({ length: 30_000 }, (_, i) => i);
  assert.equal(packNumbers(all).length, 59_999);
  assert.deepEqual(unpackNumbers(packNumbers(new Set([7, 3]))), [3, 7]);
  assert.deepEqual(unpackNumbers(packNumbers(all)), all);
});

test("damaged numbers are none", () => {
  for (const text of ["!!!", "é", "1..2", ".", "1.-"]) assert.deepEqual(unpackNumbers(text), []);
});

test("what is as usual is left out", () => {
  assert.equal(encodeState(USUAL, USUAL), "");
  assert.deepEqual(decodeState("", USUAL), USUAL);
});

test("a state comes back from its hash", () => {
  const state = {
    color: "column-1",
    theme: "light",
    hidden: new Set([7, 3]),
    selection: Uint32Array.of(1, 500, 29_999),
    pinned: 4711,
    turn: { yaw: 0.75, pitch: -0.5 },
    pixels: [1, 2],
    embedding: "PCA in 3-D & more = 100 %",
    time: 42.5,
    view: { x: 0.25, y: 0.75, zoom: 12.5 },
  };
  const hash = encodeState(state, USUAL);
  const decoded = decodeState(hash, USUAL);
  assert.deepEqual(decoded, { ...state, hidden: new Set([3, 7]) });
  assert.equal(encodeState(decoded, USUAL), hash);
});

test("numbers are short", () => {
  const hash = encodeState({ ...USUAL, view: { x: 1 / 3, y: 2 / 3, zoom: 1e-9 / 3 } }, USUAL);
  assert.ok(hash.length < 40, hash);
});

test("what makes no sense stays as usual", () => {
  const hostile = [
    "epoch=abc&view=1_2&turn=1_2_3&pin=&pixels=1",
    "view=NaN_Infinity_0&epoch=&pin=x",
    "hide=!!!&select=1..1",
    "__proto__=1&constructor=2&=&&&",
  ];
  for (const hash of hostile) assert.deepEqual(decodeState(hash, USUAL), USUAL, hash);
});
