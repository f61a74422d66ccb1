"""What a visitor of the page sees and does, in a real browser, with 30,000 digits."""

import json
import re
from collections.abc import Iterator
from math import floor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from browser import Touch, Visit, decode_url, launch, require_browser
from conftest import ROOT
from matplotlib.path import Path as Polygon
from PIL import Image
from playwright.sync_api import Locator

from animated import export
from animated.neighbors.search import find_neighbors
from animated.runs.store import read_positions

STORE = ROOT / "data/epochs.parquet"
GOLDEN = ROOT / "tests/golden"
N_DIGITS, LAST, EVERY = 30_000, 199, 4
UMAP, PCA, SPATIAL, PIXELS = range(4)
# Before the last epoch positions are known to half a step of 64 / 65,000.
PRECISION = 32.6 / 65_000
WCAG_AA = 4.5


class Real(NamedTuple):
    """What the page was made of: one row a digit."""

    path: Path
    labels: np.ndarray
    images: np.ndarray
    neighbors: np.ndarray
    ink: np.ndarray
    components: np.ndarray


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Real:
    require_browser()
    table = pl.read_parquet(ROOT / "data/digits.parquet")
    pixels = table.drop("digit").to_numpy()
    X = pixels.astype(np.float32) / 255
    ink = X.sum(axis=1)
    # Some of the digits tell as well where they differ most.
    vectors = np.linalg.eigh(np.cov(X[::10].T))[1][:, :-4:-1].astype(np.float32)
    components = (X - X.mean(axis=0)) @ vectors
    images = pixels.astype(np.uint8).reshape(-1, 28, 28)
    neighbors = find_neighbors(X, 6, folder=ROOT / "data/cache").indices
    path = export(
        {"UMAP": STORE, "PCA": components[:, :2], "PCA in 3-D": components},
        labels=table["digit"],
        images=images,
        epochs=EVERY,
        neighbors=neighbors,
        columns={"ink": ink},
        components={"PCA": vectors.T.reshape(3, 28, 28)[:2]},
        title="30,000 digits",
        output_path=tmp_path_factory.mktemp("page") / "real.html",
    )
    labels = table["digit"].cast(pl.String).to_numpy()
    return Real(path, labels, images, neighbors[:, 1:], ink, components)


@pytest.fixture(scope="module")
def browser():
    with launch() as browser:
        yield browser


@pytest.fixture(scope="module")
def lively(browser, real) -> Visit:
    """The page in a dark browser that moves things, for many tests to use one after another."""
    return Visit(browser, real.path, color_scheme="dark").finish()


@pytest.fixture(scope="module")
def still(browser, real) -> Visit:
    """The page in a light browser that is to move as little as possible."""
    options = {"color_scheme": "light", "reduced_motion": "reduce"}
    return Visit(browser, real.path, **options).finish()


@pytest.fixture
def page(lively) -> Iterator[Visit]:
    yield lively.reset()
    lively.check()


@pytest.fixture
def calm(still) -> Iterator[Visit]:
    yield still.reset()
    still.check()


@pytest.fixture
def visit(browser) -> Iterator:
    """Open pages; all are checked, and closed, in the end."""
    visits = []

    def open_page(path: Path, fragment: str = "", **options) -> Visit:
        visits.append(Visit(browser, path, fragment, **options))
        return visits[-1]

    yield open_page
    for one in visits:
        one.check()
        one.close()


class Screen(NamedTuple):
    """Where unit coordinates are on the screen: px a unit, and the place of the origin."""

    scale: float
    origin: np.ndarray

    @classmethod
    def fit(cls, units: np.ndarray, spots: np.ndarray) -> "Screen":
        flipped, middle = units * [1, -1], units.mean(axis=0) * [1, -1]
        around = flipped - middle
        scale = ((spots - spots.mean(axis=0)) * around).sum() / (around**2).sum()
        return cls(scale, spots.mean(axis=0) - scale * middle)

    def to_units(self, spots: np.ndarray) -> np.ndarray:
        return (spots - self.origin) / self.scale * [1, -1]

    def to_screen(self, units: np.ndarray) -> np.ndarray:
        return units * [1, -1] * self.scale + self.origin


def fit_screen(page: Visit) -> Screen:
    """Return where the first embedding is on the screen, at any epoch."""
    return Screen.fit(read_positions(STORE, LAST), page.locate())


def find_clear(page: Visit, spots: np.ndarray, reach: float = 40) -> np.ndarray:
    """Return some points that are not near anything that floats over the map, nor its edges."""
    seen = """
      (spots) => spots.map(([x, y]) =>
        Boolean(document.elementFromPoint(x, y)?.closest("[data-part=stage]")))
    """
    few = np.random.default_rng(0).permutation(len(spots))[:400]
    corners = reach * np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]])
    around = spots[few, None] + corners
    is_clear = np.array(page.run(seen, around.reshape(-1, 2).tolist())).reshape(-1, 4).all(axis=1)
    return few[is_clear]


def read_images(page: Visit) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the points shown as images, how opaque they are, 0 to 255, and their length in px."""
    shown = np.array(page.read("explorer.data.images.shown"), dtype=int)
    opacity = np.array(page.read("explorer.data.images.shown.map((i) => explorer.data.images.opacity[i])"))
    return shown, opacity, page.run("explorer.map.imageLength / devicePixelRatio")


# --- The file and what it shows first -------------------------------------------------------------


def test_dots_come_first_then_digits(visit, real):
    page = visit(real.path, color_scheme="dark")
    page.wait("window.first")
    dots = decode_url(page.run("first.url"))
    # The header, the embedding and the labels; there are many more parts with images.
    assert page.run("first.parts") == 3
    assert (dots[..., :3].max(axis=-1) > 60).sum() > 20_000
    page.finish()
    assert page.state["isReady"] and page.run("parts") > 20
    digits = page.crop()
    shown, _, length = read_images(page)
    assert len(shown) > 50
    left, top = (page.locate([shown[0]])[0] - length / 2).astype(int)
    box = np.s_[top : top + int(length), left : left + int(length), :3]
    assert np.abs(digits[box] - dots[box]).mean() > 10


def test_another_script_does_not_run_and_nothing_is_fetched(visit, real):
    page = visit(real.path).finish()
    asked = len(page.requests)
    page.run("""
      async () => {
        const script = document.createElement("script");
        script.textContent = "window.isBroken = true";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='isBroken = true'>");
        await fetch("https://example.org/").catch(() => {});
      }
    """)
    page.wait("document.images[0]?.complete")
    assert page.run("window.isBroken") is None
    assert all("Content Security Policy" in one for one in page.complaints)
    assert len(page.complaints) >= 3
    # The browser tells of what it then refused to ask for.
    assert {*page.requests[asked:]} <= {*page.refusals}
    page.complaints.clear()
    del page.requests[asked:]


def test_title_counts_and_names_are_those_of_the_data(page, real):
    assert page.page.title() == "30,000 digits"
    assert page.page.get_by_role("heading", level=1).text_content() == "30,000 digits"
    assert page.page.get_by_text("30,000 points").is_visible()
    names = page.part("embeddings").get_by_role("radio")
    assert [one.evaluate("(one) => one.labels[0].textContent") for one in names.all()] == [
        *("UMAP", "PCA", "PCA in 3-D"),
        "Two pixels",
    ]
    rows = page.part("classes").locator("li").all_text_contents()
    counts = [(real.labels == str(digit)).sum() for digit in range(10)]
    assert [row.removesuffix("only").replace(",", "") for row in rows] == [
        f"{digit}{count}" for digit, count in enumerate(counts)
    ]
    assert page.part("message").is_hidden()


# --- Epochs ---------------------------------------------------------------------------------------


def test_points_are_where_the_store_has_them(page):
    screen = fit_screen(page)
    exact = screen.to_units(page.locate()) - read_positions(STORE, LAST)
    assert np.abs(exact).max() < 0.51 / 65_000 + 1e-5
    for epoch in (0, 4, 100, 196):
        page.run("(epoch) => explorer.seek(epoch)", epoch)
        page.tick()
        off = screen.to_units(page.locate()) - read_positions(STORE, epoch)
        assert np.abs(off).max() < PRECISION + 1e-5, f"epoch {epoch}"


@pytest.mark.parametrize(("epoch", "before", "after"), [(42, 40, 44), (3, 0, 4), (198, 196, 199)])
def test_points_go_straight_from_one_kept_epoch_to_the_next(page, epoch, before, after):
    screen = fit_screen(page)
    page.run("(epoch) => explorer.seek(epoch)", epoch)
    page.tick()
    part = (epoch - before) / (after - before)
    ends = read_positions(STORE, before), read_positions(STORE, after)
    expected = ends[0] * (1 - part) + ends[1] * part
    assert np.abs(screen.to_units(page.locate()) - expected).max() < PRECISION + 1e-5
    assert page.page.get_by_text("Positions between kept epochs are interpolated.").is_visible()


def test_buttons_step_through_the_kept_epochs(page):
    seen = []
    for name in ("First epoch", "One epoch on", "One epoch on", "Last epoch", "One epoch back"):
        page.button(name).click()
        seen.append(page.tick().state["time"])
    assert seen == [0, 4, 8, 199, 196]
    page.run("explorer.seek(42)")
    page.button("One epoch back").click()
    assert page.tick().state["time"] == 40
    assert page.part("epoch").text_content() == "epoch 40 of 199"


def test_the_slider_scrubs(page):
    slider = page.page.get_by_role("slider", name="Epoch", exact=True)
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.drag((box["x"] + box["width"] - 9, y), (box["x"] + box["width"] / 2, y), (box["x"] - 5, y))
    assert page.state["time"] == 0
    assert slider.get_attribute("aria-valuetext") == "epoch 0 of 199"
    page.press("ArrowRight", "ArrowRight")
    assert page.state["time"] == 2
    page.run("explorer.seek(150)")
    assert page.rest() and slider.input_value() == "150"


def test_play_goes_on_to_the_end_and_stops_there(page):
    page.run("explorer.seek(170)")
    page.page.get_by_label("Speed").select_option("60")
    page.button("Play").click()
    page.wait("explorer.state.time > 175")
    assert page.state["isPlaying"]
    assert page.button("Play").get_attribute("aria-pressed") == "true"
    page.wait("!explorer.state.isPlaying")
    assert page.rest().state["time"] == LAST
    assert page.button("Play").get_attribute("aria-pressed") == "false"
    page.button("Play").click()  # from the start again
    page.wait("explorer.state.isPlaying && explorer.state.time < 100")
    page.button("Play").click()
    assert not page.rest().state["isPlaying"]


def test_speed_is_that_many_epochs_a_second(page):
    for speed in ("15", "60"):
        page.run("explorer.seek(20)")
        page.page.get_by_label("Speed").select_option(speed)
        page.button("Play").click()
        epochs, seconds = page.run("""
          async () => {
            const frame = () => new Promise(requestAnimationFrame);
            await frame();
            const [time, start] = [explorer.state.time, await frame()];
            let now = start;
            while (now < start + 500) now = await frame();
            return [explorer.state.time - time, (now - start) / 1000];
          }
        """)
        page.button("Play").click()
        assert 0.7 < epochs / seconds / int(speed) < 1.2


# --- Pointing and selecting -----------------------------------------------------------------------


def get_card(page: Visit) -> Locator:
    return page.page.locator("article[aria-label='Point']")


def get_nearest(page: Visit) -> Locator:
    """Return the buttons of a point's nearest neighbours."""
    return get_card(page).get_by_role("button", name=re.compile("index"))


