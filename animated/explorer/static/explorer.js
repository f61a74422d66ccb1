// The explorer: its state, what may change it, and the loop that draws it.

import { THEMES } from "./colors.js";
import { rankLayout, readInto } from "./loading.js";
import { PointMap } from "./map.js";
import { clampView, fitView, getScreen, panView, zoomView } from "./view.js";

const TRAVEL = 900; // ms from one layout to another
const FLIGHT = 450; // ms from one view to another
const TURNING = 0.35; // radians a second
const NEAR = 64; // zoom up to which a point is brought near for its image
const FAR = 6; // and without one
const PLACING = ["layout", "time", "turn", "pixels"];
const COLORING = ["color", "hidden", "selection", "theme"];
const FIRST = ["layout-0", "labels"];

/** Returns an explorer in `root`, its first layout drawn; `finished` resolves when all is read. */
export async function createExplorer(root, source) {
  const explorer = new Explorer(root.querySelector("[data-part=stage]"), source);
  await explorer.load(FIRST);
  explorer.start();
  explorer.finished = explorer.loadRest();
  return explorer;
}

/** A map of points in an element; `state` is to be read, and `set` changes it. */
export class Explorer extends PointMap {
  constructor(element, source) {
    super(element, source.header);
    Object.assign(this, { source, listeners: new Set(), changed: new Set() });
    this.isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.state = {
      ...{ layout: 0, time: 0, loaded: 0, isPlaying: false, speed: 30, trails: false },
      ...{ view: { x: 0.5, y: 0.5, zoom: 1 }, turn: { yaw: 0, pitch: 0 }, isTurning: false },
      ...{ color: this.data.label ? "label" : "none", theme: "dark", hidden: new Set() },
      ...{ selection: new Uint32Array(0), hovered: -1, pinned: -1, mode: "pan", path: null },
      ...{ pixels: this.images?.pixels ?? [0, 0], isReady: false, isMoving: false },
    };
    const resize = () => {
      if (this.isGone) return;
      this.resize();
      if (this.isStarted) this.draw(performance.now(), this.part); // a new size empties canvases
      this.redraw("view");
    };
    this.watcher = new ResizeObserver(resize);
    addEventListener("resize", resize); // as the density of the screen may have changed
    this.watcher.observe(element);
    this.resize();
  }

  /** Stops everything and leaves the element. */
  destroy() {
    this.isGone = true;
    this.watcher.disconnect();
    this.stage.element.replaceChildren();
  }

  // --- Reading -------------------------------------------------------------------------------

  async load(names) {
    for (const name of this.source.header.blocks.filter((one) => names.includes(one))) {
      if (!this.isGone) await readInto(this.data, this.source, name);
      this.state.loaded = this.layout.loaded;
      this.isDisplaced = true; // at epochs that were not there before
      this.isRecolored ||= !name.startsWith("epoch");
      this.redraw("loaded");
    }
  }

  async loadRest() {
    const { images, data, state } = this;
    const isImage = (name) => name.startsWith("images");
    const names = this.source.header.blocks.filter((name) => !FIRST.includes(name));
    await this.load(names.filter(isImage));
    if (images) Object.assign(data.layouts.at(-1), { images, pixels: state.pixels });
    await this.rank(this.layout);
    this.set({ isReady: true });
    await this.load(names.filter((name) => !isImage(name)));
    for (const layout of data.layouts) await this.rank(layout);
  }

  // A long task, put between frames.
  async rank(layout) {
    await new Promise((resolve) => setTimeout(resolve));
    if (this.isGone || layout.isPixels || layout.rank) return;
    rankLayout(layout);
    if (this.images) this.images.fadeUntil = performance.now() + FLIGHT;
    this.redraw();
  }

  /** Shows the first layout as it ends. */
  start() {
    Object.assign(this.state, { time: this.layout.end, view: fitView(this.layout.bounds) });
    this.isStarted = this.isDisplaced = this.isRecolored = true;
    this.draw(performance.now(), (this.part = 1));
    this.redraw("layout");
  }

