// The state of the page in the hash of its address, so that a view can be shared as a link.

const DELAY = 300;
// Names that differ in an address; they stay as they are, so that old links keep working.
const NAMES = {
  embedding: "layout",
  time: "epoch",
  pinned: "pin",
  hidden: "hide",
  selection: "select",
};

/** Returns numbers as text: sorted, as differences in base 36. */
export function packNumbers(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.map((number, k) => (number - (sorted[k - 1] ?? 0)).toString(36)).join(".");
}

/** Returns the numbers in such a text, none if it is damaged. */
export function unpackNumbers(text) {
  let last = 0;
  const numbers = text.split(".").map((gap) => (last += parseInt(gap, 36)));
  return numbers.every(Number.isSafeInteger) ? numbers : [];
}

/** Returns the hash, without "#", of everything in a state that differs from the usual one. */
export function encodeState(state, usual) {
  const pairs = Object.keys(usual).map((key) => [key, encodeValue(state[key])]);
  const unusual = pairs.filter(([key, text]) => text !== encodeValue(usual[key]));
  return String(new URLSearchParams(unusual.map(([key, text]) => [NAMES[key] ?? key, text])));
}

/** Returns the usual state changed by a hash; parts that make no sense are ignored. */
export function decodeState(hash, usual) {
  const parts = new URLSearchParams(hash);
  const decode = ([key, value]) => [key, decodeValue(parts.get(NAMES[key] ?? key), value) ?? value];
  return Object.fromEntries(Object.entries(usual).map(decode));
}

const isList = (value) => value instanceof Set || value instanceof Uint32Array;

function encodeValue(value) {
  if (typeof value !== "object") return String(value);
  if (isList(value)) return packNumbers(value);
  return Object.values(value).map((number) => Number(number.toPrecision(5))).join("_");
}

function decodeValue(text, usual) {
  if (text === null || text in {}) return null;
  if (typeof usual === "string") return text;
  if (typeof usual === "boolean") return text === "true";
  if (isList(usual)) return new usual.constructor(unpackNumbers(text));
  const numbers = text.split("_").map(parseFloat);
  const keys = Object.keys(usual);
  if (numbers.length !== (keys.length || 1) || !numbers.every(Number.isFinite)) return null;
  if (!keys.length || Array.isArray(usual)) return keys.length ? numbers : numbers[0];
  return Object.fromEntries(keys.map((key, k) => [key, numbers[k]]));
}

/** Keeps the explorer and the hash of the page in step, in both directions. */
export function mountHash(app) {
  const { data, state } = app;
  const { color, theme, hidden, selection, pinned, turn, trails } = state;
  const first = { color, theme, hidden, selection, pinned, turn, trails };
  if (data.images) first.pixels = state.pixels;
  const names = data.embeddings.map(({ name }) => name);
  const describe = ({ end: time, bounds: { x, y } }) =>
    ({ ...first, embedding: names[0], time, view: { x, y, zoom: 1 } });
  let timer = 0;

  async function read() {
    const hash = location.hash.slice(1);
    const embedding = Math.max(0, names.indexOf(new URLSearchParams(hash).get(NAMES.embedding)));
    if (!data.embeddings[embedding].isThere) await app.finished;
    if (hash !== location.hash.slice(1)) return; // the hash has changed since
    app.set({ ...decodeState(hash, describe(data.embeddings[embedding])), embedding });
  }

  function write() {
    const text = encodeState({ ...state, embedding: names[state.embedding] }, describe(app.embedding));
    try {
      if (text || location.hash) history.replaceState(null, "", `#${text}`);
    } catch {
      // Some frames have no address of their own.
    }
  }

  window.addEventListener("hashchange", read);
  read().then(() =>
    app.on(() => {
      clearTimeout(timer);
      timer = setTimeout(write, DELAY);
    }),
  );
}