def test_the_card_names_what_is_under_the_pointer(page, real):
    spots = page.locate()
    shown = read_images(page)[0]
    for index in shown[find_clear(page, spots[shown])[:4]]:
        page.mouse.move(*spots[index])
        page.rest()
        facts = get_card(page).inner_text().splitlines()
        assert f"index {index}" in facts and facts[0] == real.labels[index]
        assert page.state["hovered"] == index
    canvas = get_card(page).locator("canvas").first
    assert min(canvas.bounding_box()["width"], canvas.bounding_box()["height"]) >= 112
    titles = [one.get_attribute("title") for one in get_nearest(page).all()]
    assert titles == [f"{real.labels[i]}, index {i}" for i in real.neighbors[index]]
    page.mouse.move(60, 40)
    page.rest()
    assert get_card(page).is_hidden() and page.state["hovered"] == -1


def test_the_card_shows_the_image_itself(page, real):
    index = 777
    page.set(pinned=index)
    seen = page.run("""
      () => {
        const canvas = document.querySelector("[data-part=card] canvas");
        const small = Object.assign(document.createElement("canvas"), { width: 28, height: 28 });
        small.getContext("2d").drawImage(canvas, 0, 0, 28, 28);
        return [...small.getContext("2d").getImageData(0, 0, 28, 28).data];
      }
    """)
    alpha = np.array(seen).reshape(28, 28, 4)[..., 3]
    assert np.corrcoef(alpha.ravel(), real.images[index].ravel())[0, 1] > 0.95


def test_pick_finds_the_nearest_point(page):
    spots = fit_screen(page).to_screen(read_positions(STORE, LAST))
    shown, _, length = read_images(page)
    tries = np.random.default_rng(1).uniform([250, 30], [1000, 690], size=(600, 2)).round(1)
    picked = page.read(f"{tries.tolist()}.map(([x, y]) => explorer.map.pick(x, y))")
    n_near = 0
    for spot, index in zip(tries, picked, strict=True):
        gaps = np.abs(spots[shown] - spot).max(axis=1) - length / 2
        if index in shown[gaps < 0.1]:
            continue
        assert gaps.min() > -0.1
        distances = np.linalg.norm(spots - spot, axis=1)
        assert distances[index] < distances.min() + 0.1 if index >= 0 else distances.min() > 11.9
        n_near += index >= 0
    assert n_near > 30


STAR = [(400, 230), (600, 290), (700, 200), (680, 420), (560, 380), (450, 560), (520, 330)]


def is_inside(path: list[tuple[float, float]], spots: np.ndarray) -> np.ndarray:
    """Return the points inside a path."""
    return np.flatnonzero(Polygon([*path, path[0]], closed=True).contains_points(spots))


def test_a_lasso_selects_exactly_what_is_inside(page):
    spots = page.locate()
    page.button("Select with a lasso").click()
    page.drag(*STAR)
    expected = is_inside(STAR, spots)
    assert len(expected) > 1_000
    assert page.state["selection"] == expected.tolist()
    # Another one replaces it, unless shift is held.
    other = [(230, 480), (330, 480), (280, 600)]
    page.drag(*other)
    assert page.state["selection"] == is_inside(other, spots).tolist()
    page.drag(*STAR, keys="Shift")
    assert page.state["selection"] == sorted({*expected, *is_inside(other, spots)})


def test_a_lasso_selects_what_the_store_has_there(page):
    spots = fit_screen(page).to_screen(read_positions(STORE, LAST))
    page.set(mode="lasso").drag(*STAR)
    different = set(page.state["selection"]) ^ {*is_inside(STAR, spots).tolist()}
    assert len(different) <= 3


def test_a_box_selects_exactly_what_is_inside(page):
    spots = page.locate()
    page.button("Select with a box").click()
    page.drag((640, 300), (500, 350), (430, 480))
    inside = ((spots >= [430, 300]) & (spots <= [640, 480])).all(axis=1)
    assert inside.sum() > 500
    assert page.state["selection"] == np.flatnonzero(inside).tolist()
    assert f"{inside.sum()} selected" in page.part("tray").inner_text().replace(",", "")


def test_shift_drag_draws_a_lasso_whatever_the_mode(page):
    spots = page.locate()
    page.drag(*STAR, keys="Shift")
    assert page.state["selection"] == is_inside(STAR, spots).tolist()
    assert page.state["path"] is None and page.state["mode"] == "pan"


def test_the_lasso_is_seen_while_it_is_drawn_and_escape_drops_it(page):
    page.set(mode="lasso")
    before = page.crop(name="overlay")
    page.mouse.move(*STAR[0])
    page.mouse.down()
    for spot in STAR[1:]:
        page.mouse.move(*spot)
    page.rest()
    assert page.state["path"] == [list(spot) for spot in STAR]
    assert (page.crop(name="overlay") != before).any(axis=-1).sum() > 10_000
    page.press("Escape")
    page.mouse.up()
    assert page.rest().state["selection"] == [] and page.state["path"] is None


