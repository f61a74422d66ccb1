// The view: which part of an embedding is shown, how large, and where positions are on the screen.

const MAX_ZOOM = 512;

/** Returns the screen { scale, x, y } for a view: px per unit, and where the origin is in `stage`. */
export function getScreen(view, bounds, stage) {
  const { top, right, bottom, left } = stage.insets;
  const width = Math.max(40, stage.width - left - right);
  const height = Math.max(40, stage.height - top - bottom);
  const scale = Math.min(width / bounds.width, height / bounds.height) * view.zoom;
  return {
    scale,
    x: left + width / 2 - view.x * scale,
    y: top + height / 2 + view.y * scale,
  };
}

/** Returns the view that shows all of an embedding. */
export function fitView(bounds) {
  return { x: bounds.x, y: bounds.y, zoom: 1 };
}

/** Returns a view that keeps the embedding in sight: the middle of the view is within its bounds. */
export function clampView(view, bounds) {
  const clamp = (value, middle, extent) =>
    Math.min(middle + extent / 2, Math.max(middle - extent / 2, value));
  return {
    x: clamp(view.x, bounds.x, bounds.width),
    y: clamp(view.y, bounds.y, bounds.height),
    zoom: clampZoom(view.zoom, bounds),
  };
}

/** Returns a view `factor` times as large that leaves the position at px (sx, sy) where it is. */
export function zoomView(view, bounds, stage, factor, sx, sy) {
  const zoom = clampZoom(view.zoom * factor, bounds);
  const before = getScreen(view, bounds, stage);
  const x = (sx - before.x) / before.scale;
  const y = (before.y - sy) / before.scale;
  const shrink = view.zoom / zoom;
  return clampView({ x: x + (view.x - x) * shrink, y: y + (view.y - y) * shrink, zoom }, bounds);
}

/** Returns a view moved by (dx, dy) px of the screen. */
export function panView(view, bounds, stage, dx, dy) {
  const { scale } = getScreen(view, bounds, stage);
  return clampView({ ...view, x: view.x - dx / scale, y: view.y + dy / scale }, bounds);
}

/** Returns the view `part` of the way from one to another; one point of the screen stays fixed. */
export function blendViews(from, to, part) {
  if (part >= 1) return to;
  const zoom = from.zoom * (to.zoom / from.zoom) ** part;
  const change = 1 / from.zoom - 1 / to.zoom;
  const way = change ? (1 / from.zoom - 1 / zoom) / change : part;
  const [x, y] = ["x", "y"].map((axis) => from[axis] + (to[axis] - from[axis]) * way);
  return { x, y, zoom };
}

/** Returns the mean [x, y] of places [[x, y], …]. */
export function average(places) {
  return [0, 1].map((k) => places.reduce((sum, place) => sum + place[k] / places.length, 0));
}

// The bounds are those of the last epoch, but all epochs lie in the unit square.
function clampZoom(zoom, { width, height }) {
  return Math.min(MAX_ZOOM, Math.max(Math.min(1, Math.max(width, height)) / 2, zoom));
}