  // --- State ---------------------------------------------------------------------------------

  /** Changes the state by a patch; impossible values are brought into their range. */
  set({ layout = this.state.layout, pinned = this.state.pinned, view, ...patch }) {
    this.assign("pinned", this.clean("pinned", pinned));
    this.enter(clamp(Math.floor(layout), 0, this.data.layouts.length - 1));
    for (const [key, value] of Object.entries(patch)) this.assign(key, this.clean(key, value));
    if (view) this.look({ ...this.state.view, ...view });
    if (this.layout.isPixels) this.layout.pixels = this.state.pixels;
    if (patch.isPlaying && this.isAtEnd()) this.assign("time", this.layout.start);
    this.redraw();
  }

  look(view) {
    this.flight = null;
    this.assign("view", clampView(view, this.layout.bounds));
  }

  clean(key, value) {
    const { layout, data, images } = this;
    const isIndex = (i) => Number.isInteger(i) && i >= 0 && i < data.size;
    if (key === "time") return clamp(value, layout.start, layout.end);
    if (key === "speed") return clamp(value, 0.1, 1000);
    if (key === "selection") return Uint32Array.from(new Set([...value].filter(isIndex))).sort();
    if (key === "hovered" || key === "pinned") return isIndex(value) ? value : -1;
    if (key === "isPlaying") return Boolean(value) && layout.end > layout.start;
    if (key === "isTurning") return Boolean(value) && layout.axes === 3;
    if (key === "turn") return { yaw: Number(value.yaw) || 0, pitch: clamp(value.pitch, -1.57, 1.57) };
    if (key === "pixels" && images) return value.map((one) => Math.floor(clamp(one, 0, images.width * images.height - 1)));
    if (key === "theme" && !Object.hasOwn(THEMES, value)) return this.state.theme;
    if (key !== "color" || value === "none") return value;
    const isThere = value === "label" ? data.label : data.columns[String(value).slice(7)];
    return isThere ? value : this.state.color;
  }

  assign(key, value) {
    if (this.state[key] === value) return;
    this.state[key] = value;
    this.changed.add(key);
    this.isDisplaced ||= PLACING.includes(key);
    this.isRecolored ||= COLORING.includes(key);
  }

  // Goes to another layout; the points travel there from where they are on the screen.
  enter(number) {
    const { state, data, isCalm } = this;
    const { isThere, bounds, end: time, loaded } = data.layouts[number];
    if (number === state.layout || !isThere) return;
    const { zoom } = state.view;
    const news = { layout: number, time, loaded, isMoving: !isCalm, isTurning: false, isPlaying: false };
    for (const [key, value] of Object.entries(news)) this.assign(key, value);
    const isNear = state.pinned >= 0 && zoom > 1;
    this.look(fitView(bounds));
    if (isNear) this.look({ ...this.whereIs(state.pinned), zoom });
    this.points.depart(this.getScreen(this.stage.ratio));
    this.departed = performance.now();
  }

  isAtEnd() {
    return this.state.time >= this.layout.end;
  }

