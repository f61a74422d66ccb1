// The map: what a state looks like on a stage, and where on it everything is.

import { THEMES, packColor } from "./colors.js";
import { makeData } from "./loading.js";
import { drawOverlay } from "./overlay.js";
import { Points } from "./points.js";
import { turnPositions } from "./positions.js";
import { Raster } from "./raster.js";
import { average, getScreen } from "./view.js";

const DEEPEST = 8; // zoom up to which classes are named
const MOST = 200; // of them
const AXIS = 0.8; // of the side of a layout by pixels
const SHORTEST = 50;

/** Draws points for a state. Lengths are CSS px on the stage unless told otherwise. */
export class PointMap {
  constructor(element, header) {
    this.data = makeData(header);
    this.images = this.data.images;
    this.points = new Points(this.data);
    this.raster = new Raster();
    this.stage = { element, insets: { top: 64, right: 24, bottom: 96, left: 24 } };
    this.canvases = ["map", "overlay"].map((className) => {
      const canvas = document.createElement("canvas");
      return Object.assign(canvas, { className, ariaHidden: "true" });
    });
    element.append(...this.canvases);
  }

  get layout() {
    return this.data.layouts[this.state.layout];
  }

  /** The middle of the map, [sx, sy]. */
  get middle() {
    const { width, height, insets } = this.stage;
    return [(insets.left + width - insets.right) / 2, (insets.top + height - insets.bottom) / 2];
  }

  /** Returns the label of a point, "" if there are none. */
  labelOf = (index) => this.data.label?.categories[this.data.codes[index]] ?? "";

  /** Returns the colour, "#rrggbb", in which a point is drawn. */
  colorOf = (index) => this.points.palette[this.points.looks[index] % this.points.palette.length];

  /** Returns the colour, "#rrggbb", in which a class is drawn. */
  classColor = (code) => this.data.label.colors[this.state.theme][code];

  /** Draws a point's image into a canvas, in its colour. */
  paint = (canvas, index) => this.images.paint(canvas, index, this.colorOf(index));

  /** Returns the indices of a point's neighbours in the data, the nearest first. */
  neighborsOf(index) {
    const { neighbors, neighborCount: count } = this.data;
    return neighbors ? [...neighbors.subarray(index * count, (index + 1) * count)] : [];
  }

  /** Returns the value of a point in a column, by the column's number, or null. */
  valueOf(column, index) {
    const { min, max, values } = this.data.columns[column];
    if (!values || values[index] === 255) return null;
    // As fine as a byte knows it.
    const unit = 10 ** Math.floor(Math.log10((max - min) / 100 || 1));
    return Number((Math.round((min + ((max - min) * values[index]) / 254) / unit) * unit).toPrecision(9));
  }

  /** Returns the index of the point in front at (sx, sy) or within a radius of it, or -1. */
  pick(sx, sy, radius = 12) {
    const { points, stage, images, imageLength } = this;
    const [x, y] = [sx * stage.ratio, sy * stage.ratio];
    const covers = (i) =>
      Math.max(Math.abs(points.sx[i] - x), Math.abs(points.sy[i] - y)) <= imageLength / 2;
    return images?.shown.findLast(covers) ?? points.findNearest(x, y, radius * stage.ratio);
  }

  /** Returns the points, but for those left out, inside a path [[sx, sy], …], by the even-odd rule. */
  findInside(path) {
    const { sx, sy, parts } = this.points;
    const outline = new Path2D(`M${path.join("L")}Z`);
    // Its transform takes the path, but not a point, from CSS to device px.
    const overlay = this.canvases[1].getContext("2d");
    return [...parts.keys()].filter(
      (i) => parts[i] && overlay.isPointInPath(outline, sx[i], sy[i], "evenodd"),
    );
  }

  /** Returns where a point is, [sx, sy]. */
  locate(index) {
    return [this.points.sx, this.points.sy].map((values) => values[index] / this.stage.ratio);
  }

  /** Returns the radius of what is drawn for a point. */
  radiusOf(index) {
    const isImage = this.images?.opacity[index];
    return (isImage ? 0.6 * this.imageLength : this.dotRadius) / this.stage.ratio;
  }

  /** Returns [[sx, sy], …] of a point at every epoch up to the one shown. */
  trailOf(index) {
    const { epochs, last, loaded } = this.layout;
    const past = epochs.filter((epoch, k) => epoch < this.state.time && k > last - loaded);
    return [...this.toScreen(past.map((epoch) => this.layout.at(index, epoch))), this.locate(index)];
  }

