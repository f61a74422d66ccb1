import assert from "node:assert/strict";
import { test } from "node:test";

import { resample } from "../../animated/explorer/static/raster.js";

function scale(values, width, height, size) {
  const longest = Math.max(width, height);
  return resample(resample(values, width, height, size, longest), height, size, size, longest);
}

test("each value made is a mean of others", () => {
  for (const [count, size, longest] of [[28, 28, 28], [28, 160, 28], [28, 9, 28], [40, 9, 40]]) {
    const scaled = resample(new Uint8Array(count).fill(200), count, 1, size, longest);
    assert.equal(scaled.length, size);
    const margin = Math.ceil(size / count);
    const inside = scaled.subarray(margin, -margin);
    assert.ok(inside.every((value) => value === 199 || value === 200), `${size} of ${count}`);
  }
});

test("at its own size an image stays as it is", () => {
  const values = Uint8Array.from({ length: 49 }, (_, i) => 5 * i);
  assert.deepEqual(scale(values, 7, 7, 7), values);
});

test("rows stay rows and columns stay columns", () => {
  const values = new Uint8Array(36);
  values[1 * 6 + 4] = 255;
  const scaled = scale(values, 6, 6, 60);
  const brightest = scaled.indexOf(Math.max(...scaled));
  assert.ok(Math.abs(Math.floor(brightest / 60) - 15) <= 1 && Math.abs((brightest % 60) - 45) <= 1);
});

test("a stroke of one pixel remains seen when the image shrinks", () => {
  for (let column = 2; column < 26; column++) {
    const values = Uint8Array.from({ length: 784 }, (_, i) => (i % 28 === column ? 255 : 0));
    const scaled = scale(values, 28, 28, 10);
    const sum = scaled.reduce((total, value) => total + value) / 10;
    assert.ok(sum > 60 && sum < 130, `column ${column} becomes ${sum}`);
  }
});

test("an image that is not square is in the middle", () => {
  const scaled = scale(new Uint8Array(2 * 8).fill(255), 2, 8, 32);
  const row = [...scaled.subarray(16 * 32, 17 * 32)];
  assert.ok(row[15] > 250 && row[16] > 250 && row[2] === 0 && row[29] === 0);
  assert.deepEqual(row, [...row].reverse());
});
