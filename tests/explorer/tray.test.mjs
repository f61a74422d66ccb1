import assert from "node:assert/strict";
import { test } from "node:test";

import { formatPoints } from "../../animated/explorer/static/tray.js";

const LABELS = ["plain", 'a "b", c', "two\nlines", ""];
const labelled = { label: {}, labelOf: (index) => LABELS[index] };

test("labels with commas, quotes and lines are quoted in CSV", () => {
  const text = formatPoints("csv", Uint32Array.of(0, 1, 2, 3), labelled);
  assert.equal(text, 'index,label\n0,plain\n1,"a ""b"", c"\n2,"two\nlines"\n3,\n');
});

test("JSON holds numbers and texts", () => {
  const rows = JSON.parse(formatPoints("json", Uint32Array.of(1, 3), labelled));
  assert.deepEqual(rows, [{ index: 1, label: LABELS[1] }, { index: 3, label: "" }]);
});

test("without labels there are indices alone", () => {
  const plain = { label: null, labelOf: () => "" };
  assert.equal(formatPoints("csv", [5, 6], plain), "index\n5\n6\n");
  assert.deepEqual(JSON.parse(formatPoints("json", [5], plain)), [{ index: 5 }]);
});
