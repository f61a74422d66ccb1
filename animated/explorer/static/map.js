// The map: draws the points for a state, and answers where on the screen everything is.

import { THEMES, packColor } from "./colors.js";
import { turnPositions } from "./embedding.js";
import { drawOverlay } from "./overlay.js";
import { Points } from "./points.js";
import { Raster } from "./raster.js";
import { getScreen } from "./view.js";

const NEAR = 64; // largest zoom at which a point is shown so that its image has room
const FAR = 6; // zoom at which a point is shown if it has no image
// Keys of the state on which the positions of points depend, and their colours.
const PLACING = ["embedding", "time", "turn", "pixels", "loaded", "isMoving"];
const COLORING = ["color", "hidden", "selection", "theme"];

/** Draws points into an element. Lengths are CSS px on the stage unless noted otherwise. */
export class PointMap {
  constructor(element, data) {
    this.data = data;
    this.points = new Points(data);
    this.raster = new Raster();
    this.isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.stage = { element, insets: { top: 64, right: 24, bottom: 96, left: 24 } };
    this.canvases = ["map", "overlay"].map((className) => {
      const canvas = document.createElement("canvas");
      return Object.assign(canvas, { className, ariaHidden: "true" });
    });
    element.append(...this.canvases);
    this.resize();
    this.invalidate();
  }

  // --- Drawing -------------------------------------------------------------------------------

  /** Has the next drawing compute what depends on a key of the state anew; without one, all. */
  invalidate(key) {
    this.isDisplaced ||= !key || PLACING.includes(key);
    this.isRecolored ||= !key || COLORING.includes(key);
  }

