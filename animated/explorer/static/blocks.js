// The file format: named blocks of deflated bytes in base85; the first, the header, is JSON.

const ALPHABET =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, ALPHABET.indexOf(String.fromCharCode(code))),
);

/** Decodes base85 text, RFC 1924 with a comma in place of the less-than sign. */
export function decodeBase85(text) {
  const bytes = new Uint8Array(Math.ceil(text.length / 5) * 4);
  const padded = text.padEnd(Math.ceil(text.length / 5) * 5, "~");
  for (let i = 0, j = 0; i < padded.length; i += 5, j += 4) {
    let value = 0;
    for (let k = i; k < i + 5; k++) value = value * 85 + DIGITS[padded.charCodeAt(k) & 127];
    bytes[j] = value >>> 24;
    bytes[j + 1] = value >>> 16;
    bytes[j + 2] = value >>> 8;
    bytes[j + 3] = value;
  }
  return bytes.subarray(0, Math.floor((text.length * 4) / 5));
}

/** Inflates bytes in zlib's format; rejects if their checksum is wrong. */
export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Returns numbers stored as planes: the lowest bytes of all, then the next bytes of all. */
export function joinPlanes(bytes, count, planes = 2) {
  const numbers = planes > 2 ? new Uint32Array(count) : new Uint16Array(count);
  for (let plane = 0; plane < planes; plane++) {
    const start = plane * count;
    for (let i = 0; i < count; i++) numbers[i] |= bytes[start + i] << (8 * plane);
  }
  return numbers;
}

/** Returns the 8-bit values of `count` images of `size` 4-bit values, low nibble first. */
export function unpackNibbles(bytes, count, size) {
  const values = new Uint8Array(count * size);
  const stride = (size + 1) >> 1;
  for (let image = 0; image < count; image++) {
    for (let i = 0; i < size; i++) {
      const byte = bytes[image * stride + (i >> 1)];
      values[image * size + i] = 17 * (i & 1 ? byte >> 4 : byte & 15);
    }
  }
  return values;
}

/** Adds zigzag-coded steps to positions, in place. */
export function addSteps(positions, codes, step) {
  for (let i = 0; i < positions.length; i++) {
    positions[i] += ((codes[i] >>> 1) ^ -(codes[i] & 1)) * step;
  }
}

/** Returns the error for a damaged file. */
export function makeDamage(what) {
  return new Error(`This file is damaged: ${what}. Export it again.`);
}

/** Returns the source of a page: its header, and `read`, which resolves to the bytes of a block. */
export async function readDocument(page) {
  const read = (name) => readBlock(page, name);
  return { header: JSON.parse(new TextDecoder().decode(await read("header"))), read };
}

async function readBlock(page, name) {
  const element = await awaitBlock(page, name);
  const text = element.textContent.trim();
  element.remove();
  try {
    return await inflate(decodeBase85(text));
  } catch {
    throw makeDamage(`its part "${name}" cannot be read`);
  }
}

// The script runs while the rest of the page is still being parsed. A block is complete once
// another element follows it.
async function awaitBlock(page, name) {
  for (;;) {
    const isParsed = page.readyState !== "loading";
    const element = page.querySelector(`[data-block="${name}"]`);
    if (element && (isParsed || element.nextElementSibling)) return element;
    if (isParsed) throw makeDamage(`its part "${name}" is missing`);
    await new Promise((resolve) => setTimeout(resolve, 8));
  }
}
