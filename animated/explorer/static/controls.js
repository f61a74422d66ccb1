// Buttons and fields, as the markup tells: data-state="mode:box" sets a key of the state, and
// without a value flips it; data-call="panBy:60,0" calls an action or a method of the explorer;
// data-when="layout.axes:3" tells when an element is there, and data-text what it says.

import { follow, format, make, nameOf } from "./dom.js";
import { listColors } from "./legend.js";

/** Makes the controls work. */
export function mountControls({ explorer: root, layouts, live, help, go, index }, app) {
  const { data, state } = app;
  const actions = listActions(help, index, app);
  root.addEventListener("click", ({ target }) => {
    const { state: key, call } = target.closest("button")?.dataset ?? {};
    const [name, values = ""] = (key ?? call ?? "").split(":");
    if (key) app.set({ [name]: values || !state[name] });
    if (call) (actions[name] ?? app[name].bind(app))(...values.split(",").map(Number));
  });
  root.addEventListener("change", ({ target: { dataset, value } }) => {
    if (dataset.state) app.set({ [dataset.state]: value });
    drawControls(root, app); // a layout that is not there yet is not entered
  });
  data.layouts.forEach(({ name }, value) => {
    const input = make("input", { type: "radio", name: "layout", value });
    input.dataset.state = "layout";
    layouts.append(make("label", {}, input, make("span", {}, name)));
  });
  // The browser itself says what is out of range.
  index.max = data.size - 1;
  go.onsubmit = (event) => {
    event.preventDefault();
    app.show(Number(index.value));
    index.blur();
  };
  const keys = "layout mode theme color speed hidden selection pinned trails isPlaying isTurning";
  follow(app, keys, () => drawControls(root, app));
  const tell = (key, describe) =>
    follow(app, key, () => (live.textContent = describe() || live.textContent));
  tell("isPlaying", () => !state.isPlaying && `Epoch ${Math.round(state.time)}`);
  tell("selection", () => state.selection.length && `${state.selection.length} selected`);
  tell("pinned", () => state.pinned >= 0 && `Pinned: ${nameOf(app, state.pinned)}`);
  tell("layout", () => app.layout.name);
}

function listActions(help, index, app) {
  const { data, state } = app;
  const turn = (key, values, by) =>
    app.set({ [key]: values.at((values.indexOf(state[key]) + by) % values.length) });
  return {
    turnTheme: () => turn("theme", ["dark", "light"], 1),
    turnLayout: (by) => turn("layout", [...data.layouts.keys()], by),
    turnColor: () => turn("color", listColors(app).map(([value]) => value), 1),
    help: () => help.showModal(),
    go: () => index.focus(),
    pin: () => app.set({ pinned: state.hovered }),
    unpin: () => app.set({ pinned: -1, hovered: -1 }),
    select: () => app.selectAll([state.pinned], true),
    selectView: (isAdding) => {
      const { width: x, height: y } = app.stage;
      app.selectInside([[0, 0], [x, 0], [x, y], [0, y]], isAdding);
    },
    clear: () => app.selectAll([]),
    all: () => app.set({ hidden: new Set() }),
    escape: () => {
      if (state.path) app.set({ path: null });
      else if (state.pinned >= 0) app.set({ pinned: -1 });
      else app.selectAll([]);
    },
  };
}

function drawControls(root, app) {
  const { data, state, layout } = app;
  const column = data.columns[state.color.slice(7)];
  const isPinned = state.pinned >= 0;
  const facts = { data, state, layout, column, isPinned, colors: listColors(app) };
  const find = (path) => path.split(".").reduce((one, key) => one?.[key], facts);
  const holds = (fact) => {
    const [path, value] = fact.split(":");
    return value ? String(find(path)) === value : Boolean(find(path));
  };
  for (const element of root.querySelectorAll("[data-when], [data-state], [data-text]")) {
    const { when, state: key, text } = element.dataset;
    if (when) element.hidden = !holds(when);
    if (text) element.textContent = format(find(text) ?? "");
    if (element.type === "radio") element.checked = state.layout === Number(element.value);
    else if (element.localName === "select") element.value = state[key];
    else if (key) element.ariaPressed = holds(`state.${key}`);
  }
  Object.assign(root.dataset, { theme: state.theme, mode: state.mode });
}
