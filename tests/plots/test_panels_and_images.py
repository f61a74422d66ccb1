"""The plots that notebooks share: panels of embeddings, and images pixel by pixel."""

import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_hex
from plotnine import geom_hline

from animated.palette import get_colors
from animated.plots.images import to_pixels
from animated.plots.panels import plot_panels

KIND = pl.Enum(["b", "a"])


@pytest.fixture
def table():
    return pl.DataFrame(
        {
            "x": [0.1, 0.9, 0.5, 0.5],
            "y": [0.2, 0.8, 0.1, 0.9],
            "kind": pl.Series(["b", "a", "a", "b"], dtype=KIND),
            "panel": pl.Series(["two", "two", "one", "one"], dtype=pl.Enum(["two", "one", "no"])),
        }
    )


def test_panels_stand_in_the_order_of_their_titles(table):
    figure = plot_panels(table, "kind", 2).draw()
    panels = [axes for axes in figure.axes if axes.collections]
    offsets = [axes.collections[0].get_offsets().tolist() for axes in panels]
    assert offsets == [[[0.1, 0.2], [0.9, 0.8]], [[0.5, 0.1], [0.5, 0.9]]]
    assert panels[0].get_xlim() == pytest.approx((-0.02, 1.02))
    assert panels[0].get_position().x0 < panels[1].get_position().x0


def test_a_label_has_the_same_colour_in_every_panel(table):
    figure = plot_panels(table, "kind", 2).draw()
    colors = [
        [to_hex(color) for color in axes.collections[0].get_facecolors()]
        for axes in figure.axes
        if axes.collections
    ]
    b, a = get_colors(2)
    assert colors == [[b, a], [a, b]]


def test_options_of_panels(table):
    plot = plot_panels(
        table, "kind", 1, width=4, top=1.5, title="T", colors=["#ff0000", "#00ff00"],
        beneath=[geom_hline(yintercept=1.2)],
    )  # fmt: skip
    assert plot.labels.title == "T" and type(plot.layers[0].geom).__name__ == "geom_hline"
    figure = plot.draw()
    np.testing.assert_allclose(figure.get_size_inches(), [4, 2 * 4.3 + 0.8])
    assert figure.axes[0].get_ylim() == pytest.approx((-0.02, 1.52))
    points = figure.axes[0].collections[-1]
    assert [to_hex(color) for color in points.get_facecolors()] == ["#ff0000", "#00ff00"]


def test_labels_must_be_an_enum(table):
    with pytest.raises(TypeError, match="the column 'x' must be an Enum, got Float64"):
        plot_panels(table, "x", 2)


def test_an_image_pixel_by_pixel():
    values = np.arange(12, dtype=np.uint8).reshape(2, 6)
    table = pl.DataFrame(values, [f"pixel{i}" for i in range(1, 7)], orient="row")
    pixels = to_pixels(table.with_columns(digit=pl.Series(["7", "1"])), width=3)
    assert pixels.columns == ["image", "digit", "value", "x", "y"]
    for image in (0, 1):
        one = pixels.filter(image=image)
        assert one["digit"].unique().to_list() == ["71"[image]]
        seen = np.empty((2, 3))
        seen[1 - one["y"].to_numpy(), one["x"].to_numpy()] = one["value"]
        assert (seen.ravel() == values[image]).all()
    assert pixels["image"].is_sorted()


@pytest.mark.parametrize("width", [0, 5, 2.0, True])
def test_pixels_must_be_rows(width):
    table = pl.DataFrame({f"pixel{i}": [0] for i in range(1, 7)})
    with pytest.raises(ValueError, match=f"rows of {width}, got a table with 6 columns"):
        to_pixels(table, width)