def test_what_is_left_out_is_not_selected(page, real):
    page.set(hidden=[3, 5], mode="lasso").drag(*STAR)
    selected = np.array(page.state["selection"])
    assert {"3", "5"}.isdisjoint(real.labels[selected]) and len(selected) > 300


def test_a_click_pins_and_escape_unpins(page):
    spots, shown = page.locate(), read_images(page)[0]
    clear = find_clear(page, spots[shown], 60)
    first, second = shown[clear[:2]].tolist()
    page.mouse.click(*spots[first])
    assert page.rest().state["pinned"] == first
    assert f"index {first}" in page.part("live").text_content()
    page.mouse.move(*spots[second])
    page.rest()
    assert f"index {first}" in get_card(page).text_content()
    assert f"index {second}" in page.part("peek").text_content()
    page.keyboard.down("Shift")
    page.mouse.click(*spots[second])
    page.keyboard.up("Shift")
    assert page.rest().state["selection"] == [second] and page.state["pinned"] == first
    page.press("Escape", "Escape")
    assert page.state["pinned"] == -1 and page.state["selection"] == []


# --- Moving about ---------------------------------------------------------------------------------


def test_a_drag_moves_the_map_by_as_much(page):
    before = page.locate()
    page.drag((640, 400), (600, 420), (560, 350))
    assert np.abs(page.locate() - before - [-80, -50]).max() < 0.01


def test_the_wheel_zooms_around_the_pointer(page):
    spots = page.locate()
    index = find_clear(page, spots)[0]
    x, y = spots[index].round()
    offset = spots[index] - [x, y]
    page.mouse.move(x, y)
    for _ in range(8):
        page.mouse.wheel(0, -150)
    zoomed = page.rest().state["view"]["zoom"]
    assert zoomed > 5
    factor = zoomed * page.run("1 / usual.view.zoom")
    assert np.abs(page.locate([index])[0] - [x, y] - offset * factor).max() < 1
    for _ in range(12):
        page.mouse.wheel(0, 300)
    # Far enough that other epochs, which are all in the unit square, can be seen.
    bounds = page.read("explorer.embedding.bounds")
    assert page.rest().state["view"]["zoom"] == max(bounds["width"], bounds["height"]) / 2
    assert page.run("scrollX + scrollY + document.scrollingElement.scrollTop") == 0


def test_double_click_and_buttons_zoom(page):
    spots = page.locate()
    index = find_clear(page, spots)[0]
    page.mouse.dblclick(*spots[index])
    assert page.rest().state["view"]["zoom"] == pytest.approx(2)
    page.button("Zoom in").click()
    assert page.rest().state["view"]["zoom"] == pytest.approx(3)
    page.button("Zoom out").click()
    assert page.rest().state["view"]["zoom"] == pytest.approx(2, rel=0.01)
    page.button("Show everything").click()
    assert page.rest().state["view"] == page.read("usual.view")
    assert np.abs(page.locate() - spots).max() < 0.01


@pytest.mark.parametrize("zoom", [0.5, 1, 6])
def test_nothing_gets_lost_beyond_the_edges(calm, zoom):
    usual = calm.read("usual.view")
    for dx, dy in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        calm.set(view=usual | {"zoom": zoom})
        calm.run(f"explorer.panBy({dx * 9000}, {dy * 9000})")
        # Some of the square in which all epochs are stays in the window.
        (left, bottom), (right, top) = fit_screen(calm.rest()).to_screen(np.array([[0, 0], [1, 1]]))
        assert left < 1280 and right > 0 and top < 800 and bottom > 0
        calm.button("Show everything").click()
        assert calm.rest().state["view"] == usual


@pytest.mark.parametrize("size", [(900, 700), (1500, 500)])
def test_the_map_fills_the_window_when_its_size_changes(calm, size):
    calm.page.set_viewport_size({"width": size[0], "height": size[1]})
    calm.wait(f"document.querySelector('canvas.map').width === {size[0]}")
    calm.rest()
    assert calm.crop().shape[:2] == calm.crop(name="overlay").shape[:2] == size[::-1]
    spots = calm.locate()
    assert (spots > 0).all() and (spots < size).all()
    calm.page.set_viewport_size({"width": 1280, "height": 800})
    calm.wait("document.querySelector('canvas.map').width === 1280")


# --- Images ---------------------------------------------------------------------------------------


def find_overlaps(page: Visit) -> int:
    """Return how many pairs of images cover one another, edges of paper left out."""
    shown, _, length = read_images(page)
    spots = page.locate(shown.tolist())
    gaps = np.abs(spots[:, None] - spots).max(axis=-1) + 1e9 * np.eye(len(shown))
    return int((gaps < length * page.run("explorer.data.images.footprint") - 0.01).sum() / 2)


@pytest.mark.parametrize("embedding", [UMAP, PCA])
def test_images_never_cover_one_another(calm, embedding):
    calm.set(embedding=embedding)
    middle = calm.state["view"]
    counts = []
    for zoom in (1, 1.7, 4, 12, 60):
        calm.set(view=middle | {"zoom": zoom})
        assert find_overlaps(calm) == 0, f"zoom {zoom}"
        counts.append(len(read_images(calm)[0]))
    assert max(counts) > 60


def find_full(page: Visit) -> tuple[set[int], set[int]]:
    """Return the points that are fully shown as images, and those well inside the window."""
    shown, opacity, length = read_images(page)
    spots = page.locate()
    inside = ((spots > length) & (spots < np.array([1280, 800]) - length)).all(axis=1)
    return {*shown[opacity == 255].tolist()}, {*np.flatnonzero(inside).tolist()}


def test_images_stay_the_same_while_the_map_moves(calm):
    start = {"x": 0.5, "y": 0.5, "zoom": 3}
    full, inside = first = find_full(calm.set(view=start))
    assert len(full & inside) > 50
    for dx, dy in ((37, 0), (0, -61), (-150, 90), (7, 3)):
        calm.run(f"explorer.panBy({dx}, {dy})")
        calm.rest()
        now, still_inside = find_full(calm)
        both = inside & still_inside
        assert len(full & both) > 30
        assert now & both == full & both
        full, inside = now, still_inside
    # Which are shown does not depend on the way there.
    for view in ({"x": 0.9, "y": 0.2, "zoom": 9}, {"x": 0.7, "y": 0.6, "zoom": 3}, start):
        calm.set(view=view)
    assert find_full(calm) == first


def test_images_stay_when_the_map_grows(calm):
    calm.set(view={"x": 0.5, "y": 0.5, "zoom": 0.7})
    full, _ = find_full(calm)
    lengths = []
    for _ in range(8):
        calm.run("explorer.zoomBy(1.6)")
        calm.rest()
        now, inside = find_full(calm)
        assert full & inside <= now
        full = now
        lengths.append(read_images(calm)[2])
    assert lengths == sorted(lengths)


def test_close_by_every_point_is_a_large_image(calm, real):
    random = np.random.default_rng(3)
    units = read_positions(STORE, LAST)
    n_images = n_points = 0
    for index in random.integers(0, N_DIGITS, 5):
        x, y = units[index]
        calm.set(view={"x": float(x), "y": float(y), "zoom": 1e9})
        shown, opacity, length = read_images(calm)
        assert length >= 112
        spots = calm.locate()
        seen = np.flatnonzero(((spots > 0) & (spots < [1280, 800])).all(axis=1))
        assert index in seen
        # Points closer than images are wide are behind one of them.
        hidden = np.setdiff1d(seen, shown)
        images = spots[shown]
        for spot in spots[hidden]:
            assert np.abs(images - spot).max(axis=1).min() < length
        n_images += len(np.intersect1d(seen, shown[opacity == 255]))
        n_points += len(seen)
    assert n_images > 0.8 * n_points


# --- The address ----------------------------------------------------------------------------------

STATES = {
    "an epoch": {
        "time": 42,
        "view": {"x": 0.4, "y": 0.6, "zoom": 2.5},
        "hidden": [1, 7],
        "selection": [0, 1, 500, 12_345, 29_999],
        "pinned": 4_711,
        "theme": "dark",
        "trails": True,
    },
    "in space": {
        "embedding": SPATIAL,
        "turn": {"yaw": 0.75, "pitch": -0.5},
        "color": "column-0",
        "view": {"x": 0.5, "y": 0.5, "zoom": 1.5},
    },
    "two pixels": {"embedding": PIXELS, "pixels": [350, 433], "selection": [7]},
    "the end": {"view": {"x": 0.6, "y": 0.4, "zoom": 3.3}, "color": "column-1", "hidden": [0]},
}


