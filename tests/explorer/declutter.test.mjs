// Which images fit beside each other, compared with looking at all pairs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fitImages, rankPoints, shuffleNumbers } from "../../animated/explorer/static/declutter.js";

const COUNT = 2000;
const random = shuffleNumbers(2 * COUNT);
const [x, y] = [0, COUNT].map((start) =>
  Float32Array.from(random.subarray(start, start + COUNT), (number) => number / (2 * COUNT)),
);
const measure = (i, j) => Math.max(Math.abs(x[i] - x[j]), Math.abs(y[i] - y[j]));
const isClose = (a, b) => Math.abs(a - b) < 1e-6;

test("numbers are shuffled, always in the same way", () => {
  assert.deepEqual([...shuffleNumbers(COUNT)].sort((a, b) => a - b), [...Array(COUNT).keys()]);
  assert.deepEqual(shuffleNumbers(COUNT), shuffleNumbers(COUNT));
  const staying = [...shuffleNumbers(COUNT)].filter((number, i) => Math.abs(number - i) < 20);
  assert.ok(staying.length < 100);
  assert.equal(shuffleNumbers(0).length, 0);
});

test("the room of a point is its distance to the nearest one before it", () => {
  const { order, room } = rankPoints(x, y);
  assert.deepEqual([...order].sort((a, b) => a - b), [...Array(COUNT).keys()]);
  order.forEach((i, k) => {
    if (!k) return;
    const least = Math.min(...Array.from(order.subarray(0, k), (j) => measure(i, j)));
    assert.ok(isClose(room[i], least), `${room[i]} of ${i} is not ${least}`);
  });
});

test("points with more room come earlier, but for half an octave", () => {
  const { order, room } = rankPoints(x, y);
  let least = Infinity;
  for (const i of order) {
    assert.ok(room[i] < 1.4143 * least);
    least = Math.min(least, room[i]);
  }
});

test("those with room for an image do not cover one another, and no gap is large", () => {
  const { order, room } = rankPoints(x, y);
  for (const size of [0.3, 0.05, 0.01]) {
    const shown = [...order].filter((i) => room[i] >= size);
    for (const i of shown) {
      assert.ok(shown.every((j) => i === j || measure(i, j) >= size - 1e-6));
    }
    assert.ok(order.every((i) => shown.some((j) => measure(i, j) < 1.4143 * size)));
  }
});

test("points at one place are ranked, too", () => {
  const same = new Float32Array(5).fill(0.5);
  const { order, room } = rankPoints(same, same);
  assert.equal(order.length, 5);
  assert.equal([...room].filter((one) => one > 0).length, 1);
  assert.equal(rankPoints(new Float32Array(0), new Float32Array(0)).order.length, 0);
});

test("images are fitted one by one, the first first", () => {
  const [wide, tall] = [x, y].map((values) => values.map((value) => value * 1000 - 200));
  const gap = (i, j) => Math.max(Math.abs(wide[i] - wide[j]), Math.abs(tall[i] - tall[j]));
  const indices = shuffleNumbers(COUNT).subarray(0, 500);
  const expected = [];
  for (const i of indices) {
    if (expected.every((j) => gap(i, j) >= 40)) expected.push(i);
  }
  assert.ok(expected.length > 100);
  assert.deepEqual([...fitImages(wide, tall, indices, 40, 10_000)], expected);
});
