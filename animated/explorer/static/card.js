// The card: one point with its image, its facts and its neighbours in the original space.

import { follow, format, make, makeDot, makeImage, makeImageButton } from "./dom.js";

const IMAGE = 112;
const WIDTH = 360;
const MIDDLE = 0.55;

/** Fills the card of the pinned or else hovered point, and a second one if both differ. */
export function mountCard({ explorer: root, stage, card, peek, nearest, neighbors }, app) {
  const { state } = app;
  const choose = () => (state.pinned >= 0 ? state.pinned : state.hovered);
  follow(app, "hovered pinned color theme isReady embedding loaded", () => {
    const index = choose();
    const others = index < 0 ? [] : app.data.neighborsOf(index);
    drawPoint(card, app, index);
    drawPoint(peek, app, index === state.hovered ? -1 : state.hovered);
    neighbors.replaceChildren(...others.map((one) => makeImageButton(app, one)));
    nearest.hidden = !others.length;
  });
  // The card moves out of the way of its point.
  follow(app, "hovered pinned view time turn isMoving", () => {
    if (choose() < 0 || card.matches(":hover, :focus-within")) return;
    const [x, y] = app.map.locate(choose());
    root.toggleAttribute("data-left", x < Math.min(WIDTH, stage.clientWidth / 2));
    root.toggleAttribute("data-low", y > stage.clientHeight * MIDDLE);
  });
}

function drawPoint(card, app, index) {
  card.hidden = index < 0;
  if (index < 0) return;
  const { data, state } = app;
  const [picture, facts] = card.firstElementChild.children;
  const addFact = (name, value) =>
    facts.append(make("p", { className: "note" }, `${name} `, make("b", {}, value)));
  picture.replaceChildren(makeImage(app, index, IMAGE));
  facts.replaceChildren(make("p", {}, makeDot(app.map.colorOf(index)), app.data.labelOf(index)));
  addFact("index", index);
  data.columns.forEach(({ name, embedding }, k) => {
    const value = app.data.valueOf(k, index) ?? "missing";
    if ((embedding ?? state.embedding) === state.embedding) addFact(name, format(value));
  });
}
