// The card: a point from close by, with its nearest neighbours in the original space.

import { follow, format, make, makeDot, makeImage, makeImageButton } from "./dom.js";

const IMAGE = 112;
const WIDTH = 360;
const MIDDLE = 0.55;

/** Fills the card of the pinned or hovered point, and that of another hovered one. */
export function mountCard({ explorer: root, stage, card, peek, nearest, neighbors }, app) {
  const { state } = app;
  const choose = () => (state.pinned >= 0 ? state.pinned : state.hovered);
  follow(app, "hovered pinned color theme isReady layout loaded", () => {
    const index = choose();
    const others = index < 0 ? [] : app.neighborsOf(index);
    drawPoint(card, app, index);
    drawPoint(peek, app, index === state.hovered ? -1 : state.hovered);
    neighbors.replaceChildren(...others.map((one) => makeImageButton(app, one)));
    nearest.hidden = !others.length;
  });
  // Where the point is, the card is not.
  follow(app, "hovered pinned view time turn isMoving", () => {
    if (choose() < 0 || card.matches(":hover, :focus-within")) return;
    const [x, y] = app.locate(choose());
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
  facts.replaceChildren(make("p", {}, makeDot(app.colorOf(index)), app.labelOf(index)));
  addFact("index", index);
  data.columns.forEach(({ name, layout }, k) => {
    const value = app.valueOf(k, index) ?? "missing";
    if ((layout ?? state.layout) === state.layout) addFact(name, format(value));
  });
}
