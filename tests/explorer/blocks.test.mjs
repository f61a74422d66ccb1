// The file format, as JavaScript reads it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";

import {
  addSteps,
  decodeBase85,
  inflate,
  joinPlanes,
  readDocument,
  unpackNibbles,
} from "../../animated/explorer/static/blocks.js";

// base64.b85encode(bytes(range(80))).replace(b"<", b",") of Python
const EIGHTY =
  "009C61O)~M2nh-c3=Iws5D^j+6crX17#SKH9337XAR!_nBqb&%C@Cr{EG;fC" +
  "FflSSG&MFiI5|2yJUu=?KtV!7L`6nNNJ&adOifNt";

test("base85 gives the bytes back that Python wrote", () => {
  assert.deepEqual(
    [...decodeBase85(EIGHTY)],
    Array.from({ length: 80 }, (_, i) => i),
  );
  for (const [length, text] of ["", "{{", "|Nj", "|Ns9", "|NsC0"].entries()) {
    assert.deepEqual([...decodeBase85(text)], Array(length).fill(255));
  }
  assert.deepEqual([...decodeBase85("0RjUA1p")], [1, 2, 3, 4, 5]);
});

test("a comma stands for the less-than sign", () => {
  assert.deepEqual([...decodeBase85("0000,")], [0, 0, 0, 73]);
});

test("blocks are inflated, and damaged ones refused", async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 7);
  const deflated = new Uint8Array(deflateSync(bytes));
  assert.deepEqual(await inflate(deflated), bytes);
  deflated[deflated.length - 1] ^= 1;
  await assert.rejects(inflate(deflated));
  await assert.rejects(inflate(deflated.subarray(0, 5)));
});

test("planes of bytes become numbers", () => {
  assert.deepEqual([...joinPlanes(Uint8Array.of(1, 2, 255, 0, 1, 255), 3)], [1, 258, 65_535]);
  assert.deepEqual([...joinPlanes(Uint8Array.of(1, 2, 3, 4, 5, 6), 2, 3)], [328_449, 394_242]);
  assert.equal(joinPlanes(new Uint8Array(0), 0).length, 0);
});

test("nibbles become values of 8 bits, each image from a whole byte on", () => {
  assert.deepEqual([...unpackNibbles(Uint8Array.of(0xf0, 0x1), 1, 3)], [0, 255, 17]);
  assert.deepEqual([...unpackNibbles(Uint8Array.of(0x21, 0x3, 0x54, 0x6), 2, 3)], [
    17, 34, 51, 68, 85, 102,
  ]);
});

test("steps lead back to the epoch before", () => {
  const positions = Uint16Array.of(1000, 1000, 1000, 65_000);
  addSteps(positions, Uint16Array.of(0, 1, 2, 2029), 64);
  assert.deepEqual([...positions], [1000, 936, 1064, 40]);
});

test("a header that is damaged or missing is told in a sentence", async () => {
  const element = { textContent: "0000", remove: () => {} };
  const page = (found) => ({ readyState: "complete", querySelector: () => found });
  await assert.rejects(readDocument(page(element)), /^Error: This file is damaged.*"header"/);
  await assert.rejects(readDocument(page(null)), /^Error: .*"header" is missing/);
});
