// Mouse, pen and touch on the stage: pan, turn, zoom, point, and draw a lasso or a box.

import { follow } from "./dom.js";
import { average } from "./view.js";

const LONG_PRESS = 500;
const SLACK = 6;
const TURN_BY_PX = 0.005;

/** Makes the stage respond to pointers. */
export function mountPointer({ stage }, app) {
  const { state } = app;
  const fingers = new Map();
  let [gesture, pointed] = [null, null];

  function measure() {
    const all = [...fingers.values()];
    const [x, y] = average(all);
    return { x, y, spread: Math.hypot(all[0][0] - x, all[0][1] - y) };
  }

  function press(event) {
    const start = locateEvent(event);
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, start);
    clearTimeout(gesture?.timer);
    const isMoved = fingers.size > 1;
    const kind = isMoved ? "pan" : chooseKind(event, state.mode, app.embedding.axes === 3);
    gesture = { kind, start, isMoved, isAdding: event.shiftKey || event.altKey, ...measure() };
    const pressLong = () => {
      Object.assign(gesture, { kind: "lasso", isAdding: true, isMoved: true });
      app.set({ path: [start] });
    };
    if (isMoved) app.set({ path: null });
    else if (event.pointerType === "touch") gesture.timer = setTimeout(pressLong, LONG_PRESS);
  }

  function move(event) {
    const spot = locateEvent(event);
    pointed = event.pointerType === "touch" ? null : spot;
    if (!gesture) return pointed && hoverAt(app, ...spot);
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, spot);
    const { kind, start, isMoved, ...last } = gesture;
    const { x, y, spread } = measure();
    const [dx, dy] = [x - last.x, y - last.y];
    if (!isMoved && Math.hypot(dx, dy) < SLACK) return;
    clearTimeout(gesture.timer);
    Object.assign(gesture, { x, y, spread, isMoved: true });
    if (kind === "turn") app.turnBy(dx * TURN_BY_PX, dy * TURN_BY_PX);
    if (kind === "pan") app.panBy(dx, dy);
    if (spread && last.spread) app.zoomBy(spread / last.spread, x, y);
    // Escape has dropped a path that is gone.
    if (!["lasso", "box"].includes(kind) || (isMoved && !state.path)) return;
    const box = [start, [spot[0], start[1]], spot, [start[0], spot[1]]];
    app.set({ path: kind === "box" ? box : [...(state.path ?? [start]), spot] });
  }

  function release({ type, pointerId, pointerType, button, shiftKey }) {
    if (!fingers.delete(pointerId)) return;
    clearTimeout(gesture.timer);
    if (fingers.size) return Object.assign(gesture, measure());
    const { start, isMoved, isAdding } = gesture;
    const { path } = state;
    gesture = null;
    app.set({ path: null });
    if (type !== "pointerup" || button > 0) return;
    if (path?.length > 2) app.selectInside(path, isAdding);
    if (isMoved) return;
    const index = app.map.pick(...start, pointerType === "touch" ? 24 : 12);
    if (shiftKey && index >= 0) app.selectAll([index], true);
    else app.set({ hovered: index, pinned: index });
  }

  // When the map moves, another point comes under a resting pointer; not so while dragging.
  follow(app, "view", () => pointed && !gesture && hoverAt(app, ...pointed));
  Object.assign(stage, {
    onpointerdown: press,
    onpointermove: move,
    onpointerup: release,
    onlostpointercapture: release,
    onpointerleave: () => {
      pointed = null;
      if (!gesture) app.set({ hovered: -1 });
    },
    oncontextmenu: () => false,
    ondblclick: (event) => app.zoomBy(2, ...locateEvent(event)),
    onwheel: (event) => {
      event.preventDefault();
      app.zoomBy(getWheelFactor(event), ...locateEvent(event));
    },
  });
}

/** Hovers the point near (sx, sy), within a radius; all in px. */
export function hoverAt(app, sx, sy, radius) {
  const hovered = app.map.pick(sx, sy, radius);
  if (hovered !== app.state.hovered) app.set({ hovered });
}

function chooseKind({ button, shiftKey, altKey }, mode, isSolid) {
  if (button) return "pan";
  if (mode !== "pan") return mode;
  if (altKey || (shiftKey && !isSolid)) return "lasso";
  return isSolid && !shiftKey ? "turn" : "pan";
}

const locateEvent = ({ offsetX, offsetY }) => [offsetX, offsetY];

// Browsers report a pinch on a trackpad as a wheel event with ctrl.
function getWheelFactor({ deltaY, deltaMode, ctrlKey }) {
  const delta = Math.max(-300, Math.min(300, deltaY * [1, 30, 400][deltaMode]));
  return Math.exp(-delta * (ctrlKey ? 0.01 : 0.002));
}
