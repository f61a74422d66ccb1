import assert from "node:assert/strict";
import { test } from "node:test";

import {
  blendViews,
  clampView,
  fitView,
  getScreen,
  panView,
  zoomView,
} from "../../animated/explorer/static/view.js";

const BOUNDS = { x: 0.4, y: 0.6, width: 0.8, height: 0.4 };
const STAGE = { width: 1000, height: 700, insets: { top: 50, right: 100, bottom: 50, left: 100 } };
const isClose = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

function toScreen(view, x, y) {
  const screen = getScreen(view, BOUNDS, STAGE);
  return [screen.x + x * screen.scale, screen.y - y * screen.scale];
}

test("an embedding is fitted into what is free of the stage", () => {
  const view = fitView(BOUNDS);
  assert.deepEqual(toScreen(view, 0.4, 0.6).map(Math.round), [500, 350]);
  assert.deepEqual(toScreen(view, 0, 0.8).map(Math.round), [100, 150]);
  assert.deepEqual(toScreen(view, 0.8, 0.4).map(Math.round), [900, 550]);
});

test("a small stage has a scale, too", () => {
  const { scale } = getScreen(fitView(BOUNDS), BOUNDS, { ...STAGE, width: 0, height: 0 });
  assert.ok(scale > 0);
});

test("zooming keeps the point under the pointer in its place", () => {
  const view = { x: 0.5, y: 0.5, zoom: 2 };
  const [sx, sy] = toScreen(view, 0.45, 0.65);
  const zoomed = zoomView(view, BOUNDS, STAGE, 3, sx, sy);
  assert.equal(zoomed.zoom, 6);
  toScreen(zoomed, 0.45, 0.65).forEach((value, k) => isClose(value, [sx, sy][k]));
});

test("zoom has limits, at which nothing moves any more", () => {
  const view = { x: 0.5, y: 0.5, zoom: 512 };
  assert.deepEqual(zoomView(view, BOUNDS, STAGE, 2, 10, 10), view);
  assert.equal(zoomView({ ...view, zoom: 0.6 }, BOUNDS, STAGE, 0.1, 500, 350).zoom, 0.4);
});

test("panning moves by px", () => {
  const view = { x: 0.5, y: 0.5, zoom: 2 };
  const [before, after] = [view, panView(view, BOUNDS, STAGE, 30, -20)].map((one) =>
    toScreen(one, 0.3, 0.7),
  );
  isClose(after[0] - before[0], 30);
  isClose(after[1] - before[1], -20);
});

test("the middle of the view stays within the embedding", () => {
  const clamped = clampView({ x: 9, y: -9, zoom: 1 }, BOUNDS);
  isClose(clamped.x, 0.8);
  isClose(clamped.y, 0.4);
  assert.equal(clampView({ ...clamped, zoom: 1e9 }, BOUNDS).zoom, 512);
  assert.equal(clampView({ ...clamped, zoom: 0 }, BOUNDS).zoom, 0.4);
  const far = panView(fitView(BOUNDS), BOUNDS, STAGE, 1e6, 1e6);
  isClose(far.x, 0);
  isClose(far.y, 0.8);
});

test("zooming out shows the whole unit square, where other epochs may be", () => {
  for (const bounds of [BOUNDS, { x: 0.5, y: 0.5, width: 0.1, height: 0.02 }]) {
    const view = clampView({ ...fitView(bounds), zoom: 0 }, bounds);
    const { scale } = getScreen(view, bounds, STAGE);
    assert.ok(scale <= 800 / 2 + 1e-9);
  }
});

test("a flight leads from one view to another, and one position keeps its place", () => {
  const [from, to] = [{ x: 0.2, y: 0.5, zoom: 1 }, { x: 0.6, y: 0.7, zoom: 16 }];
  assert.deepEqual(blendViews(from, to, 0), from);
  assert.deepEqual(blendViews(from, to, 1), to);
  isClose(blendViews(from, to, 0.5).zoom, 4);
  // The fixed position is where both views put it at the same place of the screen.
  const fixed = ["x", "y"].map((axis) => (to.zoom * to[axis] - from.zoom * from[axis]) / 15);
  const start = toScreen(from, ...fixed);
  for (const part of [0.25, 0.5, 0.9]) {
    toScreen(blendViews(from, to, part), ...fixed).forEach((value, k) => isClose(value, start[k]));
  }
  const aside = blendViews(from, { ...from, x: 0.4 }, 0.5);
  isClose(aside.x, 0.3);
  assert.equal(aside.zoom, 1);
});
