// The data of the points, filled block by block as the file is read.

import { joinPlanes, unpackNibbles } from "./blocks.js";
import { Embedding, PixelEmbedding } from "./embedding.js";
import { Images } from "./images.js";

const MISSING = 255; // code of a missing value in a column

/** All that is known of the points of a file; what has not been read yet is empty. */
export class PointData {
  constructor({ size, title, label, colormap, columns, images, embeddings, neighbors }) {
    Object.assign(this, { size, title, label, colormap, columns, neighborCount: neighbors });
    this.images = images && new Images(images, size);
    this.embeddings = embeddings.map((about) => new Embedding(about, size));
    const load = (src) => Object.assign(new Image(), { src });
    for (const one of this.embeddings) one.pictures &&= one.pictures.map(load);
    if (this.images) this.embeddings.push(new PixelEmbedding(size));
  }

  /** Takes the bytes of a block by its name, such as "epoch-0-12". */
  takeBlock(name, bytes) {
    const [kind, first, second] = name.split("-");
    if (kind === "labels") this.codes = joinPlanes(bytes, this.size);
    if (kind === "embedding") this.embeddings[first].readLast(bytes);
    if (kind === "epoch") this.embeddings[first].readEpoch(Number(second), bytes);
    if (kind === "images") this.takeImages(Number(first), bytes);
    if (kind === "neighbors") this.neighbors = joinPlanes(bytes, this.size * this.neighborCount, 3);
    if (kind === "column") this.columns[first].values = bytes;
  }

  takeImages(number, bytes) {
    const { values, width, height, channels, chunk } = this.images;
    const area = width * height * channels;
    const count = Math.min(chunk, this.size - number * chunk);
    values.set(unpackNibbles(bytes, count, area), number * chunk * area);
  }

  /** Returns the label of a point, "" without labels. */
  labelOf(index) {
    return this.label?.categories[this.codes[index]] ?? "";
  }

  /** Returns the indices of a point's neighbours in the original space, the nearest first. */
  neighborsOf(index) {
    const { neighbors, neighborCount: count } = this;
    return neighbors ? [...neighbors.subarray(index * count, (index + 1) * count)] : [];
  }

  /** Returns the value of a point in a column, given by its number, or null if it is missing. */
  valueOf(column, index) {
    const { min, max, values } = this.columns[column];
    if (!values || values[index] === MISSING) return null;
    // Rounded to what 255 levels can resolve.
    const unit = 10 ** Math.floor(Math.log10((max - min) / 100 || 1));
    const value = min + ((max - min) * values[index]) / 254;
    return Number((Math.round(value / unit) * unit).toPrecision(9));
  }
}
