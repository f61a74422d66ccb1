// Entry point of the page: reads the document it is part of.

import { readDocument } from "./blocks.js";
import { mount, showMessage } from "./mount.js";

const page = document.querySelector("[data-part=explorer]");
const start = async () => mount(page, await readDocument(document), { hash: true });
window.addEventListener("unhandledrejection", ({ reason }) => showMessage(page, reason));
start().then(
  (explorer) => Object.assign(window, { explorer }),
  (error) => showMessage(page, error),
);
