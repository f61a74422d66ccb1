// Elements, words and news of the explorer, which is `app` in these modules.

/** Returns a new element with properties and children. */
export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Calls draw now and whenever one of the keys, separated by spaces, changes. */
export function follow(app, keys, draw) {
  app.on((changed) => keys.split(" ").some((key) => changed.has(key)) && draw());
  draw();
}

/** Returns a dot in a colour. */
export const makeDot = (color) => make("span", { className: "dot", style: `background: ${color}` });

/** Returns the image of a point, fine enough for `size` CSS px, or else a dot. */
export function makeImage(app, index, size = 36) {
  const { images } = app.data;
  if (!images || !app.state.isReady) return makeDot(app.colorOf(index));
  const scale = (size * devicePixelRatio) / Math.max(images.width, images.height);
  const [width, height] = [images.width, images.height].map((length) => Math.ceil(length * scale));
  const canvas = make("canvas", { width, height });
  app.paint(canvas, index);
  return canvas;
}

/** Returns a button with the image of a point, which shows that point. */
export function makeImageButton(app, index) {
  const onclick = () => app.show(index);
  return make("button", { title: nameOf(app, index), onclick }, makeImage(app, index));
}

/** Returns what a point is called: "7, index 123". */
export const nameOf = (app, index) => `${app.labelOf(index)}, index ${index}`.replace(/^, /, "");

/** Returns a number for people, 30,000 or 0.125; anything else as it is. */
export function format(value) {
  if (typeof value !== "number") return value;
  const rounded = Math.abs(value) < 1000 ? { maximumSignificantDigits: 4 } : { maximumFractionDigits: 0 };
  return value.toLocaleString("en", rounded);
}