def is_same(one, other) -> bool:
    """Return whether two states are the same, to the digits that an address has."""
    if isinstance(one, dict):
        return all(is_same(one[key], other[key]) for key in one)
    return one == (pytest.approx(other, rel=1e-4) if isinstance(one, float) else other)


@pytest.mark.parametrize("name", ["in space", "the end"])
def test_the_address_brings_a_view_back(calm, visit, real, name):
    calm.set(**STATES[name])
    for key, value in STATES[name].items():
        assert is_same(calm.state[key], value), key
    fragment = read_hash(calm)
    options = {"color_scheme": "light", "reduced_motion": "reduce"}
    other = visit(real.path, fragment, **options).finish()
    for key, value in calm.state.items():
        assert is_same(value, other.state[key]), key
    assert np.abs(calm.locate() - other.locate()).max() < 0.1
    # Which images are shown in space depends on the way there.
    assert np.abs(calm.crop() - other.crop()).mean() < (5 if name == "in space" else 0.5)
    assert read_hash(other) == fragment


def read_hash(page: Visit) -> str:
    """Return the hash once it is written."""
    page.page.wait_for_timeout(400)
    return page.run("location.hash")


@pytest.mark.parametrize("name", ["an epoch", "two pixels"])
def test_a_new_address_changes_the_open_page(calm, name):
    usual = calm.state
    calm.set(**STATES[name])
    fragment = read_hash(calm)
    calm.reset()
    assert read_hash(calm) in ("", "#")
    for text, state in ((fragment, STATES[name]), ("#", usual)):
        calm.run("(text) => { location.hash = text; }", text)
        calm.wait(f"explorer.state.selection.length === {len(state['selection'])}")
        seen = calm.rest().state
        assert all(is_same(value, seen[key]) for key, value in state.items())


def test_addresses_that_make_no_sense_are_ignored(page):
    usual = page.state
    for text in (
        "#embedding=nowhere&epoch=NaN&pin=-3&color=column-99&theme=pink",
        "#epoch=&view=1_2&turn=x_y&select=!!!&hide=%F0%9F",
        "#view=NaN_Infinity_0&pin=30000&pin=1e99&select=_____w",
        "#%E0%A4%A&&&===&__proto__=1&constructor=2",
        "#<script>alert(1)</script>",
    ):
        page.run("(text) => { location.hash = text; }", text)
        page.page.wait_for_timeout(50)
        assert page.rest().state == usual, text


# --- Keys -----------------------------------------------------------------------------------------

RING = """
  () => {
    const one = document.activeElement;
    const outlined = [one, one.nextElementSibling]
      .filter(Boolean)
      .map((element) => getComputedStyle(element))
      .some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
    const after = getComputedStyle(one, "::after");
    const isRinged = outlined || (after.content !== "none" && parseFloat(after.borderWidth) >= 2);
    const { width, height } = one.getBoundingClientRect();
    window.walked.push(one);
    return [one.outerHTML.slice(0, 90), isRinged && width > 0 && height > 0];
  }
"""
FOCUSABLE = """
  [...document.querySelectorAll("button, input, select, summary, [tabindex='0']")].filter((one) =>
    one.checkVisibility() && !one.disabled && (one.type !== "radio" || one.checked))
"""


@pytest.mark.parametrize("embedding", [UMAP, SPATIAL, PIXELS])
def test_tab_reaches_every_control_and_shows_where_it_is(calm, embedding):
    calm.set(embedding=embedding, selection=[1, 2, 3], pinned=4, hidden=[2])
    n_controls = calm.run(f"({FOCUSABLE}).length")
    assert n_controls > 50
    calm.run("window.walked = []")
    calm.part("stage").focus()
    calm.press("Tab", "Shift+Tab")
    for step in range(n_controls):
        calm.keyboard.press("Tab" if step else "Shift")
        name, is_ringed = calm.run(RING)
        assert is_ringed, name
    assert calm.read(f"({FOCUSABLE}).filter((one) => !walked.includes(one)).length") == 0


# Keys as the help lists them, what to press, and what is true then.
KEYS = [
    ("←", ["ArrowLeft"], "explorer.state.view.x < usual.view.x"),
    ("→", ["ArrowRight"], "explorer.state.view.x > usual.view.x"),
    ("↑", ["ArrowUp"], "explorer.state.view.y > usual.view.y"),
    ("↓", ["ArrowDown"], "explorer.state.view.y < usual.view.y"),
    ("+", ["+"], "explorer.state.view.zoom > 1.4"),
    ("−", ["-"], "explorer.state.view.zoom < 0.7"),
    ("0", ["+", "+", "0"], "explorer.state.view.zoom === 1"),
    ("Enter", ["Enter"], "explorer.state.pinned >= 0"),
    ("G", ["g"], "document.activeElement.dataset.part === 'index'"),
    ("A", ["a"], "explorer.state.selection.length === 30000"),
    ("Escape", ["Enter", "Escape"], "explorer.state.pinned === -1"),
    ("V", ["l", "v"], "explorer.state.mode === 'pan'"),
    ("L", ["l"], "explorer.state.mode === 'lasso'"),
    ("B", ["b"], "explorer.state.mode === 'box'"),
    ("space", ["Home", " "], "explorer.state.time === 199"),
    (",", [","], "explorer.state.time === 196"),
    (".", ["Home", "."], "explorer.state.time === 4"),
    ("Home", ["Home"], "explorer.state.time === 0"),
    ("End", ["Home", "End"], "explorer.state.time === 199"),
    ("T", ["t"], "explorer.state.trails"),
    ("[", ["["], "explorer.state.embedding === 3"),
    ("]", ["]"], "explorer.state.embedding === 1"),
    ("C", ["c"], "explorer.state.color === 'column-0'"),
    ("R", ["]", "]", "r"], "explorer.state.isTurning"),
]


@pytest.mark.parametrize(("name", "keys", "outcome"), KEYS, ids=[key for key, *_ in KEYS])
def test_keys_do_what_the_help_says(calm, name, keys, outcome):
    calm.set(speed=1000)
    calm.part("stage").focus()
    for key in keys:
        calm.keyboard.press(key)
    calm.wait(outcome)


def test_shift_a_adds_what_is_in_view(calm):
    calm.set(view={"x": 0.1, "y": 0.1, "zoom": 8}, selection=[0])
    calm.part("stage").focus()
    spots = calm.locate()
    seen = ((spots >= 0) & (spots <= [1280, 800])).all(axis=1)
    calm.press("Shift+A")
    assert calm.state["selection"] == sorted({0, *np.flatnonzero(seen).tolist()})
    calm.press("a")
    assert calm.state["selection"] == np.flatnonzero(seen).tolist()


def test_all_keys_of_the_help_are_tested(calm):
    listed = calm.part("help").locator("kbd").all_text_contents()
    assert {*listed} == {key for key, *_ in KEYS} | {"shift", "alt"}


def test_help_opens_and_closes_and_gives_the_focus_back(page):
    button = page.button("Keys and gestures")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.page.get_by_role("dialog", name="Keys and gestures")
    assert dialog.is_visible()
    page.keyboard.press("t")
    assert not page.state["trails"], "keys reach what is behind the dialog"
    page.keyboard.press("Escape")
    assert dialog.is_hidden() and button.evaluate("(one) => one === document.activeElement")
    page.keyboard.press("?")
    page.button("Close").click()
    assert dialog.is_hidden()


def test_typing_an_index_triggers_no_keys(page):
    field = page.part("index")
    field.focus()
    page.press("t", "l", "0", ",", "Home")
    assert "0" in field.input_value()
    assert not page.state["trails"] and page.state["mode"] == "pan"
    assert page.state["time"] == LAST and page.state["view"] == page.read("usual.view")


# --- Colours --------------------------------------------------------------------------------------


def count_pixels(page: Visit, color: str) -> int:
    """Return how many pixels of the map have nearly a colour."""
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(page.crop()[..., :3] - rgb).max(axis=-1) < 10).sum())


