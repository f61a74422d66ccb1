"""A camera that circles around points in space: where they appear, how large, and how bright."""

import itertools
import warnings

import numpy as np
import polars as pl
import pytest
from fidelity import compare
from matplotlib.colors import to_rgb
from plotnine import (
    aes,
    element_rect,
    geom_point,
    ggplot,
    scale_color_manual,
    scale_size_radius,
    scale_x_continuous,
    scale_y_continuous,
    theme,
    theme_void,
)

from animated.motion.camera import CORNER, shade, shade_colors, turn
from animated.plots.stages import forget_stages
from animated.plots.templates import Template
from animated.video.frames import Frames
from util import combine_plots

AXES = ["x", "y", "z"]
ANGLES = np.linspace(0, 360, 25)
CORNERS = pl.DataFrame(list(itertools.product([0.0, 1.0], repeat=3)), AXES, orient="row")


def make_cloud(n=300, seed=0):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(rng.uniform(size=(n, 3)), AXES).with_columns(
        index=pl.int_range(n, dtype=pl.UInt32),
        digit=pl.Series(rng.choice(["a", "b", "c"], n), dtype=pl.Enum(["a", "b", "c"])),
    )


CLOUD = make_cloud()


def make_point(*place):
    return pl.DataFrame([place], AXES, orient="row")


def turn_point(place, angle, **view):
    return turn(make_point(*place), angle, **view).row(0, named=True)


@pytest.mark.parametrize("distance", [1.01, 1.5, 3, 100])
@pytest.mark.parametrize("elevation", [-90, -30, 0, 45, 90])
def test_nothing_leaves_the_picture(elevation, distance):
    for angle in ANGLES:
        seen = turn(CORNERS, angle, elevation=elevation, distance=distance)
        numbers = seen.select("x", "y", "depth", "size").to_numpy()
        assert numbers.min() >= 0 and numbers.max() <= 1
        # Not by clipping: all of the cube lies in a circle.
        away = np.hypot(seen["x"] - 0.5, seen["y"] - 0.5)
        assert away.max() <= 0.5 + 1e-9


@pytest.mark.parametrize("side", [-1, 1])
def test_the_ends_of_the_sphere_stay_within_the_limits(side):
    """Not even a rounding error takes them out, where plotnine would not draw them."""
    for angle, elevation in np.random.default_rng(0).uniform(-90, 90, (200, 2)):
        around, up = np.deg2rad([angle, elevation])
        towards = np.array([-np.cos(up) * np.sin(around), np.sin(up), np.cos(up) * np.cos(around)])
        end = turn_point(0.5 + side * 0.5 * towards, angle, elevation=elevation, radius=0.5)
        assert end["depth"] == pytest.approx((1 + side) / 2, abs=1e-9)
        assert 0 <= end["depth"] <= 1 and 0 <= end["size"] <= 1


def test_the_sphere_fills_the_picture():
    """A point that passes where the outline is touches the edge of the picture."""
    reach = [
        turn_point((0.5 + 0.4, 0.5, 0.5), angle, elevation=0, radius=0.4)["x"]
        for angle in np.linspace(0, 360, 3601)
    ]
    assert max(reach) == pytest.approx(1, abs=1e-5)
    assert min(reach) == pytest.approx(0, abs=1e-5)


def test_a_full_turn():
    assert turn(CLOUD, 0).equals(turn(CLOUD, 360))
    assert turn(CLOUD, 30).equals(turn(CLOUD, -330))
    assert not turn(CLOUD, 0).equals(turn(CLOUD, 180))


def test_what_stays_where_it_is():
    for angle in ANGLES:
        middle = turn_point((0.5, 0.5, 0.5), angle)
        assert (middle["x"], middle["y"], middle["depth"]) == (0.5, 0.5, 0.5)
    table = turn(CLOUD, 77)
    assert {*table.columns} == {"index", "digit", "x", "y", "depth", "size"}
    assert table.sort("index").select("index", "digit").equals(CLOUD.select("index", "digit"))


