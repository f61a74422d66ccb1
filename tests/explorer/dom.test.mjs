import assert from "node:assert/strict";
import { test } from "node:test";

import { format } from "../../animated/explorer/static/dom.js";

test("numbers are as long as people read them", () => {
  const numbers = [30_000, 1_234_567.8, 7, -50.0985, 0.123456, 999.96, 0];
  const texts = ["30,000", "1,234,568", "7", "-50.1", "0.1235", "1,000", "0"];
  assert.deepEqual(numbers.map(format), texts);
  assert.equal(format("missing"), "missing");
});