  /** Returns the classes, the largest first, as { name, x, y }: where points in their middle are. */
  names() {
    const { data, state, layout } = this;
    if (!layout.middles || state.view.zoom > DEEPEST) return [];
    const { counts, categories } = data.label;
    return [...counts.keys()]
      .filter((code) => counts[code] && !state.hidden.has(code))
      .sort((a, b) => counts[b] - counts[a])
      .slice(0, MOST)
      .map((code) => [categories[code], average(layout.middles[code].map((i) => this.locate(i)))])
      .map(([name, [x, y]]) => ({ name, x, y }));
  }

  /** Returns what axes mean, where that is known: { from, to, name, image }. */
  axes() {
    const { layout, state, images } = this;
    const { x, y, z, width, height } = layout.bounds;
    if (state.isMoving || !(layout.isPixels || layout.pictures)) return [];
    const reach = layout.isPixels ? [AXIS, AXIS] : [width / 2, height / 2, width / 2];
    const middle = layout.isPixels ? [0, 0, 0] : [x, y, z];
    const axes = layout.pictures ?? state.pixels;
    const ends = axes.map((_, k) => middle.with(k, middle[k] + reach[k]));
    const [from, ...tos] = this.toScreen([middle, ...ends]);
    const axisOf = (to, k) =>
      layout.pictures
        ? { from, to, image: axes[k], name: `component ${k + 1}` }
        : { from, to, name: images.describe(axes[k]) };
    // One that points at us or away would hide the middle.
    return tos.map(axisOf).filter(({ to }) => Math.hypot(to[0] - from[0], to[1] - from[1]) > SHORTEST);
  }

  // Where positions [[x, y, z], …] of the layout are.
  toScreen(spots) {
    const [x, y, z] = [0, 1, 2].map((k) => Float32Array.from(spots, (spot) => spot[k]));
    if (this.layout.axes === 3) turnPositions({ x, y, z }, this.layout.bounds, this.state.turn);
    const screen = this.getScreen();
    return spots.map((_, i) => [x[i] * screen.scale + screen.x, screen.y - y[i] * screen.scale]);
  }

  // Where a point is in the layout, turned: what a view looks at.
  whereIs(index) {
    const [[sx, sy]] = this.toScreen([this.layout.at(index, this.state.time)]);
    const { scale, x, y } = this.getScreen();
    return { x: (sx - x) / scale, y: (y - sy) / scale };
  }

  getScreen(ratio = 1) {
    const { scale, x, y } = getScreen(this.state.view, this.layout.bounds, this.stage);
    return { scale: scale * ratio, x: x * ratio, y: y * ratio };
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage.element;
    const ratio = Math.min(3, devicePixelRatio);
    Object.assign(this.stage, { ratio, width, height });
    const [w, h] = [width, height].map((length) => Math.max(1, Math.round(length * ratio)));
    for (const canvas of this.canvases) Object.assign(canvas, { width: w, height: h });
    this.raster.resize(w, h);
  }

  // Draws a frame, `part` of the way into a layout; false when images are still to fade.
  draw(now, part) {
    const { points, raster, state, stage, images, layout } = this;
    if (this.isRecolored) points.colorize(state);
    if (this.isDisplaced) points.place(layout, state, part);
    this.isRecolored = this.isDisplaced = false;
    const screen = this.getScreen(stage.ratio);
    points.project(screen);
    this.dotRadius = measureDots(this.data.size, state.view.zoom) * stage.ratio;
    const hasImages = images && state.isReady;
    const isDone = !hasImages || this.chooseImages(now, part, screen.scale);
    const colors = hasImages ? points.dimmed : points.colors;
    raster.pixels.fill(packColor(THEMES[state.theme].background));
    raster.drawDots(points, colors, this.dotRadius, images?.opacity ?? points.none);
    if (hasImages) images.draw(raster, points, this.imageLength);
    const [map, overlay] = this.canvases.map((canvas) => canvas.getContext("2d"));
    map.putImageData(raster.picture, 0, 0);
    drawOverlay(overlay, this);
    return isDone;
  }

  chooseImages(now, part, scale) {
    const { layout, images, stage, isCalm, points, state } = this;
    const isSettled = layout.rank && layout.axes === 2 && state.time >= layout.end && part >= 1;
    const size = (this.imageLength = images.measure(layout, scale / stage.ratio) * stage.ratio);
    const { width, height } = this.raster;
    const screen = { scale, size, width, height, now, isSettled, isCalm, first: state.pinned };
    return images.choose(points, layout.rank, screen);
  }
}

// The radius of a dot: smaller when there are many, growing slowly with the zoom.
function measureDots(count, zoom) {
  const radius = Math.min(4, Math.max(0.9, 1.15 * (30000 / Math.max(1, count)) ** 0.2));
  return Math.min(6, radius * Math.max(1, zoom) ** 0.25);
}