def test_the_first_view_is_a_plot_of_two_dimensions():
    seen = turn(CLOUD.with_columns(z=0.5), 0, elevation=0)
    spread = (seen["x"] - 0.5) / (CLOUD["x"] - 0.5)
    assert np.allclose(spread, spread[0]) and spread[0] > 0
    assert np.allclose((seen["y"] - 0.5) / (CLOUD["y"] - 0.5), spread[0])


def test_directions():
    """Which way the camera circles, and that it looks down from above."""
    right = turn_point((0.5, 0.5, 1.0), 90, elevation=0)
    assert right["x"] > 0.6 and right["depth"] == pytest.approx(0.5)
    assert turn_point((1.0, 0.5, 0.5), 90, elevation=0)["depth"] < 0.5
    front = turn_point((0.5, 0.5, 1.0), 0, elevation=30)
    assert front["y"] < 0.5 and front["depth"] > 0.5
    top = turn_point((0.5, 1.0, 0.5), 0, elevation=90)
    assert top["depth"] == pytest.approx(0.5 + 0.25 / CORNER)


def test_constant_speed():
    """What is undone of the perspective has gone the same way from angle to angle."""
    bearings = []
    for angle in range(0, 360, 5):
        seen = turn_point((0.9, 0.5, 0.5), angle, elevation=0, distance=3)
        z = 2 * seen["depth"] - 1
        x = (seen["x"] - 0.5) * 2 * (3 - z) / np.sqrt(8)
        bearings.append(np.arctan2(z, x))
    assert np.allclose(np.diff(np.unwrap(bearings)), -np.deg2rad(5))


def test_near_points_are_large_and_late():
    seen = turn(CLOUD, 20)
    assert (np.diff(seen["depth"]) >= 0).all()
    assert (np.diff(seen["size"]) >= 0).all()
    assert seen["size"][-1] > 1.5 * seen["size"][0]


def test_perspective():
    """The same length appears the smaller, the farther away it is."""
    far, near = (turn_point((0.8, 0.5, z), 0, elevation=0) for z in (0.2, 0.8))
    assert near["x"] > far["x"] > 0.5
    ratio = (near["x"] - 0.5) / (far["x"] - 0.5)
    assert ratio == pytest.approx(near["size"] / far["size"])


def test_ties_keep_their_order():
    same = pl.concat([make_point(0.5, 0.5, 0.5)] * 40).with_columns(index=pl.int_range(40))
    assert turn(same, 33)["index"].to_list() == [*range(40)]


def test_shades_get_brighter_with_depth():
    seen = shade(turn(CLOUD, 20), "digit", 16)
    colors = shade_colors(["red", "#00ff00", "blue"], ["a", "b", "c"], 16, darkest=0.2)
    assert seen["shade"].dtype.categories.to_list() == list(colors)
    light = [sum(to_rgb(colors[name])) for name in seen["shade"]]
    level = (seen["depth"] * 16).floor().clip(0, 15)
    assert np.allclose(light, 0.2 + 0.8 * level / 15, atol=0.003)
    labels = seen["shade"].cast(pl.String).str.head(1)
    assert (labels == seen["digit"].cast(pl.String)).all()


def test_shades_at_both_ends():
    table = pl.DataFrame({"depth": [0.0, 1.0], "digit": ["a", "c"]})
    table = table.cast({"digit": pl.Enum(["a", "b", "c"])})
    assert shade(table, "digit", 4)["shade"].to_list() == ["a, 0", "c, 3"]
    colors = shade_colors(["white", "red", "blue"], ["a", "b", "c"], 4, darkest=0)
    assert (colors["a, 0"], colors["c, 3"]) == ("#000000", "#0000ff")
    assert len(colors) == 12