  /** Fits the canvases to the element. */
  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage.element;
    const ratio = Math.min(3, devicePixelRatio);
    Object.assign(this.stage, { ratio, width, height });
    const [w, h] = [width, height].map((length) => Math.max(1, Math.round(length * ratio)));
    for (const canvas of this.canvases) Object.assign(canvas, { width: w, height: h });
    this.raster.resize(w, h);
  }

  /**
   * Draws a frame at a time in ms. `part` is how far points have travelled from where they departed
   * to the embedding. Returns false while images still have to fade in or out.
   */
  draw(state, now, part) {
    const { data, points, raster, stage } = this;
    if (this.isRecolored) points.colorize(state);
    if (this.isDisplaced) points.place(this.embeddingOf(state), state, part);
    this.isRecolored = this.isDisplaced = false;
    const screen = this.getScreen(state, stage.ratio);
    points.project(screen);
    this.dotRadius = measureDots(data.size, state.view.zoom) * stage.ratio;
    const images = state.isReady ? data.images : null;
    const isDone = !images || this.chooseImages(state, now, part, screen.scale);
    raster.pixels.fill(packColor(THEMES[state.theme].background));
    const colors = images ? points.dimmed : points.colors;
    raster.drawDots(points, colors, this.dotRadius, data.images?.opacity ?? points.none);
    images?.draw(raster, points, this.imageLength);
    const [map, overlay] = this.canvases.map((canvas) => canvas.getContext("2d"));
    map.putImageData(raster.picture, 0, 0);
    drawOverlay(overlay, this, state);
    return isDone;
  }

  chooseImages(state, now, part, scale) {
    const { data, stage, isCalm, points } = this;
    const embedding = this.embeddingOf(state);
    const { rank, axes, end } = embedding;
    const isSettled = rank && axes === 2 && state.time >= end && part >= 1;
    const size = data.images.measure(embedding, scale / stage.ratio) * stage.ratio;
    this.imageLength = size;
    const { width, height } = this.raster;
    const screen = { scale, size, width, height, now, isSettled, isCalm, first: state.pinned };
    return data.images.choose(points, rank, screen);
  }

  /** Lets points depart from where they are on the screen, on their way to the state's embedding. */
  depart(state) {
    this.points.depart(this.getScreen(state, this.stage.ratio));
  }

  /** Removes everything that was drawn. */
  destroy() {
    this.stage.element.replaceChildren();
  }

  // --- Where points are, and how they look, in the last drawing --------------------------------

  /** Returns where a point is, [sx, sy]. */
  locate(index) {
    return [this.points.sx, this.points.sy].map((values) => values[index] / this.stage.ratio);
  }

  /** Returns the index of the frontmost point at (sx, sy), or nearest within a radius, or -1. */
  pick(sx, sy, radius = 12) {
    const { points, stage, data, imageLength } = this;
    const [x, y] = [sx * stage.ratio, sy * stage.ratio];
    const covers = (i) =>
      Math.max(Math.abs(points.sx[i] - x), Math.abs(points.sy[i] - y)) <= imageLength / 2;
    return data.images?.shown.findLast(covers) ?? points.findNearest(x, y, radius * stage.ratio);
  }

  /** Returns the points that are not left out inside a path [[sx, sy], …], by the even-odd rule. */
  findInside(path) {
    const { sx, sy, parts } = this.points;
    const outline = new Path2D(`M${path.join("L")}Z`);
    // The context's transform applies to the path, which is in CSS px, and not to the points.
    const overlay = this.canvases[1].getContext("2d");
    return [...parts.keys()].filter(
      (i) => parts[i] && overlay.isPointInPath(outline, sx[i], sy[i], "evenodd"),
    );
  }

  /** Returns the radius of what is drawn for a point, dot or image. */
  radiusOf(index) {
    const isImage = this.data.images?.opacity[index];
    return (isImage ? 0.6 * this.imageLength : this.dotRadius) / this.stage.ratio;
  }

  /** Returns the colour of a point, "#rrggbb". */
  colorOf(index) {
    const { palette, looks } = this.points;
    return palette[looks[index] % palette.length];
  }

  /** Draws the image of a point into an empty canvas, in the point's colour. */
  paint(canvas, index) {
    this.data.images.paint(canvas, index, this.colorOf(index));
  }

  // --- Where positions are for a state -----------------------------------------------------------

  /** Returns the embedding that a state shows. */
  embeddingOf(state) {
    return this.data.embeddings[state.embedding];
  }

  /** Returns the middle of the part of the map that no panel covers, [sx, sy]. */
  get middle() {
    const { width, height, insets } = this.stage;
    return [(insets.left + width - insets.right) / 2, (insets.top + height - insets.bottom) / 2];
  }

  /** Returns the scale, and the place of the origin, in px of which a CSS px has `ratio`. */
  getScreen(state, ratio = 1) {
    const { scale, x, y } = getScreen(state.view, this.embeddingOf(state).bounds, this.stage);
    return { scale: scale * ratio, x: x * ratio, y: y * ratio };
  }

  /** Returns where positions [[x, y, z], …] of the embedding are, [[sx, sy], …]. */
  toScreen(state, positions) {
    const { axes, bounds } = this.embeddingOf(state);
    const [x, y, z] = [0, 1, 2].map((k) => Float32Array.from(positions, (position) => position[k]));
    if (axes === 3) turnPositions({ x, y, z }, bounds, state.turn);
    const screen = this.getScreen(state);
    return positions.map((_, i) => [x[i] * screen.scale + screen.x, screen.y - y[i] * screen.scale]);
  }

  /** Returns the position { x, y } of a point after turning: the one a view has to look at. */
  findPosition(state, index) {
    const [[sx, sy]] = this.toScreen(state, [this.embeddingOf(state).at(index, state.time)]);
    const { scale, x, y } = this.getScreen(state);
    return { x: (sx - x) / scale, y: (y - sy) / scale };
  }

  /** Returns the smallest zoom at which the image of a point has room beside its neighbours'. */
  findZoom(state, index) {
    const { data: { images }, stage } = this;
    const embedding = this.embeddingOf(state);
    if (!images || !embedding.rank) return FAR;
    const isTight = (zoom) => {
      const { scale } = getScreen({ x: 0, y: 0, zoom }, embedding.bounds, stage);
      return embedding.rank.room[index] * scale < 1.15 * images.measure(embedding, scale);
    };
    let zoom = 1;
    while (zoom < NEAR && isTight(zoom)) zoom *= 1.25;
    return zoom;
  }
}

// The radius of a dot: smaller if there are many points, growing slowly with the zoom.
function measureDots(count, zoom) {
  const radius = Math.min(4, Math.max(0.9, 1.15 * (30000 / Math.max(1, count)) ** 0.2));
  return Math.min(6, radius * Math.max(1, zoom) ** 0.25);
}
