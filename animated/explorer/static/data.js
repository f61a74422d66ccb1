// The file: blocks of bytes, which the browser itself inflates; the first is a header in JSON.

const ALPHABET =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, ALPHABET.indexOf(String.fromCharCode(code))),
);

/** Returns the bytes of base85 text, RFC 1924 with a comma for the less-than sign. */
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

/** Returns the bytes that zlib deflated; their checksum tells whether they are damaged. */
export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Returns the numbers whose bytes are kept in planes: all lowest bytes, then all next ones. */
export function joinPlanes(bytes, count, planes = 2) {
  const numbers = planes > 2 ? new Uint32Array(count) : new Uint16Array(count);
  for (let plane = 0; plane < planes; plane++) {
    const start = plane * count;
    for (let i = 0; i < count; i++) numbers[i] |= bytes[start + i] << (8 * plane);
  }
  return numbers;
}

/** Returns 8-bit values of `count` images of `size` 4-bit values, low nibble first. */
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

/** Adds zigzag-coded steps to the positions of one axis, in place. */
export function addSteps(positions, codes, step) {
  for (let i = 0; i < positions.length; i++) {
    positions[i] += ((codes[i] >>> 1) ^ -(codes[i] & 1)) * step;
  }
}

/** Returns the error to throw for a file of which something cannot be right. */
export function findDamage(what) {
  return new Error(`This file is damaged: ${what}. Export it again.`);
}

/** Returns the source of a page: its header, and `read`, which resolves to a block's bytes. */
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
    throw findDamage(`its part "${name}" cannot be read`);
  }
}

// The script runs while the rest of the page is still being parsed; a block is whole once
// something follows it.
async function awaitBlock(page, name) {
  for (;;) {
    const isParsed = page.readyState !== "loading";
    const element = page.querySelector(`[data-block="${name}"]`);
    if (element && (isParsed || element.nextElementSibling)) return element;
    if (isParsed) throw findDamage(`its part "${name}" is missing`);
    await new Promise((resolve) => setTimeout(resolve, 8));
  }
}
