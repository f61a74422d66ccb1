"""Pointing, selecting, moving about, colours, and the panels that answer."""

import json
import re

import numpy as np
import pytest
from browser import Visit
from pages import (
    N_DIGITS,
    STAR,
    fit_screen,
    get_card,
    get_nearest,
    is_inside,
    read_images,
)

pytest_plugins = ["explorer_fixtures"]


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


# --- Pointing and selecting -----------------------------------------------------------------------


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


def test_pick_finds_the_nearest_point(page, real):
    spots = fit_screen(page, real.read()).to_screen(real.read())
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


def test_a_lasso_selects_exactly_what_is_inside(page):
    spots = page.locate()
    page.button("Select with a lasso").click()
    page.drag(*STAR)
    expected = is_inside(STAR, spots)
    assert len(expected) > 200
    assert page.state["selection"] == expected.tolist()
    # Another one replaces it, unless shift is held.
    other = [(230, 480), (330, 480), (280, 600)]
    page.drag(*other)
    assert page.state["selection"] == is_inside(other, spots).tolist()
    page.drag(*STAR, keys="Shift")
    assert page.state["selection"] == sorted({*expected, *is_inside(other, spots)})


def test_a_lasso_that_crosses_itself_leaves_its_middle_out(page):
    spots = page.locate()
    corners = [
        (640 + 180 * np.sin(k * np.pi / 2.5), 380 - 180 * np.cos(k * np.pi / 2.5)) for k in range(5)
    ]
    pentagram = [corners[2 * k % 5] for k in range(5)]
    page.set(mode="lasso").drag(*pentagram)
    selected = page.state["selection"]
    # Its inner pentagon is 69 px from the middle to its corners, and 56 px to its sides.
    distances = np.hypot(*(spots - [640, 380]).T)
    assert (distances < 50).sum() > 20 and distances[selected].min() > 50
    assert len(selected) > 50 and distances[selected].max() < 180


def test_a_lasso_selects_what_the_store_has_there(page, real):
    spots = fit_screen(page, real.read()).to_screen(real.read())
    page.set(mode="lasso").drag(*STAR)
    different = set(page.state["selection"]) ^ {*is_inside(STAR, spots).tolist()}
    assert len(different) <= 3


def test_a_box_selects_exactly_what_is_inside(page):
    spots = page.locate()
    page.button("Select with a box").click()
    page.drag((640, 300), (500, 350), (430, 480))
    inside = ((spots >= [430, 300]) & (spots <= [640, 480])).all(axis=1)
    assert inside.sum() > 100
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
    assert {"3", "5"}.isdisjoint(real.labels[selected]) and len(selected) > 60


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
def test_nothing_gets_lost_beyond_the_edges(calm, zoom, real):
    usual = calm.read("usual.view")
    for dx, dy in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        calm.set(view=usual | {"zoom": zoom})
        calm.run(f"explorer.panBy({dx * 9000}, {dy * 9000})")
        # Some of the square in which all epochs are stays in the window.
        (left, bottom), (right, top) = fit_screen(calm.rest(), real.read()).to_screen(
            np.array([[0, 0], [1, 1]])
        )
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


# --- Colours --------------------------------------------------------------------------------------


def count_pixels(page: Visit, color: str) -> int:
    """Return how many pixels of the map have nearly a colour."""
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(page.crop()[..., :3] - rgb).max(axis=-1) < 10).sum())


def test_a_class_that_is_left_out_is_neither_seen_nor_found(page, real):
    color = page.run("explorer.data.label.colors[explorer.state.theme][7]")
    assert count_pixels(page, color) > 300
    row = (
        page.part("classes")
        .get_by_role("button", name=re.compile(f"^7 ?{(real.labels == '7').sum()}"))
        .first
    )
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
    units = real.read()
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


# --- The card, the tray, going to a point ---------------------------------------------------------


def test_an_index_leads_to_its_point(calm, real):
    view = calm.state["view"]
    middle = fit_screen(calm, real.read()).to_screen(np.array([view["x"], view["y"]]))
    calm.part("index").fill("4321")
    calm.press("Enter")
    state, [[x, y]] = calm.state, calm.locate([4_321])
    assert state["pinned"] == 4_321 and state["view"]["zoom"] > 1
    assert np.hypot(*([x, y] - middle)) < 2
    assert 4_321 in read_images(calm)[0]
    assert calm.run(f"explorer.map.pick({x}, {y})") == 4_321


@pytest.mark.parametrize("text", ["6000", "-1", "1.5", ""])
def test_an_index_that_is_not_there_is_refused(calm, text):
    field = calm.part("index")
    field.fill(text)
    field.press("Enter")
    assert calm.rest().state["pinned"] == -1
    # The browser itself tells of it.
    assert field.evaluate("(one) => one.validationMessage")
    assert [field.get_attribute(name) for name in ("min", "max")] == ["0", "5999"]
    field.fill("5999")
    field.press("Enter")
    assert calm.rest().state["pinned"] == 5_999


def test_neighbors_lead_on(calm, real):
    calm.set(pinned=4_711)
    get_nearest(calm).first.click()
    assert calm.rest().state["pinned"] == real.neighbors[4_711, 0]
    calm.button("Select").click()
    calm.button("Unpin").click()
    assert calm.rest().state["pinned"] == -1
    assert calm.state["selection"] == [real.neighbors[4_711, 0]]


CHOSEN = [3, 17, 4_000, 5_999]


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
    page.wait("(await navigator.clipboard.readText()).startsWith('[')")
    rows = [{"index": i, "label": real.labels[i]} for i in CHOSEN]
    assert json.loads(page.run("navigator.clipboard.readText()")) == rows


def test_trails_lead_from_where_points_were(page, real):
    page.set(selection=[1, 2, 3, 4])
    before = page.crop(name="overlay")
    page.button("Trails").click()
    drawn = (page.rest().crop(name="overlay") != before).any(axis=-1)
    assert drawn.sum() > 500
    screen = fit_screen(page, real.read())
    for epoch in (40, 120, 160):
        for x, y in screen.to_screen(real.read(epoch)[[1, 2, 3, 4]]).astype(int):
            assert drawn[y - 2 : y + 3, x - 2 : x + 3].any()
    page.button("First epoch").click()
    drawn = (page.rest().crop(name="overlay") != before).any(axis=-1)
    page.button("Trails").click()
    assert ((page.rest().crop(name="overlay") != before).any(axis=-1) == drawn).all()
