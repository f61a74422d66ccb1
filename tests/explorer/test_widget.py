"""The widget shows what the page does, and tells Python what is selected."""

import base64
import zlib

import numpy as np
import polars as pl
import pytest
from conftest import N_DIGITS

from animated import Explorer
from animated.explorer.bundle import bundle
from animated.explorer.export import FOLDER, find_fragment

pytest_plugins = ["explorer_fixtures"]


def test_widget_holds_what_the_page_does(make, store, points):
    arguments = {"labels": ["a", "b"] * 300, "epochs": 2, "title": "Both"}
    page, widget = make({"a": store}, **arguments), Explorer({"a": store}, **arguments)
    assert widget.header == page.header
    blocks = {name: zlib.decompress(block) for name, block in widget.blocks.items()}
    assert list(widget.blocks) == page.header["blocks"] and blocks == page.blocks
    assert widget._esm == bundle(FOLDER / "widget.js")
    assert widget.template.startswith("<div") and widget.template.endswith("</div>")
    assert find_fragment((FOLDER / "page.html").read_text()) == widget.template
    assert (widget.height, widget.selection, widget.epoch) == (640, [], 3)
    state = widget.get_state()
    assert {"_esm", "template", "style_sheet", "header", "blocks", "selection"} <= set(state)
    assert all(isinstance(block, bytes) for block in state["blocks"].values())
    assert Explorer({"a": points}, labels=None, height=300).epoch == 0


def test_selection_of_the_widget(points):
    widget = Explorer({"a": points}, labels=None)
    seen = []
    widget.observe(lambda change: seen.append(change["new"]), "selection")
    widget.selection = pl.Series([9, 3, 3], dtype=pl.UInt32)
    widget.selection = np.array([49])
    widget.selection = range(2)
    assert seen == [[3, 9], [49], [0, 1]]
    widget.set_state({"selection": [5, 4]})  # as the page sends it
    assert widget.selection == [4, 5] and type(widget.selection[0]) is int
    for bad, got in (([50], "50 to 50"), ([-1, 2], "-1 to 2"), ([1.5], "float64"), ("ab", "<U2")):
        with pytest.raises(ValueError, match=f"selection must be indices of points.*got {got}"):
            widget.selection = bad
    assert widget.selection == [4, 5]
    widget.selection = []
    assert widget.selection == []


def test_widget_refuses_what_the_page_does(points):
    with pytest.raises(ValueError, match="labels must have 50 values, one per point, got 1"):
        Explorer({"a": points}, labels=["a"])
    with pytest.raises(ValueError, match="height must be an integer of at least 200, got 10"):
        Explorer({"a": points}, labels=None, height=10)


# What anywidget gives a widget, as far as ours needs it.
MODEL = """({ state, blocks }) => {
  const unpack = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const listeners = {};
  state.blocks = Object.fromEntries(Object.entries(blocks).map(([k, text]) => [k, unpack(text)]));
  window.sent = {};
  window.model = {
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      for (const listener of listeners[`change:${name}`] ?? []) listener();
    },
    save_changes() {
      window.sent = { selection: state.selection, epoch: state.epoch };
    },
    on: (event, listener) => (listeners[event] ??= new Set()).add(listener),
    off: (event, listener) => listeners[event].delete(listener),
    count: () => Object.values(listeners).reduce((sum, { size }) => sum + size, 0),
  };
  const el = document.body.appendChild(document.createElement("div"));
  window.leave = window.widget.render({ model, el });
  window.part = (name) => el.firstChild.shadowRoot.querySelector(`[data-part=${name}]`);
}"""


@pytest.fixture
def show(browser):
    """Show a widget in a browser; a test fails when anything goes wrong there."""
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(error))
    page.on("console", lambda message: errors.append(message.text))

    def show(widget: Explorer, then: str = ""):
        state = widget.get_state()
        script = state["_esm"].replace("export default{", "window.widget={")
        blocks = {name: base64.b64encode(block).decode() for name, block in widget.blocks.items()}
        names = ("template", "style_sheet", "header", "height", "selection", "epoch")
        page.add_script_tag(content=script, type="module")
        page.wait_for_function("window.widget")
        shown = {name: state[name] for name in names}
        page.evaluate(
            f"(shown) => {{ ({MODEL})(shown); {then} }}", {"state": shown, "blocks": blocks}
        )
        return page

    yield show
    page.close()
    assert not errors


def test_widget_and_browser_tell_each_other(show, store, digits):
    labels = digits["digit"].head(N_DIGITS)
    widget = Explorer({"a": store}, labels=labels, height=480)
    widget.selection = [5, 7]
    page = show(widget)
    page.wait_for_function("model.count() === 2")
    stage = page.locator("[data-part=stage]")
    assert page.evaluate("[part('explorer').clientHeight, sent]") == [480, {}]
    assert "2 selected" in page.locator("[data-part=explorer]").inner_text()
    page.evaluate("model.set('selection', [1, 2, 3])")
    page.get_by_role("status").get_by_text("3 selected").wait_for(state="attached")
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("sent.selection?.length === 0")
    stage.press("Home")
    page.wait_for_function("sent.epoch === 0")
    page.evaluate("model.set('epoch', 2)")
    page.get_by_text("epoch 2 of 3").first.wait_for()
    widget.set_state(page.evaluate("({ selection: model.get('selection'), epoch: sent.epoch })"))
    assert (widget.selection, widget.epoch) == ([], 0)


def test_widget_lets_go(show, points):
    page = show(Explorer({"a": points}, labels=None), then="window.stage = part('stage')")
    page.wait_for_function("model.count() === 2")
    assert page.evaluate("stage.querySelectorAll('canvas').length") == 2
    page.evaluate("leave()")
    assert page.evaluate("[model.count(), document.body.textContent.trim()]") == [0, ""]
    assert page.evaluate("stage.querySelectorAll('canvas').length") == 0


def test_widget_lets_go_before_it_is_there(show, points):
    page = show(Explorer({"a": points}, labels=None), then="window.stage = part('stage'); leave()")
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 500))")
    assert page.evaluate("[model.count(), stage.querySelectorAll('canvas').length]") == [0, 0]
