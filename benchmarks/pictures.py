"""Take the pictures of explore.ipynb and the GIF of the README: the page, in a browser.

    python benchmarks/pictures.py [views] [film]

Needs Chromium and what explore.ipynb writes: the page and the addresses of its views. The browser
gets a clock under our control, so no frame of the film depends on the speed of this machine.
"""

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

import numpy as np
from chromium import open_browser
from PIL import Image, ImageDraw
from playwright.sync_api import Page
from tools import ROOT

from animated.video.movie import write_gif

PAGE = ROOT / "movies/explorer.html"
VIEWS = ROOT / "data/cache/views.json"
IMAGES = ROOT / "images"

SMALL = {"width": 1000, "height": 625}
LARGE = {"width": 1280, "height": 800}
COLORS = 256
FPS = 8
# The GIF has the largest of these widths at which it is small enough.
WIDTHS, MOST_BYTES = (800, 760, 720, 680, 640), 2_500_000
# A mouse pointer with its tip at the origin.
CURSOR = [(0, 0), (0, 17), (4, 13), (7, 19), (10, 18), (7, 12), (12, 12)]


@contextmanager
def open_page(size: dict[str, int]) -> Iterator[Page]:
    """Open the page in dark mode, and wait until it has been read completely."""
    with open_browser() as browser:
        page = browser.new_page(viewport=size, color_scheme="dark")
        page.goto(PAGE.as_uri())
        while not page.evaluate("window.explorer?.state.isReady"):
            page.wait_for_timeout(100)
        page.evaluate("explorer.finished.then(() => null)")
        yield page


def take_view(page: Page, name: str, address: str) -> None:
    """Save the view at an address of the page."""
    page.evaluate("address => { location.hash = address; }", address)
    page.wait_for_timeout(2500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    name = name if name == "explorer" else f"explore-{name}"
    picture.quantize(COLORS, kmeans=1, dither=Image.Dither.NONE).save(
        IMAGES / f"{name}.png", optimize=True
    )


class Film:
    """A film of the explorer in use, frame by frame.

    frames: RGB arrays (height, width, 3).
    """

    def __init__(self, page: Page):
        """Take control of the clock of the page."""
        self.page, self.frames = page, []
        self.x, self.y = 0.0, 0.0
        page.clock.install()
        page.clock.pause_at(page.evaluate("Date.now() + 1000"))

    def take(self, n_frames: int = 1) -> None:
        """Advance the clock, and take a picture after each step."""
        for _ in range(n_frames):
            self.page.clock.run_for(1000 // FPS)
            picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
            tip = [(self.x + x, self.y + y) for x, y in CURSOR]
            ImageDraw.Draw(picture).polygon(tip, fill="white", outline="black")
            self.frames.append(np.asarray(picture))

    def move(self, x: float, y: float, n_frames: int = 3) -> None:
        """Move the pointer, easing in and out."""
        start = np.array([self.x, self.y])
        for share in np.linspace(0, 1, n_frames + 1)[1:]:
            eased = share**2 * (3 - 2 * share)
            self.x, self.y = start + ([x, y] - start) * eased
            self.page.mouse.move(self.x, self.y)
            self.take()

    def click(self, selector: str, n_frames: int = 3) -> None:
        """Move the pointer to a visible element, and click it."""
        box = self.page.locator(selector).first.bounding_box()
        self.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, n_frames)
        self.page.mouse.click(self.x, self.y)
        self.take()

    def scroll(self, delta: float, n_frames: int) -> None:
        """Turn the wheel."""
        for _ in range(n_frames):
            self.page.mouse.wheel(0, delta)
            self.take()

    def drag(self, path: list[tuple[float, float]]) -> None:
        """Press the button, move along a path with one frame per point, and release it."""
        self.page.mouse.down()
        for x, y in path:
            self.x, self.y = x, y
            self.page.mouse.move(x, y)
            self.take()
        self.page.mouse.up()
        self.take()

    def find(self, address: str) -> tuple[float, float]:
        """Return where on the screen the middle of a view is."""
        x, y, _ = map(float, parse_qs(address)["view"][0].split("_"))
        find = "([x, y]) => explorer.map.toScreen(explorer.state, [[x, y, 0]])[0]"
        return tuple(self.page.evaluate(find, [x, y]))

    def find_near(self, x: float, y: float) -> tuple[float, float]:
        """Return where on the screen the frontmost point near a place is."""
        find = "([x, y]) => explorer.map.locate(explorer.map.pick(x, y, 60))"
        return tuple(self.page.evaluate(find, [x, y]))


def take_film(page: Page, views: dict[str, str]) -> None:
    """Play, zoom in, point, select, change the embedding, turn."""
    page.evaluate("explorer.set({ speed: 120 })")
    film = Film(page)
    film.take(3)
    film.click("[data-state=isPlaying]", 5)
    film.take(14)
    x, y = film.find(views["border"])
    film.move(x, y, 4)
    film.scroll(-240, 5)
    film.move(*film.find_near(x, y), 3)
    film.take(6)
    film.click("[data-state='mode:lasso']", 4)
    angles = np.linspace(0, 2 * np.pi, 13)
    circle = [(x + 110 * np.cos(angle), y + 70 * np.sin(angle)) for angle in angles]
    film.move(*circle[0], 3)
    film.drag(circle[1:])
    film.take(5)
    film.click("[data-call=clear]", 3)
    film.click("[data-part=embeddings] label:nth-of-type(2)", 4)
    film.take(9)
    film.click("[data-part=embeddings] label:nth-of-type(4)", 3)
    film.take(8)
    film.click("[data-state='mode:pan']", 3)
    film.move(x, y, 3)
    film.scroll(-120, 1)
    film.drag([(x + 40 * k, y - 6 * k) for k in range(1, 9)])
    film.take(2)
    for width in WIDTHS:
        path = write_gif(film.frames, IMAGES / "explorer.gif", width=width, fps=FPS)
        if path.stat().st_size <= MOST_BYTES:
            break


def main(*wanted: str) -> None:
    """Take all pictures, or only the wanted ones."""
    views = json.loads(VIEWS.read_text())
    if "views" in wanted or not wanted:
        with open_page(LARGE) as page:
            for name, address in views.items():
                take_view(page, name, address)
    if "film" in wanted or not wanted:
        with open_page(SMALL) as page:
            take_film(page, views)


if __name__ == "__main__":
    main(*sys.argv[1:])
