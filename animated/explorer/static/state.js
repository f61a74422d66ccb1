// The state of the explorer: everything that a visitor can change, in one object.

import { THEMES } from "./colors.js";

/** Returns the state in which an explorer of `data` starts. */
export function makeState(data) {
  return {
    embedding: 0, // number of the embedding shown
    time: 0, // epoch shown; between two stored epochs positions are interpolated
    loaded: 0, // how many epochs of the embedding have been read
    view: { x: 0.5, y: 0.5, zoom: 1 }, // position in the middle of the map, and magnification
    turn: { yaw: 0, pitch: 0 }, // rotation of a 3-D embedding, radians
    pixels: data.images?.pixels ?? [0, 0], // pixels that are the axes of the pixel embedding

    isPlaying: false,
    speed: 30, // epochs per second while playing
    isTurning: false, // whether a 3-D embedding keeps rotating
    isMoving: false, // whether points travel from one embedding to another
    isReady: false, // whether all images have been read

    color: data.label ? "label" : "none", // or "column-0", "column-1", …
    theme: "dark", // or "light"
    hidden: new Set(), // codes of the classes left out
    trails: false, // whether to draw the path of points up to the epoch shown

    hovered: -1, // index of the point under the pointer, -1 for none
    pinned: -1, // index of the point the card stays on, -1 for none
    selection: new Uint32Array(0), // indices of the selected points, ascending

    mode: "pan", // what dragging does; or "lasso", "box"
    path: null, // the lasso or box being drawn, [[sx, sy], …] in CSS px
  };
}

// Per key: the nearest value allowed, given the explorer whose state it is to enter.
const RULES = {
  time: (value, { embedding }) => clamp(value, embedding.start, embedding.end),
  speed: (value) => clamp(value, 0.1, 1000),
  turn: ({ yaw, pitch }) => ({ yaw: Number(yaw) || 0, pitch: clamp(pitch, -1.57, 1.57) }),
  pixels: (value, { data: { images } }) =>
    images ? value.map((one) => Math.floor(clamp(one, 0, images.width * images.height - 1))) : value,
  isPlaying: (value, { embedding }) => Boolean(value) && embedding.end > embedding.start,
  isTurning: (value, { embedding }) => Boolean(value) && embedding.axes === 3,
  color: (value, { data, state }) => (hasColor(data, value) ? value : state.color),
  theme: (value, { state }) => (Object.hasOwn(THEMES, value) ? value : state.theme),
  hovered: (value, { data }) => (isIndex(value, data) ? value : -1),
  pinned: (value, { data }) => (isIndex(value, data) ? value : -1),
  selection: (value, { data }) =>
    Uint32Array.from(new Set([...value].filter((one) => isIndex(one, data)))).sort(),
};

/** Returns the value nearest to `value` that `key` of an explorer's state may have. */
export function cleanValue(key, value, explorer) {
  return Object.hasOwn(RULES, key) ? RULES[key](value, explorer) : value;
}

/** Returns the number nearest to `value` from `low` to `high`; what is not a number counts as 0. */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, Number(value) || 0));
}

const isIndex = (value, { size }) => Number.isInteger(value) && value >= 0 && value < size;

function hasColor({ label, columns }, value) {
  if (value === "none") return true;
  return Boolean(value === "label" ? label : columns[String(value).slice("column-".length)]);
}
