"""Visit the explorer's page in a real browser: act on it, look at it, and note what goes wrong."""

import base64
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import ADVICE, find_browser, open_browser
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Request

PATIENCE = 20_000  # ms

# Runs before the page does. The map is at rest after a frame without a drawing. What it shows
# first, and after how many parts of the file, is recorded: a test would come too late to see it.
PRELUDE = """
  window.drawings = window.parts = 0;
  const { prototype } = CanvasRenderingContext2D;
  const { putImageData } = prototype;
  prototype.putImageData = function (...all) {
    window.drawings += 1;
    putImageData.apply(this, all);
    if (this.canvas.matches(".map")) window.first ??= { url: this.canvas.toDataURL(), parts };
  };
  window.DecompressionStream = class extends DecompressionStream {
    constructor(...all) {
      super(...all);
      window.parts += 1;
    }
  };
"""
REST = """
  async (patience) => {
    const end = performance.now() + patience;
    for (let last = -1, before = 0; last !== before; ) {
      before = last;
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      last = window.drawings;
      if (performance.now() > end) throw new Error("the map never comes to rest");
    }
  }
"""
WAIT = """
  async (patience) => {
    const end = performance.now() + patience;
    while (!(CONDITION)) {
      if (performance.now() > end) throw new Error("it never becomes true");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
"""
RESET = """
  () => {
    const details = [...document.querySelectorAll("details")];
    window.usual ??= { ...explorer.state, path: null, open: details.map(({ open }) => open) };
    const { loaded, isReady, isMoving, open, ...usual } = window.usual;
    document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
    document.querySelectorAll("form").forEach((form) => form.reset());
    details.forEach((one, k) => (one.open = open[k]));
    document.activeElement?.blur();
    explorer.set(usual);
  }
"""
LOCATE = """
  (indices) => {
    const all = indices ?? [...Array(explorer.data.size).keys()];
    const spots = Float32Array.from(all.flatMap((index) => explorer.map.locate(index)));
    const bytes = [...new Uint8Array(spots.buffer)];
    return btoa(bytes.map((byte) => String.fromCharCode(byte)).join(""));
  }
"""
CROP = """
  ([name, left, top, width, height]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const map = document.querySelector(`canvas.${name}`);
    canvas.getContext("2d").drawImage(map, -left, -top);
    return canvas.toDataURL();
  }
"""


def require_browser() -> None:
    """Skip the test without a browser, or fail if REQUIRE_BROWSER is set."""
    if not find_browser():
        raise (pytest.fail if os.environ.get("REQUIRE_BROWSER") else pytest.skip).Exception(ADVICE)


def decode_url(url: str) -> np.ndarray:
    """Return the pixels, int (height, width, 4), of a picture that is a data URL."""
    picture = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return np.asarray(picture.convert("RGBA")).astype(int)


@contextmanager
def launch() -> Iterator[Browser]:
    """Start a browser with a fresh profile, and close it in the end."""
    require_browser()
    with open_browser() as browser:
        yield browser


