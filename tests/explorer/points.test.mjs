import assert from "node:assert/strict";
import { test } from "node:test";

import { Points } from "../../animated/explorer/static/points.js";

function makePoints(x, y, parts) {
  const points = new Points({ size: x.length });
  points.sx.set(x);
  points.sy.set(y);
  points.parts.set(parts);
  return points;
}

test("the nearest point within the radius is found", () => {
  const points = makePoints([0, 5, 6, 100], [0, 0, 0, 0], [2, 1, 0, 2]);
  assert.equal(points.findNearest(4, 0, 12), 1);
  assert.equal(points.findNearest(6, 0, 12), 1, "those left out are not found");
  assert.equal(points.findNearest(50, 0, 12), -1);
  assert.equal(points.findNearest(100, 12, 12), 3);
  assert.equal(points.findNearest(100, 12.1, 12), -1);
  assert.equal(makePoints([], [], []).findNearest(0, 0, 12), -1);
});

test("points travel from where they were on the screen", () => {
  const points = makePoints([0, 0], [0, 0], [2, 2]);
  const embedding = {
    axes: 2,
    place: (_, out) => [out.x, out.y].forEach((values) => values.set([0.25, 0.75])),
  };
  const screen = { scale: 100, x: 10, y: 200 };
  points.place(embedding, {}, 1);
  points.project(screen);
  const round = (values) => Array.from(values, (value) => Math.round(1000 * value) / 1000);
  assert.deepEqual([round(points.sx), round(points.sy)], [[35, 85], [175, 125]]);
  const other = { scale: 400, x: -50, y: 300 };
  points.depart(other);
  points.place(embedding, {}, 0);
  points.project(other);
  assert.deepEqual([round(points.sx), round(points.sy)], [[35, 85], [175, 125]]);
});

test("a flat embedding looks the same before and after one in space", () => {
  const points = makePoints([0, 0, 0], [0, 0, 0], [2, 2, 2]);
  const flat = { axes: 2, place: () => {} };
  const bounds = { x: 0, y: 0, z: 0, radius: 1 };
  const deep = { axes: 3, bounds, place: (_, out) => out.z.set([0.9, -0.9, 0]) };
  const look = () => [[...points.order], [...points.shade]];
  points.place(flat, {}, 1);
  const before = look();
  assert.deepEqual(before[1], [15, 15, 15], "all are as light as the nearest");
  points.place(deep, { turn: { yaw: 0, pitch: 0 } }, 1);
  assert.deepEqual(look()[0], [1, 2, 0], "the farthest is drawn first");
  points.place(flat, {}, 1);
  assert.deepEqual(look(), before);
});
