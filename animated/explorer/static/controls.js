// Buttons and fields, as declared in the markup: data-state="mode:box" sets a key of the state, and
// flips it if there is no value; data-call="panBy:60,0" calls an action or a method of the explorer;
// data-when="embedding.axes:3" is the condition for showing an element, data-text its content.

import { follow, format, make, nameOf } from "./dom.js";
import { listColors } from "./legend.js";

/** Makes the controls work. */
export function mountControls({ explorer: root, embeddings, live, help, go, index }, app) {
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
    drawControls(root, app); // the state may have refused it: the embedding is not read yet
  });
  data.embeddings.forEach(({ name }, value) => {
    const input = make("input", { type: "radio", name: "embedding", value });
    input.dataset.state = "embedding";
    embeddings.append(make("label", {}, input, make("span", {}, name)));
  });
  // The browser reports an index out of range by itself.
  index.max = data.size - 1;
  go.onsubmit = (event) => {
    event.preventDefault();
    app.show(Number(index.value));
    index.blur();
  };
  const keys = "embedding mode theme color speed hidden selection pinned trails isPlaying isTurning";
  follow(app, keys, () => drawControls(root, app));
  const announce = (key, describe) =>
    follow(app, key, () => (live.textContent = describe() || live.textContent));
  announce("isPlaying", () => !state.isPlaying && `Epoch ${Math.round(state.time)}`);
  announce("selection", () => state.selection.length && `${state.selection.length} selected`);
  announce("pinned", () => state.pinned >= 0 && `Pinned: ${nameOf(app, state.pinned)}`);
  announce("embedding", () => app.embedding.name);
}

function listActions(help, index, app) {
  const { data, state } = app;
  const turn = (key, values, by) =>
    app.set({ [key]: values.at((values.indexOf(state[key]) + by) % values.length) });
  return {
    turnTheme: () => turn("theme", ["dark", "light"], 1),
    turnEmbedding: (by) => turn("embedding", [...data.embeddings.keys()], by),
    turnColor: () => turn("color", listColors(app).map(([value]) => value), 1),
    help: () => help.showModal(),
    go: () => index.focus(),
    pin: () => app.set({ pinned: state.hovered }),
    unpin: () => app.set({ pinned: -1, hovered: -1 }),
    select: () => app.selectAll([state.pinned], true),
    selectView: (isAdding) => {
      const { width: x, height: y } = app.map.stage;
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
  const { data, state, embedding } = app;
  const column = data.columns[state.color.slice(7)];
  const isPinned = state.pinned >= 0;
  const facts = { data, state, embedding, column, isPinned, colors: listColors(app) };
  const find = (path) => path.split(".").reduce((one, key) => one?.[key], facts);
  const holds = (fact) => {
    const [path, value] = fact.split(":");
    return value ? String(find(path)) === value : Boolean(find(path));
  };
  for (const element of root.querySelectorAll("[data-when], [data-state], [data-text]")) {
    const { when, state: key, text } = element.dataset;
    if (when) element.hidden = !holds(when);
    if (text) element.textContent = format(find(text) ?? "");
    if (element.type === "radio") element.checked = state.embedding === Number(element.value);
    else if (element.localName === "select") element.value = state[key];
    else if (key) element.ariaPressed = holds(`state.${key}`);
  }
  Object.assign(root.dataset, { theme: state.theme, mode: state.mode });
}