  /** Calls `listener` with the set of changed keys, once a frame at most; returns how to stop it. */
  on(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // --- Ways to change it ----------------------------------------------------------------------

  /** Zooms by a factor around a point of the stage, or else the middle of the map. */
  zoomBy(factor, sx = this.middle[0], sy = this.middle[1]) {
    this.set({ view: zoomView(this.state.view, this.layout.bounds, this.stage, factor, sx, sy) });
  }

  /** Moves the map by CSS px. */
  panBy(dx, dy) {
    this.set({ view: panView(this.state.view, this.layout.bounds, this.stage, dx, dy) });
  }

  /** Turns a layout in space by radians. */
  turnBy(dyaw, dpitch) {
    const { yaw, pitch } = this.state.turn;
    this.set({ turn: { yaw: yaw + dyaw, pitch: pitch + dpitch } });
  }

  /** Stops at an epoch. */
  seek = (time) => this.set({ isPlaying: false, time });

  /** Goes to the next (+1) or previous (-1) epoch that is kept. */
  step(direction) {
    const { epochs } = this.layout;
    const { time } = this.state;
    const after = epochs.find((epoch) => epoch > time);
    this.seek((direction > 0 ? after : epochs.findLast((epoch) => epoch < time)) ?? time);
  }

  /** Selects points; `add` keeps those that are selected. */
  selectAll(indices, add) {
    this.set({ selection: add ? [...this.state.selection, ...indices] : indices });
  }

  /** Selects the points, but for those left out, inside a path [[sx, sy], …]. */
  selectInside = (path, add) => this.selectAll(this.findInside(path), add);

  /** Shows all of the layout. */
  fit = () => this.fly(fitView(this.layout.bounds));

  /** Pins a point and brings it into the middle, near enough that its image shows. */
  show(index) {
    this.set({ pinned: index });
    if (this.state.pinned < 0) return;
    const zoom = Math.max(this.state.view.zoom, this.findZoom(index));
    this.fly(clampView({ ...this.whereIs(index), zoom }, this.layout.bounds));
  }

  findZoom(index) {
    const { layout, images, stage } = this;
    if (!images || !layout.rank) return FAR;
    const isTight = (zoom) => {
      const { scale } = getScreen({ x: 0, y: 0, zoom }, layout.bounds, stage);
      return layout.rank.room[index] * scale < 1.15 * images.measure(layout, scale);
    };
    let zoom = 1;
    while (zoom < NEAR && isTight(zoom)) zoom *= 1.25;
    return zoom;
  }

  fly(to) {
    this.flight = { from: this.state.view, to, start: performance.now() };
    this.redraw();
  }

  // --- The loop -------------------------------------------------------------------------------

  redraw(key) {
    if (key) this.changed.add(key);
    this.request ??= requestAnimationFrame((now) => this.run(now));
  }

  run(now) {
    this.request = null;
    if (!this.isStarted || this.isGone) return;
    this.advance(now, Math.min(100, now - (this.ranAt ?? now)));
    const changed = new Set(this.changed);
    this.changed.clear();
    const isDone = this.draw(now, ease(this.part));
    if (changed.size) this.listeners.forEach((listener) => listener(changed));
    const { isPlaying, isTurning, isMoving } = this.state;
    const isGoingOn = isPlaying || isTurning || isMoving || this.flight || !isDone;
    this.ranAt = isGoingOn ? now : null;
    if (isGoingOn) this.redraw();
  }

  advance(now, elapsed) {
    const { state } = this;
    if (state.isPlaying) this.set({ time: state.time + (state.speed * elapsed) / 1000 });
    if (this.isAtEnd()) this.assign("isPlaying", false);
    if (state.isTurning) this.turnBy((TURNING * elapsed) / 1000, 0);
    if (this.flight) this.advanceFlight(now);
    this.isDisplaced ||= state.isMoving;
    this.part = state.isMoving ? clamp((now - this.departed) / TRAVEL, 0, 1) : 1;
    this.assign("isMoving", this.part < 1);
  }

  advanceFlight(now) {
    const { from, to, start } = this.flight;
    const part = this.isCalm ? 1 : ease(clamp((now - start) / FLIGHT, 0, 1));
    const zoom = from.zoom * (to.zoom / from.zoom) ** part;
    // One point of the screen stays in its place while the scale changes.
    const change = 1 / from.zoom - 1 / to.zoom;
    const way = change ? (1 / from.zoom - 1 / zoom) / change : part;
    const [x, y] = ["x", "y"].map((axis) => from[axis] + (to[axis] - from[axis]) * way);
    this.assign("view", part < 1 ? { x, y, zoom } : to);
    if (part >= 1) this.flight = null;
  }
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, Number(value) || 0));
}

function ease(part) {
  return part < 0.5 ? 4 * part ** 3 : 1 - (2 - 2 * part) ** 3 / 2;
}
