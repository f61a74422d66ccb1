// The entry of the page.

import { readDocument } from "./data.js";
import { mount, showMessage } from "./mount.js";

const page = document.querySelector("[data-part=explorer]");
const start = async () => mount(page, await readDocument(document), { hash: true });
window.addEventListener("unhandledrejection", ({ reason }) => showMessage(page, reason));
start().then(
  (explorer) => Object.assign(window, { explorer }),
  (error) => showMessage(page, error),
);
