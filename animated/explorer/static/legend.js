// The legend: what the colours mean. A class can be left out, or shown alone.

import { classColor, follow, format, make, makeDot, makeImage } from "./dom.js";

/** Returns the ways to colour the shown embedding, as [value, name] pairs. */
export function listColors({ data: { label, columns }, state }) {
  const all = columns.map(({ name, embedding }, k) => [`column-${k}`, name, embedding]);
  const own = all.filter(([, , embedding]) => (embedding ?? state.embedding) === state.embedding);
  return [...(label ? [["label", label.name]] : []), ...own, ["none", "none"]];
}

/** Fills the legend. */
export function mountLegend({ color, bar, classes }, app) {
  const { data, state } = app;
  const names = data.label?.categories ?? [];
  classes.append(...names.map((name, code) => makeRow(app, name, code)));
  follow(app, "color embedding", () => {
    const colors = listColors(app);
    if (!colors.some(([value]) => value === state.color)) app.set({ color: colors[0][0] });
    color.replaceChildren(...colors.map(([value, name]) => make("option", { value }, name)));
    color.value = state.color;
  });
  follow(app, "theme", () => {
    bar.style.background = `linear-gradient(to right, ${data.colormap[state.theme].slice(0, -1)})`;
  });
}

function makeRow(app, name, code) {
  const { data, state } = app;
  const index = data.label.samples[code];
  const toggle = () => {
    const hidden = new Set(state.hidden);
    if (!hidden.delete(code)) hidden.add(code);
    app.set({ hidden });
  };
  const isolate = () => {
    const others = [...data.label.counts.keys()].filter((one) => one !== code);
    const isAlone = !state.hidden.has(code) && state.hidden.size === others.length;
    app.set({ hidden: new Set(isAlone ? [] : others) });
  };
  const sample = make("span", { className: "sample" });
  const words = [make("span", { className: "name" }, name), format(data.label.counts[code])];
  const button = make("button", { onclick: toggle }, sample, ...words);
  follow(app, "hidden theme isReady color", () => {
    const hasImage = data.images && index >= 0;
    sample.replaceChildren(hasImage ? makeImage(app, index) : makeDot(classColor(app, code)));
    button.ariaPressed = !state.hidden.has(code);
  });
  const only = { onclick: isolate, className: "only", ariaLabel: `Only ${name}` };
  return make("li", {}, button, make("button", only, "only"));
}
