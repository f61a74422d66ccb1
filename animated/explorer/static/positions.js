// Layouts over time: where every point is at an epoch, and how it is seen from an angle.

import { addSteps, findDamage, joinPlanes } from "./data.js";

const ORIGIN = 256;
const SPAN = 65000;
// From the eye to the middle of a layout in space, in radii.
const DISTANCE = 3;
// Two irrational steps scatter points evenly within each of the levels that pixels have.
const SCATTER = [0.7548776662466927, 0.5698402909980532];
const LEVELS = 16;

/** Returns three axes of so many numbers (f32). */
export function makeAxes(size) {
  const [x, y, z] = [0, 1, 2].map(() => new Float32Array(size));
  return { x, y, z };
}

/** A layout: `frames` holds positions (axes * n, u16) at each of `epochs`, once they are read. */
export class Layout {
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

  /** Takes the block of an epoch; those after it are there already. */
  readEpoch(number, bytes) {
    this.frames[number] = this.frames[number + 1].slice();
    addSteps(this.frames[number], joinAxes(bytes, this.size, this.axes), this.step);
    this.loaded += 1;
  }

  /** Returns the numbers of the read frames around an epoch, and how far it is between them. */
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

/** A layout by the values of two pixels, once it is given `images`; they are few, so scattered. */
export class PixelLayout extends Layout {
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

/** Turns positions in place as an eye in front sees them; z becomes nearness from 0 to 1. */
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
    throw findDamage(`a layout has ${bytes.length} bytes, not ${expected}`);
  }
  const joined = new Uint16Array(axes * size);
  for (let k = 0; k < axes; k++) {
    joined.set(joinPlanes(bytes.subarray(2 * k * size, 2 * (k + 1) * size), size), k * size);
  }
  return joined;
}
