// Draws what lies over the points: axes, trails, edges, rings, names and the path of a lasso.

import { findTrail, listAxes, listNames } from "./annotations.js";
import { THEMES } from "./colors.js";

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const MAX_TRAILS = 100;
const MAX_SELECTED = 1000;
const PICTURE = 56; // CSS px of a component's image

/** Draws everything over the points of a map for a state; lengths are CSS px. */
export function drawOverlay(context, map, state) {
  const { stage } = map;
  const theme = THEMES[state.theme];
  context.setTransform(stage.ratio, 0, 0, stage.ratio, 0, 0);
  context.clearRect(0, 0, stage.width, stage.height);
  Object.assign(context, { lineJoin: "round", textAlign: "center", textBaseline: "middle" });
  listAxes(map, state).forEach((axis) => drawAxis(context, theme, stage, axis));
  if (state.trails) drawTrails(context, map, state);
  const marked = new Set([state.pinned, state.hovered].filter((index) => index >= 0));
  for (const index of marked) drawEdges(context, theme, map, index);
  drawSelected(context, theme, map, state);
  drawNames(context, theme, listNames(map, state));
  for (const index of marked) {
    const width = index === state.pinned ? 3 : 1.5;
    strokeTwice(context, makeRing(map, index, 3), width, theme.ink, theme.background);
  }
  if (state.path) drawPath(context, theme, state.path);
}

const makeLine = (spots) => new Path2D(`M${spots.join("L")}`);

function makeRing(map, index, gap) {
  const ring = new Path2D();
  ring.arc(...map.locate(index), map.radiusOf(index) + gap, 0, 2 * Math.PI);
  return ring;
}

// A halo sets the line off from points of its colour.
function strokeTwice(context, line, width, color, halo) {
  Object.assign(context, { lineWidth: width + 3, strokeStyle: halo }).stroke(line);
  Object.assign(context, { lineWidth: width, strokeStyle: color }).stroke(line);
}

function drawEdges(context, theme, map, index) {
  const [x, y] = map.locate(index);
  for (const neighbor of map.data.neighborsOf(index)) {
    const [dx, dy] = map.locate(neighbor).map((to, k) => to - [x, y][k]);
    // The edge runs from rim to rim, and does not cover either image.
    const [from, to] = [index, neighbor].map((one) => map.radiusOf(one) / Math.hypot(dx, dy));
    if (!(from + to < 1)) continue;
    const line = makeLine([from, 1 - to].map((part) => [x + dx * part, y + dy * part]));
    strokeTwice(context, line, 1.5, map.colorOf(neighbor), theme.background);
  }
}

function drawNames(context, theme, names) {
  const taken = [];
  context.font = `700 16px ${FONT}`;
  Object.assign(context, { lineWidth: 4, strokeStyle: theme.background, fillStyle: theme.ink });
  for (const { name, x, y } of names) {
    const text = name.length > 24 ? `${name.slice(0, 23)}…` : name;
    const half = context.measureText(text).width / 2 + 2;
    const touches = (one) => Math.abs(one.x - x) < one.half + half && Math.abs(one.y - y) < 18;
    if (taken.some(touches)) continue;
    taken.push({ x, y, half });
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }
}

// Rings mark selected dots, which would get lost among thousands.
function drawSelected(context, theme, map, state) {
  const { selection } = state;
  Object.assign(context, { lineWidth: 1, strokeStyle: theme.ink });
  for (const index of selection.length > MAX_SELECTED ? [] : selection) {
    if (map.data.images?.opacity[index]) continue;
    const ring = makeRing(map, index, 1.5);
    Object.assign(context, { fillStyle: map.colorOf(index) }).fill(ring);
    context.stroke(ring);
  }
}

// Trails of the selected points; without a selection, of the pinned or hovered one.
function drawTrails(context, map, state) {
  const { selection, pinned, hovered } = state;
  const marked = [pinned >= 0 ? pinned : hovered].filter((index) => index >= 0);
  Object.assign(context, { globalAlpha: 0.75, lineWidth: 1.5 });
  for (const index of selection.length ? selection.subarray(0, MAX_TRAILS) : marked) {
    const line = makeLine(findTrail(map, state, index));
    Object.assign(context, { strokeStyle: map.colorOf(index) }).stroke(line);
  }
  context.globalAlpha = 1;
}

function drawPath(context, theme, path) {
  const line = makeLine([...path, path[0]]);
  Object.assign(context, { fillStyle: "#8883" }).fill(line);
  Object.assign(context, { lineWidth: 1.5, strokeStyle: theme.ink }).stroke(line);
}

// A line from the middle of the embedding; at its end the name, and the image of a component.
function drawAxis(context, { ink, background }, { width, height, insets }, { from, to, image, name }) {
  const margin = PICTURE / 2 + 8;
  const x = Math.min(width - insets.right - margin, Math.max(insets.left + margin, to[0]));
  const y = Math.min(height - insets.bottom - margin - 16, Math.max(insets.top + margin, to[1]));
  Object.assign(context, { globalAlpha: 0.55, lineWidth: 1, strokeStyle: ink, fillStyle: background });
  context.stroke(makeLine([from, to]));
  context.globalAlpha = 1;
  if (image) {
    const box = [x - PICTURE / 2, y - PICTURE / 2, PICTURE, PICTURE];
    context.fillRect(...box);
    context.drawImage(image, ...box);
    context.strokeRect(...box);
  }
  Object.assign(context, { font: `12px ${FONT}`, fillStyle: ink });
  context.fillText(name, x, y + (image ? PICTURE / 2 : 0) + 11);
}
