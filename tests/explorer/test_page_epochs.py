"""What the page shows: points at every epoch, in every embedding, and their images."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from browser import Visit, decode_url, require_browser
from conftest import ROOT
from pages import (
    LAST,
    N_DIGITS,
    PCA,
    PRECISION,
    SPATIAL,
    STAR,
    UMAP,
    Screen,
    choose_embedding,
    fit_screen,
    is_inside,
    read_images,
)
from PIL import Image
from playwright.sync_api import Locator

from animated import export
from animated.runs.store import read_positions

pytest_plugins = ["explorer_fixtures"]
GOLDEN = ROOT / "tests/golden"
STORE = ROOT / "data/epochs.parquet"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A page of all 30,000 digits of the repository, as they are at the last epoch."""
    require_browser()
    table = pl.read_parquet(ROOT / "data/digits.parquet")
    images = table.drop("digit").to_numpy().astype(np.uint8).reshape(-1, 28, 28)
    path = tmp_path_factory.mktemp("whole") / "page.html"
    arguments = {"labels": table["digit"], "images": images, "epochs": []}
    return export({"UMAP": STORE}, output_path=path, **arguments)


# --- The file and what it shows first -------------------------------------------------------------


def test_dots_come_first_then_digits(visit, whole):
    page = visit(whole, color_scheme="dark")
    page.wait("window.first")
    dots = decode_url(page.run("first.url"))
    # The header, the embedding and the labels; there are many more parts with images.
    assert page.run("first.parts") == 3
    assert (dots[..., :3].max(axis=-1) > 60).sum() > 20_000
    page.finish()
    assert page.state["isReady"] and page.run("parts") == 9
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
    assert page.page.title() == "6,000 digits"
    assert page.page.get_by_role("heading", level=1).text_content() == "6,000 digits"
    assert page.page.get_by_text("6,000 points").is_visible()
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


def test_points_are_where_the_store_has_them(page, real):
    screen = fit_screen(page, real.read())
    exact = screen.to_units(page.locate()) - real.read()
    assert np.abs(exact).max() < 0.51 / 65_000 + 1e-5
    for epoch in (0, 4, 100, 196):
        page.run("(epoch) => explorer.seek(epoch)", epoch)
        page.tick()
        off = screen.to_units(page.locate()) - real.read(epoch)
        assert np.abs(off).max() < PRECISION + 1e-5, f"epoch {epoch}"


@pytest.mark.parametrize(("epoch", "before", "after"), [(42, 40, 44), (3, 0, 4), (198, 196, 199)])
def test_points_go_straight_from_one_kept_epoch_to_the_next(page, epoch, before, after, real):
    screen = fit_screen(page, real.read())
    page.run("(epoch) => explorer.seek(epoch)", epoch)
    page.tick()
    part = (epoch - before) / (after - before)
    ends = real.read(before), real.read(after)
    expected = ends[0] * (1 - part) + ends[1] * part
    assert np.abs(screen.to_units(page.locate()) - expected).max() < PRECISION + 1e-5
    assert page.page.get_by_text("Positions between kept epochs are interpolated.").is_visible()


def test_buttons_step_through_the_kept_epochs(page):
    seen = []
    for name in ("First epoch", "Next epoch", "Next epoch", "Last epoch", "Previous epoch"):
        page.button(name).click()
        seen.append(page.tick().state["time"])
    assert seen == [0, 4, 8, 199, 196]
    page.run("explorer.seek(42)")
    page.button("Previous epoch").click()
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
            let [seconds, last] = [0, await frame()];
            const time = explorer.state.time;
            while (seconds < 0.5) {
              const now = await frame();
              // After a frame that took long, the page goes on as if it had taken less.
              seconds += Math.min(100, now - last) / 1000;
              last = now;
            }
            return [explorer.state.time - time, seconds];
          }
        """)
        page.button("Play").click()
        assert 0.75 < epochs / seconds / int(speed) < 1.25


# --- Embeddings -----------------------------------------------------------------------------------


def test_points_travel_straight_to_another_embedding_and_keep_what_is_marked(page, real):
    few = [5, 99, 1000]
    start = page.set(pinned=99, selection=few).locate(few)
    page.run(
        """
      (few) => {
        window.travel = [];
        const watch = () => {
          travel.push(few.map((index) => explorer.map.locate(index)));
          const { embedding, isMoving } = explorer.state;
          if (embedding === 0 || isMoving) requestAnimationFrame(watch);
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


def test_an_embedding_in_space_turns(calm, real):
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
    units = real.read()
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


# --- Images in motion, and pictures of it all -----------------------------------------------------


def test_images_come_and_go_once_when_the_epoch_changes(page):
    frames = page.run("""
      async () => {
        explorer.seek(100);
        const frames = [];
        for (let k = 0; k < 90; k++) {
          await new Promise(requestAnimationFrame);
          const { shown, opacity } = explorer.data.images;
          frames.push(shown.map((i) => [i, opacity[i]]).join(";"));
        }
        return [frames, drawings];
      }
    """)
    opacities = [dict(pair.split(",") for pair in frame.split(";")) for frame in frames[0]]
    for index in set().union(*opacities):
        changes = np.diff([int(frame.get(index, 0)) for frame in opacities])
        assert (np.diff(np.sign(changes[changes != 0])) != 0).sum() <= 1, f"image {index}"
    assert page.pause(200).run("drawings") == frames[1], (
        "nothing moves, but it is drawn again and again"
    )


@pytest.mark.parametrize("epoch", [100, LAST])
def test_images_do_not_cover_one_another_while_points_are_on_their_way(calm, epoch):
    calm.run(f"explorer.seek({epoch})")
    for zoom in (1, 3):
        calm.set(time=epoch, view={"x": 0.5, "y": 0.5, "zoom": zoom})
        assert len(read_images(calm)[0]) > 40 and find_overlaps(calm) == 0


def place(page: Visit, x: float, y: float, scale: float) -> None:
    """Bring a position into the middle of the window; scale: px per unit."""
    positions = read_positions(STORE, LAST)
    zoom = page.state["view"]["zoom"] * scale / fit_screen(page, positions).scale
    page.set(view={"x": x, "y": y, "zoom": zoom})
    dx, dy = np.array([640, 400]) - fit_screen(page, positions).to_screen(np.array([x, y]))
    page.run(f"explorer.panBy({dx}, {dy})")
    page.rest()


@pytest.mark.parametrize(
    ("name", "theme", "spot"),
    [("far", "dark", (0.5, 0.5, 650)), ("near", "light", (0.45, 0.55, 4_000))],
)
def test_the_map_looks_as_it_should(visit, whole, name, theme, spot):
    """To renew a picture, delete it, run this and look at the new one."""
    page = visit(whole, reduced_motion="reduce").finish().set(theme=theme)
    place(page, *spot)
    seen = page.crop((520, 290, 240, 220))[..., :3]
    path = GOLDEN / f"explorer-{name}.png"
    if not path.exists():
        Image.fromarray(seen.astype(np.uint8)).save(path, optimize=True)
        pytest.fail(f"{path.name} was missing; now it is there to be looked at")
    golden = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert np.abs(seen - golden).mean() < 2
    # The tolerance is small enough to notice what is elsewhere.
    assert np.abs(np.roll(seen, 3, axis=1) - golden).mean() > 4
