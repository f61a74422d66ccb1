"""Pages of other data, hostile names and damaged files."""

import re

import numpy as np
import pytest
from browser import Touch
from conftest import split_tiers
from pages import get_card, make_embeddings, make_images, read_images

from animated import export

pytest_plugins = ["explorer_fixtures"]


# --- Other data -----------------------------------------------------------------------------------

HOSTILE = '</script><img src=x onerror="window.isBroken = true">&amp; <b>b</b>'


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


@pytest.mark.parametrize("name", split_tiers(OTHERS))
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
