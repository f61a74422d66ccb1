// The tray: the selected points as images, counted by class, copied and saved.

import { classColor, follow, format, make, makeDot, makeImageButton } from "./dom.js";

const CAPACITY = 96;

/** Fills the tray. */
export function mountTray({ explorer: root, chips, thumbs, more, result }, app) {
  const { data, state } = app;
  follow(app, "selection theme isReady color", () => {
    const rest = state.selection.length - CAPACITY;
    const shown = [...state.selection.subarray(0, CAPACITY)];
    chips.replaceChildren(...makeCounts(app));
    thumbs.replaceChildren(...shown.map((index) => makeImageButton(app, index)));
    more.textContent = rest > 0 ? `and ${format(rest)} more` : "";
    result.textContent = "";
  });
  for (const button of root.querySelectorAll("[data-export]")) {
    const [verb, kind] = button.dataset.export.split(":");
    button.onclick = async () => {
      const text = formatPoints(kind, state.selection, data);
      try {
        await (verb === "save" ? saveText(text, kind) : navigator.clipboard.writeText(text));
        result.textContent = "Done.";
      } catch {
        result.textContent = "The browser does not allow copying; save a file instead.";
      }
    };
  }
}

function makeCounts(app) {
  const { data, state } = app;
  const counts = (data.label?.counts ?? []).map(() => 0);
  if (data.label) state.selection.forEach((index) => (counts[data.codes[index]] += 1));
  const rows = counts.map((count, code) => {
    const name = make("b", {}, data.label.categories[code]);
    return count && make("li", {}, makeDot(classColor(app, code)), name, format(count));
  });
  return rows.filter(Boolean);
}

/** Returns points as text in "csv" or "json": their indices and, if there are any, labels. */
export function formatPoints(kind, indices, data) {
  const describe = (index) => (data.label ? { index, label: data.labelOf(index) } : { index });
  const rows = Array.from(indices, describe);
  if (kind === "json") return `${JSON.stringify(rows, null, 1)}\n`;
  const quote = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const lines = rows.map((row) => Object.values(row).map(quote).join());
  return [data.label ? "index,label" : "index", ...lines, ""].join("\n");
}

function saveText(text, kind) {
  const href = URL.createObjectURL(new Blob([text]));
  make("a", { href, download: `selection.${kind}` }).click();
}