@pytest.fixture
def make_template():
    """A plot of what the camera sees, as the films draw it."""
    forget_stages()
    colors = shade_colors(["red", "#00ff00", "blue"], ["a", "b", "c"])

    def make(table, largest=6):
        return Template(
            ggplot(shade(table, "digit"), aes("x", "y", color="shade", size="size"))
            + geom_point(stroke=0)
            + scale_color_manual(values=colors, limits=list(colors))
            + scale_size_radius(range=(0, largest), limits=(0, 1))
            + scale_x_continuous(limits=(0, 1))
            + scale_y_continuous(limits=(0, 1))
            + theme_void()
            + theme(
                figure_size=(3, 3), legend_position="none",
                plot_background=element_rect(fill="black"),
            )
        )  # fmt: skip

    return make


def draw(template, tables):
    fills = [template.fill(shade(table, "digit")) for table in tables]
    return list(Frames(lambda frame: [fills[frame]], range(len(fills)), None, n_jobs=1)), fills


def test_near_points_are_drawn_over_far_ones(make_template):
    """A red and a blue point change places as the camera goes half-way around."""
    pair = pl.DataFrame({"x": [0.5, 0.5], "y": [0.5, 0.5], "z": [0.2, 0.8], "digit": ["a", "c"]})
    pair = pair.cast({"digit": pl.Enum(["a", "b", "c"])})
    views = [turn(pair, angle, elevation=0) for angle in (0, 180)]
    pictures, _ = draw(make_template(views[0], largest=20), views)
    in_front, behind = (picture[150, 150].astype(int) for picture in pictures)
    assert in_front[2] > 150 and in_front[0] == 0
    assert behind[0] > 150 and behind[2] == 0


def test_a_turn_is_drawn_once_and_as_plotnine_does(make_template):
    views = [turn(CLOUD, angle) for angle in range(0, 60, 10)]
    with warnings.catch_warnings(action="error"):  # one says so when a plot is drawn again
        pictures, fills = draw(make_template(views[0]), views)
    psnr, _ = compare(pictures[-1], np.asarray(combine_plots([fills[-1].to_ggplot()])))
    assert psnr >= 45


BAD = [
    ({"elevation": 91}, "elevation must be from -90 to 90 degrees, got 91"),
    ({"distance": 1}, "distance must be finite and more than 1, got 1"),
    ({"distance": np.nan}, "distance must be finite and more than 1, got nan"),
    ({"distance": np.inf}, "distance must be finite and more than 1, got inf"),
    ({"radius": 0}, "radius must be finite and more than 0, got 0"),
    ({"radius": np.inf}, "radius must be finite and more than 0, got inf"),
    ({"radius": 0.3}, r"points must be within 0.300 of the centre .*, got \d+ outside"),
]


@pytest.mark.parametrize(("view", "message"), BAD)
def test_bad_views(view, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        turn(CLOUD, 0, **view)


def test_bad_tables():
    with pytest.raises(ValueError, match="must have the columns x, y and z, z is missing"):
        turn(CLOUD.drop("z"), 0)
    with pytest.raises(ValueError, match=r"points must be within .* got 1 outside"):
        turn(make_point(0.5, np.nan, 0.5), 0)
    with pytest.raises(TypeError, match="digit must be an Enum, got String"):
        shade(turn(CLOUD.cast({"digit": pl.String}), 0), "digit")


def test_bad_shades():
    with pytest.raises(ValueError, match="colors must have 3 values, one per label, got 2"):
        shade_colors(["red", "blue"], ["a", "b", "c"])
    with pytest.raises(ValueError, match="darkest must be between 0 and 1, got 2"):
        shade_colors(["red"], ["a"], darkest=2)
    with pytest.raises(ValueError, match="n_levels must be an integer of at least 1, got 0"):
        shade_colors(["red"], ["a"], n_levels=0)
    with pytest.raises(ValueError, match="angle must be a number of degrees, got nan"):
        turn(CLOUD, np.nan)
