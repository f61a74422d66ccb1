// Points shown as images: which ones, how large, and how opaque.

import { parseColor } from "./colors.js";
import { fitImages } from "./declutter.js";

const SMALLEST = 28; // CSS px
const LARGEST = 160;
const FADING = 160; // ms an image takes to appear among moving points
const MARGIN = 0.12; // room beyond its length, as a share of it, at which an image is opaque

/** The images of a map, of which only some are shown at a time. */
export class Images {
  constructor(about, size) {
    Object.assign(this, about, { size, shown: [], chosen: [], fadeUntil: 0 });
    this.values = new Uint8Array(size * about.width * about.height * about.channels);
    this.opacity = new Uint8Array(size);
    this.wanted = new Uint8Array(size);
  }

  /** Returns the values (u8) of one channel of an image, row by row. */
  getChannel(index, channel) {
    const { width, height, channels, values } = this;
    const area = width * height;
    const image = values.subarray(index * area * channels, (index + 1) * area * channels);
    if (channels === 1) return image;
    return Uint8Array.from({ length: area }, (_, i) => image[channels * i + channel]);
  }

  /** Returns the name of a pixel: "row 3, column 1". */
  describe(pixel) {
    return `row ${Math.floor(pixel / this.width) + 1}, column ${(pixel % this.width) + 1}`;
  }

  /** Returns the value (u8) of a pixel of an image, of its first channel. */
  getValue(index, pixel) {
    return this.values[(index * this.width * this.height + pixel) * this.channels];
  }

  /** Returns the length (CSS px) of images at a scale; it grows more slowly than the scale. */
  measure({ spacing = 0 }, scale) {
    return Math.min(LARGEST, SMALLEST * Math.max(1, (spacing * scale) / SMALLEST) ** 0.75);
  }

  /**
   * Chooses which points on a screen are shown as images of `size`, all in device px, and fades
   * images in and out; returns whether fading is done. `first` is always shown, unless it is -1.
   */
  choose(points, rank, { scale, size, width, height, now, isSettled, isCalm, first }) {
    const length = size * this.footprint;
    const { sx, sy, parts } = points;
    const isNear = (i) =>
      parts[i] && sx[i] > -size && sx[i] < width + size && sy[i] > -size && sy[i] < height + size;
    const most = (width / length + 3) * (height / length + 3);
    const chosen = isSettled
      ? chooseRanked(rank, isNear, length / scale)
      : this.chooseFitting(points, rank, isNear, length, most);
    if (first >= 0 && !chosen.includes(first)) chosen.push(first);
    for (const i of this.chosen) this.wanted[i] = 0;
    for (const i of chosen) {
      const space = isSettled && i !== first ? (rank.room[i] * scale) / length - 1 : MARGIN;
      this.wanted[i] = 255 * Math.min(1, 0.1 + space / MARGIN);
    }
    this.chosen = chosen;
    if (!isSettled) this.fadeUntil = now + FADING;
    const elapsed = Math.min(50, now - this.chosenAt);
    this.chosenAt = now;
    return this.fade(chosen, isCalm || now > this.fadeUntil ? 255 : (255 * elapsed) / FADING);
  }

  // Images chosen before come first, so that they stay while points move.
  chooseFitting({ sx, sy, mixed }, rank, isNear, length, most) {
    const others = (rank?.order ?? mixed).filter((i) => !this.wanted[i] && isNear(i));
    return fitImages(sx, sy, [...this.chosen.filter(isNear), ...others], length, most);
  }

  fade(chosen, step) {
    const { wanted, opacity } = this;
    const all = [...this.shown.filter((i) => !wanted[i]), ...chosen];
    for (const i of all) opacity[i] += Math.max(-step, Math.min(step, wanted[i] - opacity[i]));
    const isDone = all.every((i) => opacity[i] === wanted[i]);
    this.shown = all.filter((i) => opacity[i]);
    return isDone;
  }

  /** Draws the shown images into a framebuffer, at a length in device px. */
  draw(raster, { sx, sy, parts, looks, shade, colors, count }, length) {
    const { width, height, channels } = this;
    const size = Math.round(length);
    for (const i of this.shown) {
      const inks = Array.from({ length: channels }, (_, c) =>
        raster.scale(channels * i + c, () => this.getChannel(i, c), width, height, size),
      );
      const color = colors[looks[i] + shade[i] * 3 * count];
      // Images in colour cannot take a faded colour, so they become transparent.
      const fading = channels > 1 && parts[i] < 2 ? 4 : 1;
      raster.drawImage(inks, size, sx[i], sy[i], color, (this.opacity[i] + 1) / fading);
    }
  }

  /** Fills an empty canvas with an image: its ink in a colour "#rrggbb", or its own colours. */
  paint(canvas, index, color) {
    const { width, height, channels } = this;
    const inks = Array.from({ length: channels }, (_, c) => this.getChannel(index, c));
    const picture = new ImageData(width, height);
    const own = parseColor(color);
    for (let i = 0; i < width * height; i++) {
      const values = inks.map((ink) => ink[i]);
      picture.data.set(channels === 1 ? [...own, ...values] : [...values, 255], 4 * i);
    }
    const source = new OffscreenCanvas(width, height);
    source.getContext("2d").putImageData(picture, 0, 0);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(source, 0, 0, canvas.width, canvas.height);
  }
}

function chooseRanked({ order, room }, isNear, needed) {
  const chosen = [];
  for (const i of order) {
    // Room shrinks in steps of half an octave, so no later point has more.
    if (room[i] < 0.7 * needed) break;
    if (room[i] >= needed && isNear(i)) chosen.push(i);
  }
  return chosen;
}
