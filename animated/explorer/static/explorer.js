// The explorer: what may change its state, and the loop that has the map draw it.

import { PointData } from "./data.js";
import { PointMap } from "./map.js";
import { clamp, cleanValue, makeState } from "./state.js";
import { blendViews, clampView, fitView, panView, zoomView } from "./view.js";

const TRAVEL = 900; // ms from one embedding to another
const FLIGHT = 450; // ms from one view to another
const TURNING = 0.35; // radians per second
// Blocks without which nothing can be drawn.
const FIRST = ["embedding-0", "labels"];

/** Returns an explorer in `root`, its first embedding drawn; `finished` resolves when all is read. */
export async function createExplorer(root, source) {
  const explorer = new Explorer(root.querySelector("[data-part=stage]"), source);
  await explorer.load(FIRST);
  explorer.start();
  explorer.finished = explorer.loadRest();
  return explorer;
}

/** The points of a source in a map: read `state`, and change it with `set` or the actions below. */
export class Explorer {
  constructor(element, source) {
    this.source = source;
    this.data = new PointData(source.header);
    this.map = new PointMap(element, this.data);
    this.state = makeState(this.data);
    this.listeners = new Set();
    this.changed = new Set(); // keys since the last drawing
    this.flight = null; // { from, to, start }: views, and a time in ms
    this.departed = 0; // time in ms at which points left for the embedding
    this.part = 1; // how far they have come
    this.watchSize(element);
  }

  watchSize(element) {
    const resize = () => {
      if (this.isGone) return;
      this.map.resize();
      // A canvas loses its content with a new size.
      if (this.isStarted) this.map.draw(this.state, performance.now(), this.part);
      this.redraw("view");
    };
    this.watcher = new ResizeObserver(resize);
    this.watcher.observe(element);
    addEventListener("resize", resize); // also fires when the pixel ratio changes
  }

  /** Stops everything and removes what was drawn. */
  destroy() {
    this.isGone = true;
    this.watcher.disconnect();
    this.map.destroy();
  }

  /** The embedding that is shown. */
  get embedding() {
    return this.map.embeddingOf(this.state);
  }

  // --- Reading -------------------------------------------------------------------------------

  async load(names) {
    for (const name of this.source.header.blocks.filter((one) => names.includes(one))) {
      if (!this.isGone) this.data.takeBlock(name, await this.source.read(name));
      this.state.loaded = this.embedding.loaded;
      // A block of an epoch changes no colours.
      this.map.invalidate(name.startsWith("epoch") ? "loaded" : undefined);
      this.redraw("loaded");
    }
  }

  async loadRest() {
    const { data, state } = this;
    const isImage = (name) => name.startsWith("images");
    const names = this.source.header.blocks.filter((name) => !FIRST.includes(name));
    await this.load(names.filter(isImage));
    const { images } = data;
    if (images) Object.assign(data.embeddings.at(-1), { images, pixels: state.pixels });
    await this.rank(this.embedding);
    this.set({ isReady: true });
    await this.load(names.filter((name) => !isImage(name)));
    for (const embedding of data.embeddings) await this.rank(embedding);
  }

  // Ranking takes long, so it happens between frames.
  async rank(embedding) {
    await new Promise((resolve) => setTimeout(resolve));
    if (this.isGone || embedding.isPixels || embedding.rank) return;
    embedding.rankPoints();
    if (this.data.images) this.data.images.fadeUntil = performance.now() + FLIGHT;
    this.redraw();
  }

  /** Shows the first embedding at its last epoch. */
  start() {
    Object.assign(this.state, { time: this.embedding.end, view: fitView(this.embedding.bounds) });
    this.isStarted = true;
    this.map.invalidate();
    this.map.draw(this.state, performance.now(), this.part);
    this.redraw("embedding");
  }

  // --- State ---------------------------------------------------------------------------------

  /** Changes the state by a patch; values that are not allowed become the nearest ones that are. */
  set({ embedding = this.state.embedding, pinned = this.state.pinned, view, ...patch }) {
    this.assign("pinned", cleanValue("pinned", pinned, this));
    this.enter(clamp(Math.floor(embedding), 0, this.data.embeddings.length - 1));
    for (const [key, value] of Object.entries(patch)) this.assign(key, cleanValue(key, value, this));
    if (view) this.look({ ...this.state.view, ...view });
    if (this.embedding.isPixels) this.embedding.pixels = this.state.pixels;
    if (patch.isPlaying && this.isAtEnd()) this.assign("time", this.embedding.start);
    this.redraw();
  }

  look(view) {
    this.flight = null;
    this.assign("view", clampView(view, this.embedding.bounds));
  }

