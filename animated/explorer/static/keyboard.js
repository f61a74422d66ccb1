// Keys press buttons; while the stage has the focus, the middle of the map counts as hovered.

import { hoverAt } from "./pointer.js";

const REACH = 40;

/** Makes keys press the button whose data-key names them, such as "shift+a", "a" or "space". */
export function mountKeyboard({ explorer: root, stage, crosshair, help }, app) {
  function press(event) {
    const { target, shiftKey, ctrlKey, metaKey, altKey } = event;
    const key = event.key === " " ? "space" : event.key.toLowerCase();
    const isOnStage = target === stage || target === document.body;
    if (ctrlKey || metaKey || altKey || help.open) return;
    if (!isOnStage && (!root.contains(target) || needsKey(target, key))) return;
    const find = (name) => root.querySelector(`[data-key~="${CSS.escape(name)}"]`);
    const button = (shiftKey && find(`shift+${key}`)) || find(key);
    if (!button) return;
    event.preventDefault();
    if (target === stage) aim(true);
    button.click();
  }

  function aim(isOn) {
    root.toggleAttribute("data-aiming", isOn);
    if (!isOn) return;
    const [x, y] = app.map.middle;
    crosshair.style.translate = `${x}px ${y}px`;
    hoverAt(app, x, y, REACH);
  }

  root.getRootNode().addEventListener("keydown", press);
  root.onpointerdown = root.onpointermove = stage.onblur = () => aim(false);
  stage.onfocus = () => stage.matches(":focus-visible") && aim(true);
  app.on(() => root.hasAttribute("data-aiming") && aim(true));
}

// Fields need all keys, sliders and radio buttons the arrows, buttons the keys that have names.
const needsKey = (target, key) =>
  target.matches("select, .pad, [data-part=index]") ||
  (target.localName === "input" ? key.startsWith("arrow") : key.length > 1 && key !== "escape");