def test_a_class_that_is_left_out_is_neither_seen_nor_found(page, real):
    color = page.run("explorer.data.label.colors[explorer.state.theme][7]")
    assert count_pixels(page, color) > 300
    row = page.part("classes").get_by_role("button", name=re.compile("^7 ?3,?107")).first
    row.click()
    page.mouse.move(60, 40)
    assert page.rest().state["hidden"] == [7]
    assert row.get_attribute("aria-pressed") == "false"
    assert count_pixels(page, color) == 0
    sevens = np.flatnonzero(real.labels == "7")
    spots = page.locate()
    picked = page.read(f"{spots[sevens[::10]].tolist()}.map(([x, y]) => explorer.map.pick(x, y))")
    assert max(picked) >= 0
    assert "7" not in real.labels[[index for index in picked if index >= 0]]
    page.button("Show all").click()
    assert page.rest().state["hidden"] == [] and count_pixels(page, color) > 300


def test_a_class_is_shown_alone(page):
    row = page.part("classes").locator("li").nth(3)
    row.hover()
    row.get_by_role("button", name="Only 3").click()
    assert page.rest().state["hidden"] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    row.get_by_role("button", name="Only 3").click()
    assert page.rest().state["hidden"] == []


def test_points_take_the_colour_of_a_number(page, real):
    page.page.get_by_label("Colour").select_option(label="ink")
    page.rest()
    low, high = real.ink.min(), real.ink.max()
    indices = np.random.default_rng(5).integers(0, N_DIGITS, 200).tolist()
    values = np.array(page.read(f"{indices}.map((i) => explorer.data.valueOf(0, i))"))
    assert np.abs(values - real.ink[indices]).max() < 0.005 * (high - low)
    colors = page.read(f"{indices}.map((i) => explorer.map.colorOf(i))")
    assert len({*zip(values, colors, strict=True)}) == len({*values}) > 50
    assert page.run(f"explorer.map.colorOf({real.ink.argmax()})") == "#fde725"  # the end of viridis
    legend = page.part("legend").inner_text().replace(",", "")
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", legend)]
    assert any(number == pytest.approx(low, rel=0.01) for number in numbers)
    assert any(number == pytest.approx(high, rel=0.01) for number in numbers)


def test_neighbors_kept_are_those_near_in_the_embedding(page, real):
    page.page.get_by_label("Colour").select_option(label="neighbors kept")
    page.rest()
    units = read_positions(STORE, LAST)
    off = []
    for index in np.random.default_rng(6).integers(0, N_DIGITS, 100):
        distances = np.abs(units - units[index]).__pow__(2).sum(axis=1)
        distances[index] = -1
        near = distances.argsort(kind="stable")[1:6]
        kept = np.isin(real.neighbors[index], near).mean()
        off.append(abs(kept - page.run(f"explorer.data.valueOf(1, {index})")))
    # Positions are rounded, so a few points have several as their fifth.
    assert np.mean(np.array(off) < 0.003) > 0.95
    options = page.part("color").locator("option").all_text_contents()
    assert options == ["digit", "ink", "neighbors kept", "none"]


def test_the_theme_changes_at_once(page):
    assert page.crop((0, 0, 4, 4))[0, 0, :3].tolist() == [0, 0, 0]
    page.button("Dark or light theme").click()
    assert page.rest().crop((0, 0, 4, 4))[0, 0, :3].tolist() == [255, 255, 255]


# --- Embeddings --------------------------------------------------------------------------------------


def choose_embedding(page: Visit, name: str) -> None:
    page.page.get_by_role("radio", name=name, exact=True).check()


def test_points_travel_straight_to_another_embedding_and_keep_what_is_marked(page, real):
    few = [5, 99, 1000]
    start = page.set(pinned=99, selection=few).locate(few)
    page.run(
        """
      (few) => {
        window.travel = [];
        const watch = () => {
          travel.push(few.map((index) => explorer.map.locate(index)));
          if (explorer.state.embedding === 0 || explorer.state.isMoving) requestAnimationFrame(watch);
        };
        watch();
      }
    """,
        few,
    )
    choose_embedding(page, "PCA")
    page.wait("explorer.state.embedding === 1 && !explorer.state.isMoving")
    state, after = page.rest().state, page.locate()
    assert (state["embedding"], state["pinned"], state["selection"]) == (PCA, 99, few)
    screen = Screen.fit(real.components[:, :2], after)
    span = np.ptp(real.components[:, :2], axis=0).max()
    assert np.abs(screen.to_units(after) - real.components[:, :2]).max() < 1e-4 * span
    way, moves = after[few] - start, np.array(page.read("travel")) - start
    lengths = np.linalg.norm(way, axis=1)
    along = (moves * way).sum(axis=2) / lengths
    beside = (moves[..., 0] * way[:, 1] - moves[..., 1] * way[:, 0]) / lengths
    assert np.diff(along, axis=0).min() > -0.1 and np.abs(beside).max() < 0.5
    assert ((along > 0.1 * lengths) & (along < 0.9 * lengths)).any()


def test_with_reduced_motion_points_are_there_at_once(calm, real):
    calm.run("""
      () => {
        window.travel = [];
        explorer.on(() => travel.push(explorer.state.isMoving));
      }
    """)
    choose_embedding(calm, "PCA")
    # The timeline goes, the map is fitted into what is free: this takes frames, but no time.
    calm.run("""
      async () => {
        for (let frame = 0; frame < 4; frame++) await new Promise(requestAnimationFrame);
      }
    """)
    soon = calm.locate()
    calm.rest()
    assert not any(calm.read("travel"))
    assert np.abs(calm.locate() - soon).max() < 1e-3
    screen = Screen.fit(real.components[:, :2], soon)
    span = np.ptp(real.components[:, :2], axis=0).max()
    assert np.abs(screen.to_units(soon) - real.components[:, :2]).max() < 1e-4 * span


def test_the_timeline_is_there_only_with_epochs(calm):
    assert calm.part("scrub").is_visible()
    choose_embedding(calm, "PCA")
    assert calm.rest().part("scrub").is_hidden()
    assert calm.part("color").locator("option").all_text_contents()[2] == "neighbors kept"


def test_a_embedding_in_space_turns(calm, real):
    choose_embedding(calm, "PCA in 3-D")
    calm.rest()
    x, y, z = real.components.T

    def correlate(values, axis):
        return abs(np.corrcoef(values, calm.locate()[:, axis])[0, 1])

    assert correlate(x, 0) > 0.95 and correlate(y, 1) > 0.95 and correlate(z, 0) < 0.5
    view = calm.state["view"]
    calm.drag((640, 300), (700, 300), (740, 340))
    turn = calm.state["turn"]
    assert turn["yaw"] > 0.2 and turn["pitch"] > 0.1 and calm.state["view"] == view
    calm.set(turn={"yaw": np.pi / 2, "pitch": 0})
    assert correlate(z, 0) > 0.95 and correlate(y, 1) > 0.95
    calm.drag((640, 300), (700, 300), keys="Shift")
    assert calm.state["turn"]["yaw"] == np.pi / 2 and calm.state["view"] != view
    view = calm.state["view"]
    calm.drag((640, 300), (690, 330), button="right")
    assert calm.state["turn"]["yaw"] == np.pi / 2 and calm.state["view"] != view
    calm.part("stage").focus()
    calm.press("Shift+ArrowLeft", "Shift+ArrowUp")
    assert calm.state["turn"]["yaw"] != np.pi / 2 and calm.state["turn"]["pitch"] != 0
    spots = calm.locate()
    calm.drag(*STAR, keys="Alt")
    assert calm.state["selection"] == is_inside(STAR, spots).tolist()


def test_rotating_by_itself_starts_and_stops(calm):
    assert calm.button("Rotate").is_hidden()
    calm.set(embedding=SPATIAL)
    calm.button("Rotate").click()
    calm.wait("explorer.state.turn.yaw > 0.1")
    calm.button("Rotate").click()
    yaw = calm.rest().state["turn"]["yaw"]
    assert not calm.state["isTurning"] and calm.rest().state["turn"]["yaw"] == yaw


def get_picker(page: Visit) -> Locator:
    return page.page.get_by_role("application", name=re.compile("row .* column"))


