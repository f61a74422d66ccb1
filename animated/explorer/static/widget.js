// Entry point of the widget: the explorer in a shadow root, its blocks sent by Python.

import { inflate } from "./blocks.js";
import { mount } from "./mount.js";

/** Shows the explorer in `el`; returns a function that removes it. */
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
  // The view may be removed before the explorer is ready.
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
  // Views share the model, and each changes its header.
  const header = structuredClone(model.get("header"));
  return { header, read: (name) => inflate(model.get("blocks")[name]) };
}

// Keeps selection and epoch in step with Python; returns a function that stops this.
function connect(model, explorer) {
  const { state } = explorer;
  const hasEpochs = () => explorer.embedding.epochs.length > 0;
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
      send(); // the explorer may have corrected it, such as an epoch out of range
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