class Visit:
    """A page open in a context of its own, with all its requests and complaints."""

    def __init__(self, browser: Browser, path: Path, fragment: str = "", **options: Any):
        """Open the page of a file; `options` are those of Playwright's `new_context`."""
        size = {"width": 1280, "height": 800}
        self.context: BrowserContext = browser.new_context(**{"viewport": size} | options)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.refusals: list[str] = []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.context.on("requestfailed", self._take_failure)
        self.context.set_default_timeout(5_000)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.add_init_script(PRELUDE)
        self.url = path.as_uri()
        self.page.goto(f"{self.url}{fragment}", wait_until="commit")
        self.mouse, self.keyboard = self.page.mouse, self.page.keyboard

    def _take_failure(self, request: Request) -> None:
        if request.failure == "csp":
            self.refusals.append(request.url)

    def check(self) -> None:
        """Assert that the page requested nothing but its file, and that nothing went wrong."""
        assert not self.complaints
        outside = [url for url in self.requests if not url.startswith("blob:")]
        assert {url.partition("#")[0] for url in outside} == {self.url}

    def close(self) -> None:
        self.context.close()

    # --- Time -----------------------------------------------------------------------------------

    def wait(self, condition: str) -> None:
        """Wait until an expression in JavaScript is true."""
        try:
            self.run(WAIT.replace("CONDITION", condition), PATIENCE)
        except Exception as error:
            raise AssertionError(f"{condition}: {error}") from None

    def finish(self) -> "Visit":
        """Wait until the whole file has been read and drawn."""
        self.wait("window.explorer?.state.isReady")
        self.run("async () => void (await explorer.finished)")
        return self.rest()

    def rest(self) -> "Visit":
        """Wait until nothing is drawn anymore."""
        self.run(REST, PATIENCE)
        return self

    def tick(self) -> "Visit":
        """Wait until what was asked for is drawn, though images may still appear."""
        self.run("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
        return self

    def pause(self, milliseconds: int) -> "Visit":
        """Wait until timers of the page that are due earlier have fired, however slow it is."""
        self.run("(delay) => new Promise((resolve) => setTimeout(resolve, delay))", milliseconds)
        return self

    def reset(self) -> "Visit":
        """Return the page to its state at the first reset."""
        self.mouse.move(60, 40)
        self.run(RESET)
        self.wait("!explorer.state.isMoving")
        return self.rest()

    # --- What it shows --------------------------------------------------------------------------

    def run(self, code: str, argument: Any = None) -> Any:
        """Return the value of an expression or a function in JavaScript."""
        return self.page.evaluate(code, argument)

    def read(self, expression: str) -> Any:
        """Return a large value by way of JSON; sets and typed arrays become lists."""
        known = "value instanceof Set || ArrayBuffer.isView(value) ? [...value] : value"
        return json.loads(self.run(f"JSON.stringify({expression}, (_, value) => {known})"))

    @property
    def state(self) -> dict[str, Any]:
        return self.read("explorer.state")

    def locate(self, indices: Sequence[int] | None = None) -> np.ndarray:
        """Return where points are on the screen, (n, 2); None: all of them."""
        numbers = None if indices is None else [int(index) for index in indices]
        floats = np.frombuffer(base64.b64decode(self.run(LOCATE, numbers)), np.float32)
        return floats.reshape(-1, 2).astype(float)

    def crop(self, box: tuple[int, int, int, int] | None = None, name: str = "map") -> np.ndarray:
        """Return pixels, int (height, width, 4), of a canvas; box: left, top, width, height."""
        whole = (
            f"(({{ width, height }}) => [0, 0, width, height])(document.querySelector('.{name}'))"
        )
        return decode_url(self.run(CROP, [name, *(box or self.run(whole))]))

    # --- What a visitor does --------------------------------------------------------------------

    def set(self, **patch: Any) -> "Visit":
        """Change the state, and wait until it is drawn; without `hidden`, no class is hidden."""
        hidden = list(patch.pop("hidden", []))
        code = "([patch, hidden]) => explorer.set({ ...patch, hidden: new Set(hidden) })"
        self.run(code, [patch, hidden])
        return self.rest()

    def part(self, name: str) -> Locator:
        return self.page.locator(f'[data-part="{name}"]')

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def press(self, *keys: str) -> "Visit":
        for key in keys:
            self.keyboard.press(key)
        return self.rest()

    def drag(self, *spots: tuple[float, float], button: str = "left", keys: str = "") -> "Visit":
        """Drag over spots of the screen while keys, such as "Shift", are held."""
        self.mouse.move(*spots[0])
        for key in keys.split():
            self.keyboard.down(key)
        self.mouse.down(button=button)
        for spot in spots[1:]:
            self.mouse.move(*spot)
        self.mouse.up(button=button)
        for key in keys.split():
            self.keyboard.up(key)
        return self.rest()


class Touch:
    """Fingers on a page of a touch screen."""

    def __init__(self, visit: Visit):
        self.visit = visit
        self.session = visit.context.new_cdp_session(visit.page)

    def put(self, *fingers: tuple[float, float], kind: str = "Move") -> None:
        """Touch these places of the screen; kind: Start, Move or End."""
        points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(fingers)]
        kind = {"type": f"touch{kind}", "touchPoints": points}
        self.session.send("Input.dispatchTouchEvent", kind)

    def swipe(self, *steps: list[tuple[float, float]], until: str = "true") -> None:
        """Put fingers down, wait for a condition, move them from step to step, and lift them."""
        self.put(*steps[0], kind="Start")
        self.visit.wait(until)
        for step in steps[1:]:
            self.put(*step)
        self.put(kind="End")
        self.visit.rest()
