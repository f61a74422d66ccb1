// The timeline: moves through the epochs of an embedding.

import { follow } from "./dom.js";

/** Makes the slider and the text follow the epoch, and the epoch the slider. */
export function mountTimeline({ scrub, epoch }, app) {
  const { state } = app;
  scrub.oninput = () => app.seek(Number(scrub.value));
  follow(app, "embedding loaded time", () => {
    const { epochs } = app.embedding;
    if (!epochs.length) return;
    const [min, max] = [epochs[0], epochs.at(-1)];
    // Epochs are read from the last to the first.
    const from = epochs.at(-state.loaded) ?? max;
    scrub.style.setProperty("--from", (from - min) / (max - min || 1));
    Object.assign(scrub, { min, max, value: state.time });
    epoch.textContent = scrub.ariaValueText = `epoch ${Math.round(state.time)} of ${max}`;
  });
}
