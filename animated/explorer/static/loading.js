// What a file holds becomes the explorer's data, block by block, in the order of the file.

import { joinPlanes, unpackNibbles } from "./data.js";
import { rankPoints } from "./declutter.js";
import { Images } from "./images.js";
import { Layout, PixelLayout, makeAxes } from "./positions.js";

/** Returns the data of a header: everything there is, though empty as long as it is not read. */
export function makeData(header) {
  const { size, title, label, colormap, columns, neighbors: neighborCount } = header;
  const images = header.images && new Images(header.images, size);
  const layouts = header.layouts.map((about) => new Layout(about, size));
  const load = (src) => Object.assign(new Image(), { src });
  for (const layout of layouts) layout.pictures &&= layout.pictures.map(load);
  if (images) layouts.push(new PixelLayout(size));
  return { size, title, label, colormap, columns, neighborCount, images, layouts };
}

/** Reads a block, "epoch-0-12" say, into the data. */
export async function readInto(data, { header, read }, name) {
  const bytes = await read(name);
  const [kind, first, second] = name.split("-");
  if (kind === "labels") data.codes = joinPlanes(bytes, data.size);
  if (kind === "layout") data.layouts[first].readLast(bytes);
  if (kind === "epoch") data.layouts[first].readEpoch(Number(second), bytes);
  if (kind === "images") readImages(data.images, header.images.chunk, Number(first), bytes);
  if (kind === "neighbors") data.neighbors = joinPlanes(bytes, data.size * data.neighborCount, 3);
  if (kind === "column") data.columns[first].values = bytes;
}

function readImages({ values, width, height, channels, size }, chunk, number, bytes) {
  const area = width * height * channels;
  const count = Math.min(chunk, size - number * chunk);
  values.set(unpackNibbles(bytes, count, area), number * chunk * area);
}

/** Ranks the points of a layout for its images, and measures how far apart they are. */
export function rankLayout(layout) {
  const out = makeAxes(layout.size);
  layout.place(layout.end, out);
  layout.rank = rankPoints(out.x, out.y);
  // Three of ten points have at least that much.
  layout.spacing = layout.rank.room.slice().sort()[Math.floor(0.7 * layout.size)];
}