  assign(key, value) {
    if (this.state[key] === value) return;
    this.state[key] = value;
    this.changed.add(key);
    this.map.invalidate(key);
  }

  // Goes to another embedding; the points travel there from where they are on the screen.
  enter(number) {
    const { state, data, map } = this;
    const { isThere, bounds, end: time, loaded } = data.embeddings[number];
    if (number === state.embedding || !isThere) return;
    const { zoom } = state.view;
    const news = { embedding: number, time, loaded, isTurning: false, isPlaying: false };
    for (const [key, value] of Object.entries(news)) this.assign(key, value);
    this.assign("isMoving", !map.isCalm);
    const isClose = state.pinned >= 0 && zoom > 1;
    this.look(fitView(bounds));
    if (isClose) this.look({ ...map.findPosition(state, state.pinned), zoom });
    map.depart(state);
    this.departed = performance.now();
  }

  isAtEnd() {
    return this.state.time >= this.embedding.end;
  }

  /** Calls `listener` with the set of changed keys, at most once a frame; returns how to stop it. */
  on(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // --- Actions ----------------------------------------------------------------------------------

  /** Zooms by a factor around a point of the stage, by default the middle of the map. */
  zoomBy(factor, sx = this.map.middle[0], sy = this.map.middle[1]) {
    const { state, embedding, map } = this;
    this.set({ view: zoomView(state.view, embedding.bounds, map.stage, factor, sx, sy) });
  }

  /** Moves the map by CSS px. */
  panBy(dx, dy) {
    this.set({ view: panView(this.state.view, this.embedding.bounds, this.map.stage, dx, dy) });
  }

  /** Turns a 3-D embedding by radians. */
  turnBy(dyaw, dpitch) {
    const { yaw, pitch } = this.state.turn;
    this.set({ turn: { yaw: yaw + dyaw, pitch: pitch + dpitch } });
  }

  /** Stops at an epoch. */
  seek = (time) => this.set({ isPlaying: false, time });

  /** Goes to the next (+1) or previous (-1) stored epoch. */
  step(direction) {
    const { epochs } = this.embedding;
    const { time } = this.state;
    const after = epochs.find((epoch) => epoch > time);
    this.seek((direction > 0 ? after : epochs.findLast((epoch) => epoch < time)) ?? time);
  }

  /** Selects points, or adds them to the selection. */
  selectAll(indices, isAdding) {
    this.set({ selection: isAdding ? [...this.state.selection, ...indices] : indices });
  }

  /** Selects the points inside a path [[sx, sy], …], or adds them to the selection. */
  selectInside = (path, isAdding) => this.selectAll(this.map.findInside(path), isAdding);

  /** Shows the whole embedding. */
  fit = () => this.fly(fitView(this.embedding.bounds));

  /** Pins a point and brings it into the middle, close enough for its image to show. */
  show(index) {
    const { state, map } = this;
    this.set({ pinned: index });
    if (state.pinned < 0) return;
    const zoom = Math.max(state.view.zoom, map.findZoom(state, index));
    this.fly(clampView({ ...map.findPosition(state, index), zoom }, this.embedding.bounds));
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
    const isDone = this.map.draw(this.state, now, ease(this.part));
    if (changed.size) this.listeners.forEach((listener) => listener(changed));
    const { isPlaying, isTurning, isMoving } = this.state;
    const isActive = isPlaying || isTurning || isMoving || this.flight || !isDone;
    this.ranAt = isActive ? now : null;
    if (isActive) this.redraw();
  }

  // Moves on whatever changes with time, by `elapsed` ms.
  advance(now, elapsed) {
    const { state } = this;
    if (state.isPlaying) this.set({ time: state.time + (state.speed * elapsed) / 1000 });
    if (this.isAtEnd()) this.assign("isPlaying", false);
    if (state.isTurning) this.turnBy((TURNING * elapsed) / 1000, 0);
    if (this.flight) this.advanceFlight(now);
    if (state.isMoving) this.map.invalidate("isMoving");
    this.part = state.isMoving ? clamp((now - this.departed) / TRAVEL, 0, 1) : 1;
    this.assign("isMoving", this.part < 1);
  }

  advanceFlight(now) {
    const { from, to, start } = this.flight;
    const part = this.map.isCalm ? 1 : ease(clamp((now - start) / FLIGHT, 0, 1));
    this.assign("view", blendViews(from, to, part));
    if (part >= 1) this.flight = null;
  }
}

function ease(part) {
  return part < 0.5 ? 4 * part ** 3 : 1 - (2 - 2 * part) ** 3 / 2;
}
