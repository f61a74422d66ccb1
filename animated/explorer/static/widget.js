// The entry of the widget: the application in a shadow root, its blocks from Python.

import { inflate } from "./data.js";
import { mount } from "./mount.js";

/** Shows the application in `el`; returns what removes it again. */
function render({ model, el }) {
  const host = document.createElement("div");
  host.style.height = `${model.get("height")}px`;
  host.dataset.lmSuppressShortcuts = "true"; // or B would add a cell in JupyterLab
  const shadow = host.attachShadow({ mode: "open" });
  shadow.innerHTML = `<style>${model.get("style_sheet")}</style>${model.get("template")}`;
  const root = shadow.querySelector("[data-part=explorer]");
  el.replaceChildren(host);

  let isGone = false;
  let stop = () => {};
  // A view may be removed before everything is there.
  mount(root, makeSource(model)).then((explorer) => {
    stop = explorer ? connect(model, explorer) : stop;
    if (isGone) stop();
  });
  return () => {
    isGone = true;
    stop();
    host.remove();
  };
}

function makeSource(model) {
  // A copy, as every view adds to its own.
  const header = structuredClone(model.get("header"));
  return { header, read: (name) => inflate(model.get("blocks")[name]) };
}

// Keeps selection and epoch the same here and in Python; returns what ends it.
function connect(model, explorer) {
  const { state } = explorer;
  const hasEpochs = () => explorer.layout.epochs.length > 0;
  const getEpoch = () => (hasEpochs() ? Math.round(state.time) : model.get("epoch"));
  const traits = [
    ["selection", "selection", () => [...state.selection], (selection) => explorer.set({ selection })],
    ["epoch", "time", getEpoch, explorer.seek],
  ];
  const ends = traits.map(([name, key, read, write]) => {
    const differs = () => String(read()) !== String(model.get(name));
    const send = () => {
      if (!differs()) return;
      model.set(name, read());
      model.save_changes();
    };
    const receive = () => {
      if (differs()) write(model.get(name));
      send(); // an epoch that there is not has become one that there is
    };
    receive();
    model.on(`change:${name}`, receive);
    const off = explorer.on((changed) => changed.has(key) && send());
    return () => {
      off();
      model.off(`change:${name}`, receive);
    };
  });
  return () => {
    ends.forEach((end) => end());
    explorer.destroy();
  };
}

export default { render };
