// Embeddings over time: the position of every point at an epoch, and its projection from 3-D.

import { addSteps, joinPlanes, makeDamage } from "./blocks.js";
import { rankPoints } from "./declutter.js";

const ORIGIN = 256;
const SPAN = 65000;
// Distance from the eye to the middle of a 3-D embedding, in radii.
const DISTANCE = 3;
// Irrational steps that spread points evenly within each of the levels that pixels have.
const SCATTER = [0.7548776662466927, 0.5698402909980532];
const LEVELS = 16;

/** Returns { x, y, z }, arrays (f32) of `size` numbers. */
export function makeAxes(size) {
  const [x, y, z] = [0, 1, 2].map(() => new Float32Array(size));
  return { x, y, z };
}

/** An embedding; `frames` holds the positions (u16, axes * n) at each of `epochs` read so far. */
export class Embedding {
  constructor(about, size) {
    Object.assign(this, about, { size, frames: [], loaded: 0 });
    this.last = Math.max(0, this.epochs.length - 1);
    [this.start, this.end] = [this.epochs[0] ?? 0, this.epochs[this.last] ?? 0];
  }

  get isThere() {
    return this.loaded > 0;
  }

  /** Takes the block of the last epoch. */
  readLast(bytes) {
    this.frames[this.last] = joinAxes(bytes, this.size, this.axes);
    this.loaded = 1;
  }

  /** Takes the block of an epoch, after those of all later ones. */
  readEpoch(number, bytes) {
    this.frames[number] = this.frames[number + 1].slice();
    addSteps(this.frames[number], joinAxes(bytes, this.size, this.axes), this.step);
    this.loaded += 1;
  }

  /** Returns the numbers of the frames before and after an epoch, and how far it is between them. */
  around(epoch) {
    const first = this.last + 1 - this.loaded;
    let after = first;
    while (after < this.last && this.epochs[after] < epoch) after += 1;
    const before = Math.max(first, after - 1);
    const gap = this.epochs[after] - this.epochs[before];
    const part = gap > 0 ? (epoch - this.epochs[before]) / gap : 1;
    return { before, after, part: Math.min(1, Math.max(0, part)) };
  }

  /** Returns [x, y, z] of one point at an epoch, in unit coordinates. */
  at(index, epoch) {
    const { before, after, part } = this.around(epoch);
    return [0, 1, 2].map((k) => {
      const [a, b] = [before, after].map((j) => this.frames[j][k * this.size + index]);
      return k < this.axes ? (a + (b - a) * part - ORIGIN) / SPAN : 0;
    });
  }

  /** Ranks the points by how early their images are drawn, and measures how far apart they are. */
  rankPoints() {
    const out = makeAxes(this.size);
    this.place(this.end, out);
    this.rank = rankPoints(out.x, out.y);
    // Three in ten points have at least this much room.
    this.spacing = this.rank.room.slice().sort()[Math.floor(0.7 * this.size)];
  }

  /** Fills `out` {x, y, z} (f32, n) with unit coordinates at an epoch, y upward. */
  place(epoch, out) {
    const { before, after, part } = this.around(epoch);
    const { frames, size, axes } = this;
    [out.x, out.y, out.z].slice(0, axes).forEach((values, k) => {
      const [a, b] = [before, after].map((j) => frames[j].subarray(k * size, (k + 1) * size));
      for (let i = 0; i < size; i++) values[i] = (a[i] + (b[i] - a[i]) * part - ORIGIN) / SPAN;
    });
  }
}

/**
 * An embedding whose axes are the values of two pixels, available once `images` is set. Pixels
 * have few levels, so points are scattered within each.
 */
export class PixelEmbedding extends Embedding {
  constructor(size) {
    const bounds = { x: 0.5, y: 0.5, width: 1.06, height: 1.06 };
    super({ name: "Two pixels", axes: 2, epochs: [], bounds, isPixels: true, pixels: [0, 0] }, size);
  }

  get isThere() {
    return Boolean(this.images);
  }

  at(index) {
    const [x, y] = this.pixels.map((pixel, k) => {
      const level = this.images.getValue(index, pixel) / 17;
      return (level + ((index * SCATTER[k]) % 1)) / LEVELS;
    });
    return [x, y, 0];
  }

  place(_, out) {
    for (let i = 0; i < this.size; i++) [out.x[i], out.y[i]] = this.at(i);
  }
}

/** Rotates and projects positions in place; z becomes nearness, from 0 to 1. */
export function turnPositions(out, { x: cx, y: cy, z: cz, radius }, { yaw, pitch }) {
  const [cosYaw, sinYaw, cosPitch, sinPitch] = [yaw, pitch].flatMap((a) => [Math.cos(a), Math.sin(a)]);
  const eye = DISTANCE * radius;
  for (let i = 0; i < out.x.length; i++) {
    const [x, y, z] = [out.x[i] - cx, out.y[i] - cy, out.z[i] - cz];
    const deep = z * cosYaw - x * sinYaw;
    const near = deep * cosPitch + y * sinPitch;
    const factor = eye / Math.max(radius, eye - near);
    out.x[i] = cx + (x * cosYaw + z * sinYaw) * factor;
    out.y[i] = cy + (y * cosPitch - deep * sinPitch) * factor;
    out.z[i] = Math.min(1, Math.max(0, (near / radius + 1) / 2));
  }
}

function joinAxes(bytes, size, axes) {
  const expected = 2 * size * axes;
  if (bytes.length !== expected) {
    throw makeDamage(`an embedding has ${bytes.length} bytes, not ${expected}`);
  }
  const joined = new Uint16Array(axes * size);
  for (let k = 0; k < axes; k++) {
    joined.set(joinPlanes(bytes.subarray(2 * k * size, 2 * (k + 1) * size), size), k * size);
  }
  return joined;
}