def test_two_pixels_become_the_axes(calm, real):
    choose_embedding(calm, "Two pixels")
    calm.rest()
    picker = get_picker(calm)
    box = picker.bounding_box()

    def click(row, column):
        side = box["width"] / 28
        picker.click(position={"x": (column + 0.5) * side, "y": (row + 0.5) * side})
        calm.rest()

    click(12, 14)
    assert calm.part("live").text_content() == "x axis: row 13, column 15"
    click(20, 9)
    assert calm.state["pixels"] == [12 * 28 + 14, 20 * 28 + 9]
    levels = (real.images[:, [12, 20], [14, 9]].astype(int) + 8) // 17
    units = (calm.locate() - calm.locate([0])) * [1, -1]
    for axis in (0, 1):
        values, place = levels[:, axis], units[:, axis]
        ends = [(place[values == k].min(), place[values == k].max()) for k in range(16)]
        assert all(low < high for low, high in ends)
        assert all(ends[k][1] < ends[k + 1][0] + 0.1 for k in range(15))


def test_pixels_are_chosen_with_keys(calm):
    choose_embedding(calm, "Two pixels")
    calm.button("→ x axis").click()
    picker = get_picker(calm)
    row, column = map(int, re.findall(r"\d+", picker.get_attribute("aria-label"))[:2])
    picker.focus()
    calm.press("ArrowRight", "ArrowDown", "Enter")
    first = row * 28 + column  # one more of each, but they are counted from 1
    assert calm.state["pixels"][0] == first
    calm.press("ArrowUp", "ArrowUp", "ArrowLeft", "Enter")
    assert calm.state["pixels"] == [first, first - 2 * 28 - 1]
    assert picker.get_attribute("aria-label").startswith(f"row {row - 1}, column {column}")


# --- The card, the tray, going to a point ---------------------------------------------------------


def test_an_index_leads_to_its_point(calm):
    view = calm.state["view"]
    middle = fit_screen(calm).to_screen(np.array([view["x"], view["y"]]))
    calm.part("index").fill("12345")
    calm.press("Enter")
    state, [[x, y]] = calm.state, calm.locate([12_345])
    assert state["pinned"] == 12_345 and state["view"]["zoom"] > 1
    assert np.hypot(*([x, y] - middle)) < 2
    assert 12_345 in read_images(calm)[0]
    assert calm.run(f"explorer.map.pick({x}, {y})") == 12_345


@pytest.mark.parametrize("text", ["30000", "-1", "1.5", ""])
def test_an_index_that_is_not_there_is_refused(calm, text):
    field = calm.part("index")
    field.fill(text)
    field.press("Enter")
    assert calm.rest().state["pinned"] == -1
    # The browser itself tells of it.
    assert field.evaluate("(one) => one.validationMessage")
    assert [field.get_attribute(name) for name in ("min", "max")] == ["0", "29999"]
    field.fill("29999")
    field.press("Enter")
    assert calm.rest().state["pinned"] == 29_999


def test_neighbors_lead_on(calm, real):
    calm.set(pinned=4_711)
    get_nearest(calm).first.click()
    assert calm.rest().state["pinned"] == real.neighbors[4_711, 0]
    calm.button("Select").click()
    calm.button("Unpin").click()
    assert calm.rest().state["pinned"] == -1
    assert calm.state["selection"] == [real.neighbors[4_711, 0]]


CHOSEN = [3, 17, 4_000, 29_999]


def test_the_tray_counts_and_shows_what_is_selected(page, real):
    page.set(selection=CHOSEN)
    assert page.page.get_by_text("4 selected").first.is_visible()
    assert page.part("live").text_content() == "4 selected"
    titles = [one.get_attribute("title") for one in page.part("thumbs").locator("button").all()]
    assert titles == [f"{real.labels[i]}, index {i}" for i in CHOSEN]
    counts = dict(zip(*np.unique(real.labels[CHOSEN], return_counts=True), strict=True))
    shown = (
        page.page.get_by_role("list", name="Selected by class").locator("li").all_text_contents()
    )
    assert sorted(shown) == sorted(f"{label}{count}" for label, count in counts.items())
    page.set(selection=list(range(500)))
    assert page.page.get_by_text("and 404 more").is_visible()
    page.button("Clear").click()
    assert page.rest().state["selection"] == [] and page.part("tray").is_hidden()


def test_the_selection_is_saved_as_it_is(page, real, tmp_path):
    page.set(selection=CHOSEN)
    rows = [{"index": i, "label": real.labels[i]} for i in CHOSEN]
    for kind, name in (("CSV", "selection.csv"), ("JSON", "selection.json")):
        with page.page.expect_download() as download:
            page.button(f"Save as {kind}").click()
        assert download.value.suggested_filename == name
        download.value.save_as(tmp_path / name)
    lines = [f"{row['index']},{row['label']}" for row in rows]
    assert (tmp_path / "selection.csv").read_text() == "\n".join(["index,label", *lines, ""])
    assert json.loads((tmp_path / "selection.json").read_text()) == rows


def test_the_selection_is_copied_as_it_is(page, real):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.set(selection=CHOSEN)
    page.button("Copy as CSV").click()
    page.page.get_by_text("Done.").wait_for()
    lines = [f"{i},{real.labels[i]}" for i in CHOSEN]
    assert page.run("navigator.clipboard.readText()") == "\n".join(["index,label", *lines, ""])
    page.button("Copy as JSON").click()
    page.page.wait_for_timeout(100)
    rows = [{"index": i, "label": real.labels[i]} for i in CHOSEN]
    assert json.loads(page.run("navigator.clipboard.readText()")) == rows


def test_trails_lead_from_where_points_were(page):
    page.set(selection=[1, 2, 3, 4])
    before = page.crop(name="overlay")
    page.button("Trails").click()
    drawn = (page.rest().crop(name="overlay") != before).any(axis=-1)
    assert drawn.sum() > 500
    screen = fit_screen(page)
    for epoch in (40, 120, 160):
        for x, y in screen.to_screen(read_positions(STORE, epoch)[[1, 2, 3, 4]]).astype(int):
            assert drawn[y - 2 : y + 3, x - 2 : x + 3].any()
    page.button("First epoch").click()
    drawn = (page.rest().crop(name="overlay") != before).any(axis=-1)
    page.button("Trails").click()
    assert ((page.rest().crop(name="overlay") != before).any(axis=-1) == drawn).all()


# --- Images in motion, and pictures of it all -----------------------------------------------------


def test_images_come_and_go_once_when_the_epoch_changes(page):
    frames = page.run("""
      async () => {
        explorer.seek(100);
        const frames = [];
        for (let k = 0; k < 90; k++) {
          await new Promise(requestAnimationFrame);
          frames.push(explorer.data.images.shown.map((i) => [i, explorer.data.images.opacity[i]]).join(";"));
        }
        return [frames, drawings];
      }
    """)
    opacities = [dict(pair.split(",") for pair in frame.split(";")) for frame in frames[0]]
    for index in set().union(*opacities):
        changes = np.diff([int(frame.get(index, 0)) for frame in opacities])
        assert (np.diff(np.sign(changes[changes != 0])) != 0).sum() <= 1, f"image {index}"
    page.page.wait_for_timeout(200)
    assert page.run("drawings") == frames[1], "nothing moves, but it is drawn again and again"


@pytest.mark.parametrize("epoch", [100, LAST])
def test_images_do_not_cover_one_another_while_points_are_on_their_way(calm, epoch):
    calm.run(f"explorer.seek({epoch})")
    for zoom in (1, 3):
        calm.set(time=epoch, view={"x": 0.5, "y": 0.5, "zoom": zoom})
        assert len(read_images(calm)[0]) > 40 and find_overlaps(calm) == 0


def place(page: Visit, x: float, y: float, scale: float) -> None:
    """Bring a position into the middle of the window; scale: px a unit."""
    zoom = page.state["view"]["zoom"] * scale / fit_screen(page).scale
    page.set(view={"x": x, "y": y, "zoom": zoom})
    dx, dy = np.array([640, 400]) - fit_screen(page).to_screen(np.array([x, y]))
    page.run(f"explorer.panBy({dx}, {dy})")
    page.rest()


@pytest.mark.parametrize(
    ("name", "theme", "spot"),
    [("far", "dark", (0.5, 0.5, 650)), ("near", "light", (0.45, 0.55, 4_000))],
)
def test_the_map_looks_as_it_should(calm, name, theme, spot):
    """To renew a picture, delete it, run this and look at the new one."""
    calm.set(theme=theme)
    place(calm, *spot)
    seen = calm.crop((520, 290, 240, 220))[..., :3]
    path = GOLDEN / f"explorer-{name}.png"
    if not path.exists():
        Image.fromarray(seen.astype(np.uint8)).save(path, optimize=True)
        pytest.fail(f"{path.name} was missing; now it is there to be looked at")
    golden = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert np.abs(seen - golden).mean() < 2
    # The tolerance is small enough to notice what is elsewhere.
    assert np.abs(np.roll(seen, 3, axis=1) - golden).mean() > 4


