// What the state of an explorer may be.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clamp, cleanValue, makeState } from "../../animated/explorer/static/state.js";

const images = { width: 4, height: 3, pixels: [5, 9] };
const data = { size: 10, label: {}, columns: [{}], images };
const explorer = { data, state: makeState(data), embedding: { start: 4, end: 20, axes: 2 } };
const clean = (key, value) => cleanValue(key, value, explorer);

test("a state begins with what there is to show", () => {
  const { color, pixels } = makeState(data);
  assert.deepEqual([color, pixels], ["label", [5, 9]]);
  const plain = makeState({ ...data, label: null, images: null });
  assert.deepEqual([plain.color, plain.pixels], ["none", [0, 0]]);
});

test("numbers are brought into their range", () => {
  assert.deepEqual([3, 5.5, 21, NaN].map((time) => clean("time", time)), [4, 5.5, 20, 4]);
  assert.deepEqual([0, 1e9].map((speed) => clean("speed", speed)), [0.1, 1000]);
  assert.deepEqual(clean("turn", { yaw: 9, pitch: -9 }), { yaw: 9, pitch: -1.57 });
  assert.deepEqual(clean("pixels", [-1, 99]), [0, 11]);
  assert.equal(clamp("no number", 1, 2), 1);
});

test("points that do not exist are neither pinned nor selected", () => {
  assert.deepEqual([9, 10, -2, 1.5, "1"].map((index) => clean("pinned", index)), [9, -1, -1, -1, -1]);
  assert.deepEqual([...clean("selection", [7, 3, 7, 10, -1])], [3, 7]);
});

test("colours and themes that do not exist change nothing", () => {
  const colors = ["none", "column-0", "column-1", "label", "red"];
  assert.deepEqual(colors.map((color) => clean("color", color)), [
    "none", "column-0", "label", "label", "label",
  ]);
  assert.deepEqual(["light", "pink"].map((theme) => clean("theme", theme)), ["light", "dark"]);
});

test("only embeddings with epochs play, and only those in 3-D turn", () => {
  assert.ok(clean("isPlaying", true) && !clean("isTurning", true));
  const solid = { ...explorer, embedding: { start: 0, end: 0, axes: 3 } };
  assert.ok(!cleanValue("isPlaying", true, solid) && cleanValue("isTurning", 1, solid));
});

test("all other values stay as they are", () => {
  assert.equal(clean("mode", "lasso"), "lasso");
  assert.equal(clean("toString", 5), 5);
});
