"""The page for everyone: keys, names, contrast, small windows, fingers, links to a view."""

from collections.abc import Iterator
from math import floor

import numpy as np
import pytest
from browser import Touch, Visit
from pages import (
    LAST,
    PCA,
    PIXELS,
    PRECISION,
    SPATIAL,
    UMAP,
    choose_embedding,
    fit_screen,
    get_card,
    is_inside,
    read_images,
)

pytest_plugins = ["explorer_fixtures"]
WCAG_AA = 4.5


# --- The address ----------------------------------------------------------------------------------

STATES = {
    "an epoch": {
        "time": 42,
        "view": {"x": 0.4, "y": 0.6, "zoom": 2.5},
        "hidden": [1, 7],
        "selection": [0, 1, 500, 4_321, 5_999],
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
    """Return the hash, which the page writes 300 ms after the last change."""
    page.rest().pause(350)
    return page.run("location.hash")


def test_what_an_address_names_is_shown_once_it_is_read(visit, real):
    page = visit(real.path, "#epoch=0&color=column-0", color_scheme="dark").finish()
    assert page.state["time"] == 0 and page.state["color"] == "column-0"
    shown = fit_screen(page, real.read(0)).to_units(page.locate())
    assert np.abs(shown - real.read(0)).max() < PRECISION + 1e-5
    assert page.run(f"explorer.map.colorOf({real.ink.argmax()})") == "#fde725"  # the end of viridis


def test_embeddings_are_called_layout_in_addresses(calm):
    calm.run("() => { location.hash = '#layout=PCA'; }")
    calm.wait(f"explorer.state.embedding === {PCA}")
    assert read_hash(calm) == "#layout=PCA"


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
        "#view=NaN_Infinity_0&pin=6000&pin=1e99&select=_____w",
        "#%E0%A4%A&&&===&__proto__=1&constructor=2",
        "#<script>alert(1)</script>",
    ):
        page.run("(text) => { location.hash = text; }", text)
        assert page.pause(50).rest().state == usual, text


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
    ("A", ["a"], "explorer.state.selection.length === 6000"),
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
    time = calm.rest().state["time"]
    # Half an epoch is rounded up on the page, and to an even number by Python.
    assert live.text_content() == f"Epoch {floor(time + 0.5)}"
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
    touch.swipe(*[[spot] for spot in path], until="explorer.state.path")
    expected = is_inside(path, spots)
    assert len(expected) > 100
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
