// Mounts the explorer: the map and every panel around it, each by a module of its own.

import { mountCard } from "./card.js";
import { mountControls } from "./controls.js";
import { createExplorer } from "./explorer.js";
import { mountHash } from "./hash.js";
import { mountKeyboard } from "./keyboard.js";
import { mountLegend } from "./legend.js";
import { mountPixels } from "./pixels.js";
import { mountPointer } from "./pointer.js";
import { mountTimeline } from "./timeline.js";
import { mountTray } from "./tray.js";

const NARROW = 760;

/** Returns the explorer of a source in the markup of `root`; null if it failed, and shows why. */
export async function mount(root, source, { hash } = {}) {
  try {
    if (!globalThis.DecompressionStream) throw new Error("This browser is too old for this page.");
    const app = await createExplorer(root, source);
    app.finished.catch((error) => showMessage(root, error));
    mountAll(root, app);
    if (hash) mountHash(app);
    showMessage(root, app.data.size ? null : new Error("There are no points."));
    return app;
  } catch (error) {
    showMessage(root, error);
    return null;
  }
}

/** Shows an error, or hides the message for null. */
export function showMessage(root, error) {
  const message = root.querySelector("[data-part=message]");
  const start = error?.constructor === Error ? "" : "Something went wrong: ";
  message.textContent = `${start}${error?.message ?? error}`;
  message.hidden = !error;
}

function mountAll(root, app) {
  const parts = { explorer: root };
  root.querySelectorAll("[data-part]").forEach((one) => (parts[one.dataset.part] = one));
  const { chrome, free, legend, tray } = parts;
  app.set({ theme: matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark" });
  chrome.hidden = false;
  legend.open = tray.open = root.clientWidth > NARROW;
  const mounts = [mountControls, mountLegend, mountTimeline, mountCard, mountTray, mountPixels];
  [...mounts, mountPointer, mountKeyboard].forEach((mountPart) => mountPart(parts, app));
  // The map is fitted into the part that no panel covers.
  new ResizeObserver(() => {
    const [all, own] = [root, free].map((element) => element.getBoundingClientRect());
    app.map.stage.insets = {
      top: own.top - all.top,
      right: all.right - own.right,
      bottom: all.bottom - own.bottom,
      left: own.left - all.left,
    };
    // Travelling points continue from where they are on the screen.
    if (app.state.isMoving) app.map.depart(app.state);
    app.set({});
  }).observe(free);
}