# --- For everyone ---------------------------------------------------------------------------------

CONTRAST = """
    const parse = (color) => {
      const [red, green, blue, alpha = 1] = color.match(/[\\d.]+/g).map(Number);
      return { rgb: [red, green, blue], alpha };
    };
    const over = ({ rgb, alpha }, under) =>
      rgb.map((part, k) => part * alpha + under[k] * (1 - alpha));
    const measure = (rgb) => {
      const [red, green, blue] = rgb.map((part) =>
        part <= 10 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const compare = (element, color, ground) => {
      const layers = [];
      for (let one = element; one; one = one.parentElement) {
        const style = getComputedStyle(one);
        layers.unshift(parse(style.backgroundColor));
        if (layers[0].alpha === 1 || one.matches(".panel")) break;
      }
      const under = layers.reduce((rgb, layer) => over(layer, rgb), ground);
      const [low, high] = [under, over(parse(color), under)].map(measure).sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    // Whatever the map has under a panel.
    const grounds = [[0, 0, 0], [255, 255, 255]];
    const findLeast = (element, color) =>
      Math.min(...grounds.map((ground) => compare(element, color, ground)));
"""
HOVERED = f"(one) => {{ {CONTRAST} return findLeast(one, getComputedStyle(one).color); }}"
CONTRASTS = f"""
  () => {{
    {CONTRAST}
    const texts = [];
    const add = (element, text, color) => {{
      if (!element.checkVisibility({{ checkOpacity: true }})) return;
      if (element.closest(":disabled, option")) return;
      texts.push([text, findLeast(element, color)]);
    }};
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {{
      const {{ parentElement: element, textContent }} = walker.currentNode;
      if (element.closest("script") || !textContent.trim()) continue;
      add(element, textContent.trim(), getComputedStyle(element).color);
    }}
    for (const field of document.querySelectorAll("select, input[placeholder]")) {{
      const kind = field.matches("select") ? null : "::placeholder";
      add(field, field.value || field.placeholder, getComputedStyle(field, kind).color);
    }}
    return texts;
  }}
"""


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_all_text_stands_out(calm, theme):
    seen = []
    full = {"pinned": 5, "selection": list(range(200)), "hidden": [3], "color": "column-0"}
    for patch in ({}, full, {"embedding": SPATIAL, **full}, {"embedding": PIXELS}):
        calm.set(theme=theme, **{"embedding": UMAP} | patch)
        calm.page.wait_for_timeout(150)  # for colours that fade
        seen += calm.run(CONTRASTS)
    calm.button("Keys and gestures").click()
    seen += calm.run(CONTRASTS)
    assert len({text for text, _ in seen}) > 80
    assert not [(text, contrast) for text, contrast in seen if contrast < WCAG_AA]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_what_the_pointer_is_on_stands_out(calm, theme):
    calm.set(theme=theme, embedding=PIXELS, mode="lasso", selection=[1, 2, 3])
    buttons = calm.page.locator("button:visible, [data-part=embeddings] span").all()
    assert len(buttons) > 30
    for button in buttons:
        button.hover(force=True)
        contrast = button.evaluate(HOVERED)
        assert contrast > WCAG_AA, button.evaluate("(element) => element.outerHTML")


