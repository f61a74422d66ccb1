import assert from "node:assert/strict";
import { test } from "node:test";

import {
  packColor,
  parseColor,
  SHADES,
  tabulateColors,
  THEMES,
} from "../../animated/explorer/static/colors.js";

const split = (color) => [color & 255, (color >> 8) & 255, (color >> 16) & 255, color >>> 24];

test("a colour is packed with red in the lowest byte, and opaque", () => {
  assert.deepEqual(parseColor("#010aff"), [1, 10, 255]);
  assert.deepEqual(split(packColor("#010aff")), [1, 10, 255, 255]);
});

test("with less light a colour is nearer to the background", () => {
  assert.deepEqual(split(packColor("#ff8000", "#000000", 0.5)), [127, 64, 0, 255]);
  assert.deepEqual(split(packColor("#000000", "#ffffff", 0.25)).map((value) => value >> 4), [
    11, 11, 11, 15,
  ]);
  assert.equal(packColor("#123456", "#ffffff", 1), packColor("#123456"));
});

test("a table holds all shades of points left out, faded and plain", () => {
  for (const theme of Object.values(THEMES)) {
    const table = tabulateColors(["#ff0000", "#00ff00"], theme, 1);
    assert.equal(table.length, SHADES * 6);
    assert.deepEqual([...table.slice(-6)], [
      ...[theme.faint, theme.faint].map((color) => packColor(color)),
      ...["#ff0000", "#00ff00"].map((color) => packColor(color, theme.background, 0.3)),
      ...["#ff0000", "#00ff00"].map((color) => packColor(color)),
    ]);
    const ground = parseColor(theme.background);
    const distances = Array.from({ length: SHADES }, (_, shade) => {
      const red = split(table[6 * shade + 4]);
      return ground.reduce((sum, value, k) => sum + Math.abs(value - red[k]), 0);
    });
    assert.deepEqual(distances, [...distances].sort((a, b) => a - b), "the farthest are faintest");
  }
});
