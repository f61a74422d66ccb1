import assert from "node:assert/strict";
import { test } from "node:test";

import { Embedding, makeAxes, turnPositions } from "../../animated/explorer/static/embedding.js";

const CODES = { 4: [[256, 65_256], [32_756, 32_756]], 10: [[256, 256], [65_256, 32_756]] };

function pack(axes) {
  const planes = (codes) => [...codes.map((code) => code & 255), ...codes.map((code) => code >> 8)];
  return Uint8Array.from(axes.flatMap(planes));
}

function makeEmbedding() {
  const embedding = new Embedding({ name: "a", axes: 2, epochs: [4, 10], step: 100 }, 2);
  embedding.readLast(pack(CODES[10]));
  const zigzag = (code) => (code << 1) ^ (code >> 31);
  embedding.readEpoch(0, pack([[zigzag(0), zigzag(650)], [zigzag(-325), zigzag(0)]]));
  return embedding;
}

const round = (values) => Array.from(values, (value) => Number(value.toFixed(5)));

test("positions lie between those of the epochs around", () => {
  const [embedding, out] = [makeEmbedding(), makeAxes(2)];
  for (const [epoch, x, y] of [
    [10, [0, 0], [1, 0.5]],
    [4, [0, 1], [0.5, 0.5]],
    [7, [0, 0.5], [0.75, 0.5]],
    [5.5, [0, 0.75], [0.625, 0.5]],
  ]) {
    embedding.place(epoch, out);
    assert.deepEqual([round(out.x), round(out.y)], [x, y], `epoch ${epoch}`);
    assert.deepEqual(round(embedding.at(1, epoch)), [x[1], y[1], 0]);
  }
});

test("an epoch that is not read yet looks like the earliest one that is", () => {
  const embedding = new Embedding({ name: "a", axes: 2, epochs: [4, 10], step: 100 }, 2);
  assert.ok(!embedding.isThere);
  embedding.readLast(pack(CODES[10]));
  assert.ok(embedding.isThere);
  assert.deepEqual(round(embedding.at(0, 4)), [0, 1, 0]);
});

test("an embedding of the wrong length is refused", () => {
  const embedding = new Embedding({ name: "a", axes: 2, epochs: [], step: 64 }, 3);
  assert.throws(() => embedding.readLast(pack(CODES[10])), /damaged/);
});

test("a turn by a quarter brings depth to the side", () => {
  const bounds = { x: 0.5, y: 0.5, z: 0.5, radius: 0.5 };
  const out = { x: Float32Array.of(0.5), y: Float32Array.of(0.5), z: Float32Array.of(0.9) };
  const turned = structuredClone(out);
  turnPositions(turned, bounds, { yaw: Math.PI / 2, pitch: 0 });
  assert.deepEqual(round([turned.x[0], turned.y[0], turned.z[0]]), [0.9, 0.5, 0.5]);
  const side = { x: Float32Array.of(0.9), y: Float32Array.of(0.5), z: Float32Array.of(0.5) };
  turnPositions(side, bounds, { yaw: Math.PI / 2, pitch: 0 });
  assert.deepEqual(round([side.x[0], side.z[0]]), [0.5, 0.1], "the right side is turned away");
  const straight = structuredClone(out);
  turnPositions(straight, bounds, { yaw: 0, pitch: 0 });
  assert.deepEqual(round([straight.x[0], straight.y[0]]), [0.5, 0.5]);
  assert.ok(straight.z[0] > 0.85, "what is near is near 1");
});

test("what is near looks larger", () => {
  const bounds = { x: 0, y: 0, z: 0, radius: 1 };
  const out = {
    x: Float32Array.of(0.5, 0.5),
    y: new Float32Array(2),
    z: Float32Array.of(0.5, -0.5),
  };
  turnPositions(out, bounds, { yaw: 0, pitch: 0 });
  assert.ok(out.x[0] > 0.5 && out.x[1] < 0.5);
});
