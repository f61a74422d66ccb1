// The points at one moment: where they are and how they look.

import { SHADES, THEMES, tabulateColors } from "./colors.js";
import { shuffleNumbers } from "./declutter.js";
import { makeAxes, turnPositions } from "./embedding.js";

const DIMMED = 0.55; // brightness of dots beside images
const ONLY_COLOR = "#6f95b5";

/** The points of a map: `unit` holds their positions, `sx` and `sy` where they are in device px. */
export class Points {
  constructor(data) {
    const { size } = data;
    Object.assign(this, { data, unit: makeAxes(size), origin: makeAxes(size), isDeep: true });
    [this.sx, this.sy] = [new Float32Array(size), new Float32Array(size)];
    [this.parts, this.shade, this.none] = [0, 1, 2].map(() => new Uint8Array(size));
    this.looks = new Uint32Array(size);
    this.mixed = shuffleNumbers(size);
    this.order = this.mixed.slice();
  }

  /** Colours points for a state; `parts` becomes 0 for those left out, 1 for faded ones, else 2. */
  colorize({ color, hidden, selection, theme }) {
    const { label, codes, columns, colormap } = this.data;
    const values = color.startsWith("column-") ? columns[color.slice(7)].values : null;
    const isByLabel = color === "label";
    this.palette = isByLabel ? label.colors[theme] : values ? colormap[theme] : [ONLY_COLOR];
    this.count = this.palette.length;
    this.colors = tabulateColors(this.palette, THEMES[theme], 1);
    this.dimmed = tabulateColors(this.palette, THEMES[theme], DIMMED);
    const numbers = isByLabel ? codes : (values ?? this.none);
    this.parts.fill(selection.length ? 1 : 2);
    for (const i of selection) this.parts[i] = 2;
    if (codes) this.parts.forEach((_, i) => hidden.has(codes[i]) && (this.parts[i] = 0));
    this.looks.forEach((_, i) => (this.looks[i] = this.parts[i] * this.count + numbers[i]));
    this.sort();
  }

  /** Places the points for an embedding at an epoch, `part` of the way from where they departed. */
  place(embedding, { time, turn }, part) {
    const { unit, origin } = this;
    embedding.place(time, unit);
    if (embedding.axes === 3) turnPositions(unit, embedding.bounds, turn);
    else unit.z.fill(1);
    if (part < 1) ["x", "y", "z"].forEach((axis) => blendArrays(origin[axis], unit[axis], part));
    const isDeep = embedding.axes === 3 || part < 1;
    if (isDeep || this.isDeep) this.sort();
    this.isDeep = isDeep;
  }

  /** Computes where the points are on a screen of device px. */
  project({ scale, x, y }) {
    const { unit, sx, sy } = this;
    for (let i = 0; i < sx.length; i++) {
      sx[i] = unit.x[i] * scale + x;
      sy[i] = y - unit.y[i] * scale;
    }
  }

  /** Returns the index of the point nearest to (x, y), within a radius, or -1; all in device px. */
  findNearest(x, y, radius) {
    const { sx, sy, parts } = this;
    let [nearest, least] = [-1, radius * radius];
    for (let i = 0; i < sx.length; i++) {
      const [dx, dy] = [sx[i] - x, sy[i] - y];
      const square = dx * dx + dy * dy;
      if (square <= least && parts[i]) [nearest, least] = [i, square];
    }
    return nearest;
  }

  /** Remembers where the points are, as positions on the screen to which they will travel. */
  depart({ scale, x, y }) {
    const { origin, sx, sy, unit } = this;
    for (let i = 0; i < sx.length; i++) {
      origin.x[i] = (sx[i] - x) / scale;
      origin.y[i] = (y - sy[i]) / scale;
    }
    origin.z.set(unit.z);
  }

  // In drawing order: points left out, then faded, then the others, each from far to near.
  sort() {
    const { parts, shade, unit, mixed, order } = this;
    const starts = new Uint32Array(3 * 256 + 1);
    const keys = new Uint16Array(parts.length);
    for (let i = 0; i < keys.length; i++) {
      const near = unit.z[i] * 255;
      shade[i] = (near * SHADES) / 256;
      keys[i] = parts[i] * 256 + near;
      starts[keys[i] + 1] += 1;
    }
    for (let k = 1; k < starts.length; k++) starts[k] += starts[k - 1];
    for (const i of mixed) order[starts[keys[i]]++] = i;
  }
}

function blendArrays(from, to, part) {
  for (let i = 0; i < to.length; i++) to[i] = from[i] + (to[i] - from[i]) * part;
}
