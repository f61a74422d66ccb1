// What is drawn over the points of a map, in CSS px: names of classes, axes and trails.

import { average } from "./view.js";

const DEEPEST_NAMED = 8; // zoom up to which classes are named
const MOST_NAMES = 200;
const AXIS_SHARE = 0.8; // length of an axis of the pixel embedding, as a share of its side
const SHORTEST_AXIS = 50;

/** Returns the classes, the largest first, as { name, x, y } in the middle of their points. */
export function listNames(map, state) {
  const { label } = map.data;
  const { middles } = map.embeddingOf(state);
  if (!middles || state.view.zoom > DEEPEST_NAMED) return [];
  return [...label.counts.keys()]
    .filter((code) => label.counts[code] && !state.hidden.has(code))
    .sort((a, b) => label.counts[b] - label.counts[a])
    .slice(0, MOST_NAMES)
    .map((code) => {
      const [x, y] = average(middles[code].map((index) => map.locate(index)));
      return { name: label.categories[code], x, y };
    });
}

/** Returns the axes whose meaning is known: { from, to, name, image }, image for a component. */
export function listAxes(map, state) {
  const { isPixels, pictures, bounds } = map.embeddingOf(state);
  if (state.isMoving || !(isPixels || pictures)) return [];
  const { x, y, z, width, height } = bounds;
  const reach = isPixels ? [AXIS_SHARE, AXIS_SHARE] : [width / 2, height / 2, width / 2];
  const middle = isPixels ? [0, 0, 0] : [x, y, z];
  const axes = pictures ?? state.pixels;
  const ends = axes.map((_, k) => middle.with(k, middle[k] + reach[k]));
  const [from, ...tos] = map.toScreen(state, [middle, ...ends]);
  const describe = (axis, k) =>
    pictures ? { image: axis, name: `component ${k + 1}` } : { name: map.data.images.describe(axis) };
  return (
    axes
      .map((axis, k) => ({ from, to: tos[k], ...describe(axis, k) }))
      // An axis that points towards the viewer or away would hide the middle.
      .filter(({ to }) => Math.hypot(to[0] - from[0], to[1] - from[1]) > SHORTEST_AXIS)
  );
}

/** Returns [[sx, sy], …] of a point at every epoch that has been read, up to the one shown. */
export function findTrail(map, state, index) {
  const embedding = map.embeddingOf(state);
  const { epochs, last, loaded } = embedding;
  const past = epochs.filter((epoch, k) => epoch < state.time && k > last - loaded);
  const spots = map.toScreen(state, past.map((epoch) => embedding.at(index, epoch)));
  return [...spots, map.locate(index)];
}
