// The framebuffer: blends dots and images into an array of pixels, which is copied to the canvas.
// Without a GPU this is several times faster than WebGL.

const PHASES = 4;
const MOST_SCALED = 5000;
const LEAST = 0.3; // share of a pixel that a dot must cover to be drawn there

/** A framebuffer of pixels (i32); lengths are device px. */
export class Raster {
  constructor() {
    this.scaled = new Map();
    this.resize(1, 1);
  }

  resize(width, height) {
    Object.assign(this, { width, height, stamps: {} });
    this.picture = new ImageData(width, height);
    this.pixels = new Int32Array(this.picture.data.buffer);
  }

  /** Draws points in their order as dots of a radius, except where `skip` (u8) is 255. */
  drawDots({ sx, sy, order, looks, shade, count }, colors, radius, skip) {
    const { pixels, width, height } = this;
    const { offsets, alphas, starts, half } = this.getStamps(radius);
    const [right, bottom] = [width - half - 1, height - half - 1];
    for (let k = 0; k < order.length; k++) {
      const i = order[k];
      const x = sx[i];
      const y = sy[i];
      if (!(x >= half && x < right && y >= half && y < bottom) || skip[i] === 255) continue;
      const color = colors[looks[i] + shade[i] * 3 * count];
      const column = x | 0;
      const row = y | 0;
      const phase = (((y - row) * PHASES) | 0) * PHASES + (((x - column) * PHASES) | 0);
      const at = row * width + column;
      for (let s = starts[phase]; s < starts[phase + 1]; s++) {
        const p = at + offsets[s];
        pixels[p] = blendPixels(pixels[p], color, alphas[s]);
      }
    }
  }

  /**
   * Draws an image of size * size centred at (x, y): one channel (u8) as ink of a colour, or three
   * channels as they are, framed in that colour.
   */
  drawImage(inks, size, x, y, color, opacity) {
    const { pixels, width, height } = this;
    const [left, top] = [Math.round(x - size / 2), Math.round(y - size / 2)];
    const [from, to] = [Math.max(0, -left), Math.min(size, width - left)];
    const [ink, green, blue] = inks;
    for (let row = Math.max(0, -top); row < Math.min(size, height - top); row++) {
      const at = (top + row) * width + left;
      const isEdge = !row || row === size - 1;
      for (let column = from; column < to; column++) {
        const k = row * size + column;
        const p = at + column;
        if (!blue) {
          if (ink[k]) pixels[p] = blendPixels(pixels[p], color, (ink[k] * opacity + 255) >> 8);
        } else if (isEdge || !column || column === size - 1) {
          pixels[p] = blendPixels(pixels[p], color, opacity);
        } else {
          const own = ink[k] | (green[k] << 8) | (blue[k] << 16);
          pixels[p] = blendPixels(pixels[p], own, opacity);
        }
      }
    }
  }

  /** Returns the image (u8) that `read` returns, scaled to size * size; cached by key per size. */
  scale(key, read, width, height, size) {
    if (this.size !== size || this.scaled.size > MOST_SCALED) {
      this.size = size;
      this.scaled.clear();
    }
    if (!this.scaled.has(key)) {
      const longest = Math.max(width, height);
      const tall = resample(read(), width, height, size, longest);
      this.scaled.set(key, resample(tall, height, size, size, longest));
    }
    return this.scaled.get(key);
  }

  // Which pixels a dot covers, and how much, for PHASES * PHASES positions within a pixel.
  getStamps(radius) {
    if (this.stamps.radius === radius) return this.stamps;
    const half = Math.ceil(radius + 1);
    const [offsets, alphas, starts] = [[], [], [0]];
    for (let phase = 0; phase < PHASES * PHASES; phase++) {
      const [x, y] = [phase % PHASES, Math.floor(phase / PHASES)].map((k) => (k + 0.5) / PHASES - 0.5);
      for (let dy = -half; dy <= half; dy++) {
        for (let dx = -half; dx <= half; dx++) {
          const cover = Math.min(1, radius + 0.5 - Math.hypot(dx - x, dy - y));
          if (cover < LEAST) continue;
          offsets.push(dy * this.width + dx);
          alphas.push(Math.round(cover * 256));
        }
      }
      starts.push(offsets.length);
    }
    const [places, covers] = [offsets, alphas].map((numbers) => Int32Array.from(numbers));
    return (this.stamps = { radius, half, offsets: places, alphas: covers, starts });
  }
}

// Blends two channels at a time; alpha runs from 0 to 256.
function blendPixels(under, over, alpha) {
  const rest = 256 - alpha;
  const red = Math.imul(over & 0xff00ff, alpha) + Math.imul(under & 0xff00ff, rest);
  const green = Math.imul(over & 0xff00, alpha) + Math.imul(under & 0xff00, rest);
  return 0xff000000 | ((red >>> 8) & 0xff00ff) | ((green >>> 8) & 0xff00);
}

/**
 * Resamples each of `height` rows of `width` values (u8) to `size`, the length of `longest` values,
 * and returns the result column by column. Values are weighted by a tent one step wide, and wider
 * when an image shrinks, so that no stroke falls between pixels.
 */
export function resample(values, width, height, size, longest) {
  const scaled = new Uint8Array(size * height);
  const step = longest / size;
  const reach = Math.max(1, step);
  for (let k = 0; k < size; k++) {
    const middle = (k + 0.5) * step - 0.5 - (longest - width) / 2;
    const first = Math.ceil(middle - reach);
    const weigh = (_, t) => Math.max(0, reach - Math.abs(first + t - middle));
    const tent = Array.from({ length: 2 * reach }, weigh);
    const total = tent.reduce((sum, weight) => sum + weight);
    const [from, to] = [Math.max(0, -first), Math.min(tent.length, width - first)];
    for (let row = 0; row < height; row++) {
      let sum = 0;
      for (let t = from; t < to; t++) sum += values[row * width + first + t] * tent[t];
      scaled[k * height + row] = sum / total;
    }
  }
  return scaled;
}
