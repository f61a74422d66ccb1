// The picker of the two pixels that serve as axes of the pixel embedding.

import { follow } from "./dom.js";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Shows the mean image, with marks on the pixels of both axes and under the cursor. */
export function mountPixels({ picker, pixels: pad, mean, live }, app) {
  const { data, state } = app;
  if (!data.images) return;
  const { width, height } = data.images;
  const [marks, buttons] = ["i", "button"].map((name) => [...picker.querySelectorAll(name)]);
  let [axis, at] = [0, state.pixels[0]];
  mean.src = data.images.mean;
  pad.style = `--width: ${width}; --height: ${height}`;

  function draw() {
    [...state.pixels, at].forEach((pixel, k) => {
      marks[k].style = `--column: ${pixel % width}; --row: ${Math.floor(pixel / width)}`;
    });
    buttons.forEach((button, k) => (button.ariaPressed = k === axis));
    pad.ariaLabel = `${data.images.describe(at)}; Enter makes it the ${"xy"[axis]} axis`;
  }

  function go(column, row) {
    const within = (value, count) => Math.max(0, Math.min(count - 1, Math.floor(value)));
    at = within(row, height) * width + within(column, width);
    draw();
  }

  function choose() {
    live.textContent = `${"xy"[axis]} axis: ${data.images.describe(at)}`;
    app.set({ pixels: state.pixels.with(axis, at) });
    axis = 1 - axis;
  }

  pad.onkeydown = (event) => {
    const step = STEPS[event.key];
    if (!step && event.key !== "Enter") return;
    event.preventDefault();
    if (step) go((at % width) + step[0], Math.floor(at / width) + step[1]);
    else choose();
  };
  pad.onclick = ({ offsetX, offsetY }) => {
    go((offsetX / pad.clientWidth) * width, (offsetY / pad.clientHeight) * height);
    choose();
  };
  buttons.forEach((button, k) => (button.onclick = () => draw((axis = k))));
  follow(app, "pixels embedding", draw);
}