@pytest.mark.parametrize("patch", [{}, {"pinned": 5, "selection": [1, 2]}, {"embedding": PIXELS}])
def test_everything_to_press_has_a_name(calm, patch):
    calm.set(**patch)
    session = calm.context.new_cdp_session(calm.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    roles = {"button", "radio", "slider", "combobox", "textbox", "application", "listbox"}
    found = [
        (node["role"]["value"], node["name"]["value"].strip())
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in roles
    ]
    assert len(found) > 30
    assert all(name for _, name in found), found
    names = [name for role, name in found if role == "button"]
    assert len({*names}) == len(names), "two buttons have the same name"


def test_news_are_told(calm, real):
    live = calm.page.get_by_role("status").first
    calm.set(pinned=42)
    assert live.text_content() == f"Pinned: {real.labels[42]}, index 42"
    calm.set(selection=[1, 2, 3])
    assert live.text_content() == "3 selected"
    calm.run("explorer.seek(40)")
    calm.button("Play").click()
    calm.wait("explorer.state.time > 41")
    calm.button("Play").click()
    # Half an epoch is rounded up on the page, and to an even number by Python.
    assert live.text_content() == f"Epoch {floor(calm.rest().state['time'] + 0.5)}"
    choose_embedding(calm, "PCA")
    calm.wait("document.querySelector('[role=status]').textContent === 'PCA'")


OVERLAPS = """
  () => {
    const panels = [...document.querySelectorAll(".panel")].filter((one) => one.checkVisibility());
    const boxes = panels.map((one) => one.getBoundingClientRect());
    const names = panels.map((one) => one.dataset.part ?? one.className);
    const pairs = [];
    boxes.forEach((a, i) => boxes.slice(0, i).forEach((b, j) => {
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (width > 0.5 && height > 0.5) pairs.push(`${names[j]} and ${names[i]}`);
    }));
    boxes.forEach(({ left, top, right, bottom }, i) => {
      const isOut = left < 0 || top < 0 || right > innerWidth || bottom > innerHeight;
      if (isOut) pairs.push(`${names[i]} and the edge`);
    });
    return pairs;
  }
"""


@pytest.mark.parametrize("size", [(1280, 800), (1024, 600), (800, 600)])
@pytest.mark.parametrize("embedding", [UMAP, SPATIAL, PIXELS])
def test_panels_do_not_cover_one_another(calm, size, embedding):
    calm.page.set_viewport_size({"width": size[0], "height": size[1]})
    calm.set(embedding=embedding, pinned=5, selection=list(range(200)))
    assert calm.run(OVERLAPS) == []
    calm.page.set_viewport_size({"width": 1280, "height": 800})


# --- On a phone -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mobile(browser, real) -> Visit:
    size = {"width": 390, "height": 844}
    screen = {"viewport": size, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
    return Visit(browser, real.path, reduced_motion="reduce", **screen).finish()


@pytest.fixture
def phone(mobile) -> Iterator[Visit]:
    yield mobile.reset()
    mobile.check()


@pytest.fixture
def touch(phone) -> Touch:
    return Touch(phone)


def test_a_tap_pins(phone, touch):
    shown = read_images(phone)[0]
    spots = phone.locate()
    index = next(i for i in shown if 150 < spots[i, 0] < 300 and 350 < spots[i, 1] < 550)
    touch.swipe([spots[index]])
    assert phone.state["pinned"] == index
    assert f"index {index}" in get_card(phone).inner_text()
    x, y = spots[index]
    box = get_card(phone).bounding_box()
    assert not (box["x"] < x < box["x"] + box["width"] and box["y"] < y < box["y"] + box["height"])


def test_two_fingers_zoom_around_their_middle(phone, touch):
    before, zoom = phone.locate(), phone.state["view"]["zoom"]
    spread = [[(195 - reach, 420), (195 + reach, 420)] for reach in range(40, 81, 8)]
    touch.swipe(*spread)
    assert phone.state["view"]["zoom"] == pytest.approx(2 * zoom)
    assert np.abs(phone.locate() - (before * 2 - [195, 420])).max() < 1
    moved = [[(x + 30, y + 10) for x, y in fingers] for fingers in (spread[-1],)]
    touch.swipe(spread[-1], *moved)
    assert np.abs(phone.locate() - (before * 2 - [165, 410])).max() < 1
    assert phone.state["selection"] == [] and phone.state["pinned"] == -1


def test_a_finger_moves_the_map(phone, touch):
    before = phone.locate()
    touch.swipe([(195, 420)], [(180, 400)], [(150, 380)])
    assert np.abs(phone.locate() - before - [-45, -40]).max() < 0.1
    assert phone.run("[scrollX, scrollY]") == [0, 0]


def test_a_long_press_begins_a_lasso(phone, touch):
    spots = phone.locate()
    path = [(120, 350), (280, 340), (300, 520), (180, 560)]
    touch.swipe(*[[spot] for spot in path], hold=700)
    expected = is_inside(path, spots)
    assert len(expected) > 500
    assert phone.state["selection"] == expected.tolist()


@pytest.mark.parametrize("patch", [{}, {"pinned": 5}, {"embedding": PIXELS}])
def test_everything_fits_on_a_phone(phone, patch):
    phone.run("document.querySelectorAll('details').forEach((one) => { one.open = false; })")
    phone.set(**patch)
    assert phone.run("document.scrollingElement.scrollWidth") == 390
    assert phone.run("document.scrollingElement.scrollHeight") == 844
    assert phone.run(OVERLAPS) == []


TARGETS = """
  [...document.querySelectorAll("button, select, input, summary")]
    .filter((one) => one.checkVisibility({ checkOpacity: one.type !== "radio" }))
    .map((one) => [one, (one.type === "radio" ? one.parentElement : one).getBoundingClientRect()])
    .filter(([, { width, height }]) => width < 40 || height < 40)
    .map(([one, { width, height }]) => `${one.outerHTML.slice(0, 60)} ${width} x ${height}`)
"""


@pytest.mark.parametrize("patch", [{}, {"pinned": 5, "selection": [1, 2]}, {"embedding": PIXELS}])
def test_fingers_find_everything(phone, patch):
    phone.set(**patch)
    assert phone.run(TARGETS) == []


# --- Other data -----------------------------------------------------------------------------------

HOSTILE = '</script><img src=x onerror="window.isBroken = true">&amp; <b>b</b>'


def make_images(n: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)


OTHERS = {
    "one point": (1, {"labels": ["a"], "images": make_images(1, 28, 28)}),
    "two points": (2, {"labels": None}),
    "one class": (50, {"labels": ["only"] * 50, "images": make_images(50, 28, 28)}),
    "200 classes": (400, {"labels": [f"class {i % 200}" for i in range(400)]}),
    "no labels": (60, {"labels": None, "images": make_images(60, 8, 8)}),
    "no images": (60, {"labels": ["a", "b"] * 30, "columns": {"c": [None, 1.5] * 30}}),
    "colours": (60, {"labels": ["a", "b"] * 30, "images": make_images(60, 16, 16, 3)}),
    "odd images": (61, {"labels": None, "images": make_images(61, 9, 5)}),
    "wide images": (61, {"labels": None, "images": make_images(61, 1, 128)}),
    "one pixel": (20, {"labels": None, "images": make_images(20, 1, 1)}),
    "all at one place": (30, {"labels": None, "embeddings": {"a": np.ones((30, 2))}}),
    "markup": (4, {"labels": [HOSTILE, "<!--", "b", ""], "title": HOSTILE}),
}


def make_embeddings(n: int) -> dict[str, np.ndarray]:
    embedding = np.random.default_rng(1).normal(size=(n, 3))
    return {"a": embedding[:, :2], "b": embedding}


@pytest.mark.parametrize("name", OTHERS)
def test_other_data_are_shown_as_well(visit, tmp_path, name):
    size, arguments = OTHERS[name]
    embeddings = arguments.get("embeddings", make_embeddings(size))
    path = export(**{"embeddings": embeddings} | arguments, output_path=tmp_path / "page.html")
    page = visit(path, reduced_motion="reduce", color_scheme="dark").finish()
    assert page.part("message").is_hidden()
    assert (page.crop()[..., :3].max(axis=-1) > 60).sum() >= 4
    page.mouse.move(*page.locate([0])[0])
    page.rest()
    assert page.state["hovered"] >= 0
    assert f"index {page.state['hovered']}" in get_card(page).inner_text()
    page.part("stage").focus()
    page.press("a")
    assert len(page.state["selection"]) == size
    for embedding in range(len(page.read("explorer.data.embeddings"))):
        page.set(embedding=embedding, view={"x": 0.5, "y": 0.5, "zoom": 2})
        assert np.isfinite(page.locate()).all()
    labels = arguments["labels"]
    assert page.part("classes").locator("li").count() == len({*(labels or [])})


def test_a_mouse_beside_a_finger_is_no_second_finger(visit, tmp_path):
    path = export(make_embeddings(50), labels=None, output_path=tmp_path / "page.html")
    page = visit(path, has_touch=True).finish()
    before, touch = page.locate(), Touch(page)
    touch.put((600, 400), kind="Start")
    touch.put((580, 400))
    page.mouse.move(300, 500)
    page.mouse.move(310, 520)
    touch.put((550, 400))
    touch.put(kind="End")
    after = page.rest().locate()
    assert np.abs(after - before - [-50, 0]).max() < 0.1
    page.mouse.move(*after[0])
    assert page.rest().state["hovered"] >= 0


def test_markup_in_names_is_text(visit, tmp_path):
    size, arguments = OTHERS["markup"]
    embeddings = dict.fromkeys([HOSTILE, "<!--"], make_embeddings(size)["a"])
    path = export(
        embeddings, columns={HOSTILE: range(size)}, output_path=tmp_path / "p.html", **arguments
    )
    page = visit(path).finish()
    page.set(pinned=0, selection=[0, 1])
    assert page.page.title() == page.page.get_by_role("heading", level=1).text_content() == HOSTILE
    texts = page.page.get_by_text(HOSTILE, exact=True)
    assert texts.count() >= 5
    images = page.page.locator("img:not([data-part=mean])")
    assert images.count() == 0 and page.run("window.isBroken") is None


def test_without_points_the_page_says_so(visit, tmp_path):
    path = export({"a": np.zeros((0, 2))}, labels=[], output_path=tmp_path / "page.html")
    page = visit(path)
    alert = page.page.get_by_role("alert").filter(visible=True, has_text="no points")
    alert.wait_for()


def test_images_in_colour_are_seen_in_colour(visit, tmp_path):
    images = np.zeros((4, 8, 8, 3), dtype=np.uint8)
    images[..., 0] = 255
    images[:, :4, :, 1] = 255
    embedding = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    path = export({"a": embedding}, labels=None, images=images, output_path=tmp_path / "page.html")
    page = visit(path, reduced_motion="reduce", color_scheme="dark").finish()
    page.set(view={"x": 0.5, "y": 0.5, "zoom": 0.7})
    shown, _, length = read_images(page)
    assert len(shown) == 4
    x, y = page.locate([0])[0].astype(int).tolist()
    quarter = int(length / 4)
    assert page.crop((x, y - quarter, 1, 1))[0, 0, :3].tolist() == [255, 255, 0]
    assert page.crop((x, y + quarter, 1, 1))[0, 0, :3].tolist() == [255, 0, 0]


def spoil(text: str, name: str) -> str:
    """Return a page with a damage: in a block, without one, or without its end."""
    if name.startswith("no "):
        return re.sub(rf'<script type="text/plain" data-block="{name[3:]}">.*?</script>', "", text)
    if name == "script":
        return text[: text.index('<script type="module"') + 5_000]
    start = text.index(f'data-block="{name.removeprefix("half ")}">') + 60
    return text[:start] if name.startswith("half") else f"{text[:start]}#####{text[start + 5 :]}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("header", '"header" cannot be read'),
        ("no header", '"header" is missing'),
        ("embedding-0", '"embedding-0" cannot be read'),
        ("images-0", '"images-0" cannot be read'),
        ("neighbors", '"neighbors" cannot be read'),
        ("no labels", '"labels" is missing'),
        ("no embedding-1", '"embedding-1" is missing'),
        ("half images-0", '"images-0" cannot be read'),
        ("half embedding-0", "If this text stays, the file is damaged"),
        ("script", "If this text stays, the file is damaged"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(visit, tmp_path, name, words):
    path = tmp_path / "page.html"
    size = 300
    images = make_images(size, 8, 8)
    neighbors = np.arange(size)[::-1, None]
    arguments = {"labels": ["a", "b", "c"] * 100, "images": images, "neighbors": neighbors}
    export(make_embeddings(size), output_path=path, **arguments)
    path.write_text(spoil(path.read_text(), name))
    page = visit(path)
    alert = page.page.get_by_role("alert").filter(visible=True, has_text=words)
    alert.wait_for()
    assert "damaged" in alert.text_content()
    page.complaints = [text for text in page.complaints if "damaged" not in text]
