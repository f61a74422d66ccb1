// What is known of the points of a file.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PointData } from "../../animated/explorer/static/data.js";

function makeData() {
  const about = { name: "a", axes: 2, epochs: [], step: 64 };
  return new PointData({
    size: 3,
    label: { categories: ["x", "y"] },
    columns: [{ min: 0, max: 254 }, { min: 0, max: 0.5 }],
    neighbors: 2,
    embeddings: [about],
  });
}

test("what has not been read yet is empty", () => {
  const data = makeData();
  assert.ok(!data.embeddings[0].isThere);
  assert.equal(data.valueOf(0, 1), null);
  assert.deepEqual(data.neighborsOf(1), []);
});

test("blocks fill the data", () => {
  const data = makeData();
  data.takeBlock("labels", Uint8Array.of(1, 0, 1, 0, 0, 0));
  data.takeBlock("neighbors", Uint8Array.of(1, 2, 2, 0, 0, 1, ...new Uint8Array(12)));
  data.takeBlock("column-0", Uint8Array.of(0, 100, 255));
  data.takeBlock("column-1", Uint8Array.of(0, 127, 254));
  data.takeBlock("embedding-0", new Uint8Array(12));
  assert.deepEqual([0, 1, 2].map((index) => data.labelOf(index)), ["y", "x", "y"]);
  assert.deepEqual([0, 1, 2].map((index) => data.neighborsOf(index)), [[1, 2], [2, 0], [0, 1]]);
  assert.deepEqual([0, 1, 2].map((index) => data.valueOf(0, index)), [0, 100, null]);
  assert.deepEqual([0, 1, 2].map((index) => data.valueOf(1, index)), [0, 0.25, 0.5]);
  assert.ok(data.embeddings[0].isThere);
});
