// Helpers for the panels: elements, words, and what to do on changes. `app` is the explorer.

/** Returns a new element with properties and children. */
export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Calls `draw` now, and whenever one of the keys, separated by spaces, changes. */
export function follow(app, keys, draw) {
  app.on((changed) => keys.split(" ").some((key) => changed.has(key)) && draw());
  draw();
}

/** Returns a dot of a colour. */
export const makeDot = (color) => make("span", { className: "dot", style: `background: ${color}` });

/** Returns the image of a point, sharp at `size` CSS px; without images, a dot. */
export function makeImage(app, index, size = 36) {
  const { images } = app.data;
  if (!images || !app.state.isReady) return makeDot(app.map.colorOf(index));
  const scale = (size * devicePixelRatio) / Math.max(images.width, images.height);
  const [width, height] = [images.width, images.height].map((length) => Math.ceil(length * scale));
  const canvas = make("canvas", { width, height });
  app.map.paint(canvas, index);
  return canvas;
}

/** Returns a button with the image of a point, which goes to that point. */
export function makeImageButton(app, index) {
  const onclick = () => app.show(index);
  return make("button", { title: nameOf(app, index), onclick }, makeImage(app, index));
}

/** Returns the colour of a class, "#rrggbb". */
export const classColor = ({ data, state }, code) => data.label.colors[state.theme][code];

/** Returns the name of a point: "7, index 123". */
export const nameOf = (app, index) => `${app.data.labelOf(index)}, index ${index}`.replace(/^, /, "");

/** Formats a number for reading, 30,000 or 0.125; returns anything else unchanged. */
export function format(value) {
  if (typeof value !== "number") return value;
  if (Math.abs(value) < 1000) return value.toLocaleString("en", { maximumSignificantDigits: 4 });
  return value.toLocaleString("en", { maximumFractionDigits: 0 });
}
