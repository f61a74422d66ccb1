"""Plots drawn once and filled again: always as plotnine draws them, once where that will do."""

import warnings
from collections import OrderedDict
from datetime import datetime, timedelta
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import ROOT, run_python
from fidelity import compare, make_styles
from PIL import Image
from plotnine import (
    aes,
    after_scale,
    annotate,
    coord_cartesian,
    coord_fixed,
    coord_flip,
    coord_trans,
    element_blank,
    element_rect,
    facet_grid,
    facet_wrap,
    geom_area,
    geom_col,
    geom_density_2d,
    geom_errorbar,
    geom_hline,
    geom_jitter,
    geom_label,
    geom_path,
    geom_point,
    geom_polygon,
    geom_raster,
    geom_rect,
    geom_rug,
    geom_segment,
    geom_smooth,
    geom_spoke,
    geom_text,
    geom_tile,
    ggplot,
    guide_legend,
    guides,
    labs,
    lims,
    scale_alpha_continuous,
    scale_color_brewer,
    scale_color_cmap,
    scale_color_discrete,
    scale_color_identity,
    scale_color_manual,
    scale_fill_cmap,
    scale_fill_manual,
    scale_size_continuous,
    scale_size_identity,
    scale_x_continuous,
    scale_x_discrete,
    scale_x_log10,
    scale_x_reverse,
    scale_x_sqrt,
    scale_y_continuous,
    scale_y_reverse,
    theme,
    theme_matplotlib,
    theme_void,
    theme_xkcd,
    watermark,
    xlim,
)

from animated.plots.fingerprints import hash_table
from animated.plots.painters import MAX_SIZES
from animated.plots.stamps import make_solid_stamps
from animated.plots.templates import Filled, Template
from animated.video.frames import Frames
from util import combine_plots

mpl.set_loglevel("error")  # fonts that a theme asks for may not be there

N = 200
LABELS = ["a", "b", "c"]
SMALL = theme(figure_size=(2.6, 2), dpi=72)
# Text takes most of the time of a small plot.
BARE = SMALL + theme(axis_text=element_blank(), axis_ticks=element_blank())
X, Y = scale_x_continuous(limits=(0, 1)), scale_y_continuous(limits=(0, 1))
UNIT = [X, Y]
COLORS = scale_color_discrete(limits=LABELS)
ALPHAS = scale_alpha_continuous(range=(0, 1), limits=(0, 1))
SHADES = scale_fill_cmap("viridis", limits=(0, 1))
BIG = geom_point(size=4)


def make_table(seed, n=N, labels=LABELS):
    rng = np.random.default_rng(seed)
    x, y, value, xend, yend = rng.uniform(0.05, 0.95, (5, n))
    label = rng.choice(labels, n)
    return pl.DataFrame(
        {"x": x, "y": y, "value": value, "xend": xend, "yend": yend, "label": label}
    )


def make_tiles(seed, step=1.0, n=8):
    value = np.random.default_rng(seed).uniform(size=n * n)
    x, y = np.arange(n * n) % n * step, np.arange(n * n) // n * 1.0
    return pl.DataFrame({"x": x, "y": y, "value": value})


A, B = make_table(1), make_table(2)
P, Q = A.to_pandas(), B.to_pandas()
TILES, OTHERS = make_tiles(1), make_tiles(2)
FEW, MORE = A.head(20), B.head(20)

POINTS, COLORED = ggplot(A, aes("x", "y")), ggplot(A, aes("x", "y", color="label"))
VALUED, TILED = ggplot(A, aes("x", "y", color="value")), ggplot(TILES, aes("x", "y", fill="value"))
LINES = ggplot(FEW, aes("x", "y", xend="xend", yend="yend")) + UNIT
WORDED = ggplot(FEW, aes("x", "y", label="label")) + UNIT


def without(table, column, condition):
    """Return a table with nulls in a column where a condition holds."""
    return table.with_columns(pl.when(condition).then(None).otherwise(column).alias(column))


def change(function):
    """Return both tables changed alike."""
    return function(A), function(B)


def change_pandas(**columns):
    return tuple(
        table.assign(**{name: make(table) for name, make in columns.items()}) for table in (P, Q)
    )


def to_category(table, levels=LABELS, ordered=False):
    return table.assign(label=pd.Categorical(table.label, levels, ordered=ordered))


def to_dates(table):
    days = [datetime(2020, 1, 1) + timedelta(days=round(100 * x)) for x in table["x"]]
    return table.with_columns(x=pl.Series(days))


def to_enum(table, levels):
    return table.with_columns(pl.col("label").cast(pl.Enum(levels)))


def fill(plot, *tables):
    """Return the filled templates of a plot, one for each table or tuple of tables."""
    template = Template(plot)
    return [template.fill(*(table if isinstance(table, tuple) else (table,))) for table in tables]


def draw(fills):
    """Return the last of some filled templates, drawn one after the other."""
    *_, picture = Frames(lambda epoch: [fills[epoch]], range(len(fills)), None, n_jobs=1)
    return picture


def draw_by_plotnine(filled):
    return np.asarray(combine_plots([filled.to_ggplot()]))


def check(*fills):
    """Assert that the last picture is as plotnine draws it."""
    with warnings.catch_warnings(action="ignore"):
        psnr, largest = compare(draw(fills), draw_by_plotnine(fills[-1]))
    assert psnr >= 40
    assert largest <= 40


@pytest.fixture(autouse=True)
def no_stages(monkeypatch):
    """Nothing has been drawn before."""
    monkeypatch.setattr("animated.plots.stages._stages", OrderedDict())


@pytest.fixture
def draws(monkeypatch):
    """Count what plotnine draws."""
    calls, original = [], ggplot.draw
    count = lambda plot, **options: (calls.append(plot), original(plot, **options))[1]  # noqa: E731
    monkeypatch.setattr(ggplot, "draw", count)
    return calls


STYLES = make_styles()


@pytest.mark.parametrize("name", STYLES)
def test_styles(name):
    plot, first, other = STYLES[name]
    check(*fill(plot + theme(figure_size=(4, 3)), first.head(900), other.head(900)))


HALF = pl.col("value") < 0.5
WITH_ALPHA = ["#ff0000", "#00ff0040", "#0000ff80"]
PAINT = {"red": pl.lit("red"), "blue": pl.lit("#0000ff80")}

# What is drawn, and then with which tables: the last one counts.
MARKERS = {
    "a name": (POINTS + UNIT + geom_point(color="tomato", size=4), A, B),
    "hex and alpha": (POINTS + UNIT + geom_point(color="#cc006640", alpha=0.9, size=4), A, B),
    "a tuple": (POINTS + UNIT + geom_point(color=(1, 0, 0, 0.3), size=4), A, B),
    "hollow": (POINTS + UNIT + geom_point(color="red", fill="none", size=4), A, B),
    "a colour for each row": (POINTS + UNIT + geom_point(color=["red", "blue"] * 100), A, B),
    "a size for each row": (POINTS + UNIT + geom_point(size=[1, 2, 3, 4] * 50), A, B),
    "a palette with opacity": (
        COLORED + UNIT + BIG + scale_color_manual(WITH_ALPHA, limits=LABELS), A, B,
    ),
    "a palette with nothing": (
        COLORED + UNIT + BIG + scale_color_manual(["red", "none", "blue"], limits=LABELS), A, B,
    ),
    "labels that are left out": (
        COLORED + UNIT + BIG + scale_color_discrete(limits=["b", "a"], na_translate=False), A, B,
    ),
    "null labels": (COLORED + UNIT + BIG + COLORS, A, without(B, "label", HALF)),
    "null labels in the legend": (COLORED + UNIT + BIG, A, without(B, "label", HALF)),
    "null labels in no colour": (
        COLORED + UNIT + BIG + scale_color_manual(["red", "green", "blue"], limits=LABELS,
                                                  na_value="none"),
        A, without(B, "label", HALF),
    ),
    "null values": (
        VALUED + UNIT + BIG + scale_color_cmap(limits=(0, 1)), A, without(B, "value", HALF),
    ),
    "alpha mapped": (
        POINTS + UNIT + geom_point(aes(alpha="value"), size=4)
        + scale_alpha_continuous(limits=(0, 1)), A, B,
    ),
    "fill mapped": (POINTS + UNIT + geom_point(aes(fill="label"), size=4, alpha=0.5), A, B),
    "filled without an edge": (
        ggplot(A, aes("x", "y", fill="value", color="label")) + UNIT + BIG + SHADES
        + scale_color_discrete(limits=["a"], na_translate=False), A, B,
    ),
    "null sizes": (
        POINTS + UNIT + geom_point(aes(size="value")) + scale_size_continuous(limits=(0, 1)),
        A, without(B, "value", HALF),
    ),
    "few sizes, one of them null": (
        POINTS + UNIT + geom_point(aes(size="value")) + scale_size_continuous(limits=(0, 9)),
        *change(lambda t: t.with_columns(value=pl.when(HALF).then(None).otherwise(3))),
    ),
    "large points of many sizes": (
        POINTS + UNIT + geom_point(aes(size="value"), alpha=0.3)
        + scale_size_continuous(range=(1, 20), limits=(0, 1)), A, B,
    ),
    "sizes as they are": (
        POINTS + UNIT + geom_point(aes(size="value")) + scale_size_identity(),
        *change(lambda t: t.with_columns(pl.col("value") * 6)),
    ),
    "colours as they are": (
        COLORED + UNIT + BIG + scale_color_identity(),
        *change(lambda t: t.with_columns(label=pl.when(HALF).then(pl.lit("red"))
                                         .otherwise(pl.lit("#0000ff80")))),
    ),
    "many faint points": (
        POINTS + UNIT + geom_point(alpha=0.01, size=3), A,
        pl.DataFrame(np.random.default_rng(0).normal(0.5, 0.1, (9_000, 2)), ["x", "y"]),
    ),
    "several shapes": (POINTS + UNIT + geom_point(aes(shape="label"), size=3), A, B),
    "several strokes": (POINTS + UNIT + geom_point(aes(stroke="value"), fill="white"), A, B),
    "one that is left": (POINTS + xlim(0.5, 1) + Y + BIG, A, B.head(1).with_columns(x=0.71)),
} | {
    f"shape {shape}": (POINTS + UNIT + geom_point(shape=shape, size=size, alpha=0.6), FEW, MORE)
    for size, shape in [(4, "s"), (4, "+"), (4, "|"), (4, "P"), (14, "D"), (14, "d"),
                        (14, 4), (14, "1"), (4, "*"), (4, "None")]
}  # fmt: skip


@pytest.mark.parametrize("name", MARKERS)
def test_markers(name):
    plot, *tables = MARKERS[name]
    check(*fill(plot + BARE, *tables))


def add_rows(table, xs):
    return pl.concat([table.select("x", "y"), pl.DataFrame({"x": xs, "y": [0.5] * len(xs)})])


FLOATS = [table.head(4).with_columns(x=pl.Series([0.1, 0.2, 0.3, 0.25], dtype=pl.Float32))
          for table in (A, B)]  # fmt: skip

POSITIONS = {
    "no limits": (COLORED + BIG, A, B),
    "half a limit": (POINTS + scale_x_continuous(limits=(0, None)) + Y + BIG, A, B),
    "limits that are worked out": (
        POINTS + scale_x_continuous(limits=lambda ends: (ends[0] - 1, ends[1] + 1)) + BIG, A, B,
    ),
    "lims": (COLORED + lims(x=(0, 1), y=(0, 1)) + BIG, A, B),
    "zoomed": (POINTS + UNIT + BIG + coord_cartesian(xlim=(0.3, 0.6), ylim=(0, 0.5)), A, B),
    "flipped": (COLORED + UNIT + BIG + coord_flip(), A, B),
    "fixed": (COLORED + UNIT + BIG + coord_fixed(ratio=2), A, B),
    "transformed coordinates": (COLORED + UNIT + BIG + coord_trans(x="sqrt"), A, B),
    "reversed": (POINTS + BIG + scale_x_reverse() + scale_y_reverse(limits=(1, 0)), A, B),
    "log": (POINTS + BIG + scale_x_log10(limits=(0.01, 1)) + Y, A, B),
    "log of zero": (POINTS + BIG + scale_x_log10(), add_rows(A, [0.0]), add_rows(B, [0.0, 0.001])),
    "log of zero, one table": (POINTS + BIG + scale_x_log10(), add_rows(B, [0.0, 0.001])),
    "root of a negative": (POINTS + BIG + scale_x_sqrt(), add_rows(B, [-1.0])),
    "infinite, flipped": (POINTS + UNIT + BIG + coord_flip(), A, add_rows(B, [np.inf, -np.inf])),
    "infinite without limits": (POINTS + BIG, A, add_rows(B, [np.inf, -np.inf])),
    "null": (COLORED + UNIT + BIG, A, without(B, "x", HALF)),
    "null without limits": (COLORED + BIG, A, without(without(B, "x", HALF), "y", ~HALF)),
    "all null": (COLORED + UNIT + BIG, A, without(B, "x", pl.lit(True))),
    "all null in one of two layers": (
        POINTS + BIG + geom_point(data=A, color="red"), (A, A), (without(B, "x", pl.lit(True)), A),
        (without(B, "x", pl.lit(True)), A.with_columns(pl.col("x") * 2)),
    ),
    "float32 at a limit": (POINTS + scale_x_continuous(limits=(0.1, 0.3)) + Y + BIG, *FLOATS),
    "small integers": (
        POINTS + scale_x_continuous(limits=(0, 100)) + Y + BIG,
        *change(lambda t: t.with_columns((pl.col("x") * 100).cast(pl.UInt8))),
    ),
    "dates": (POINTS + BIG, *change(to_dates)),
    "coloured dates": (
        ggplot(A, aes("y", "y", color="x")) + BIG, *change(to_dates),
    ),
    "discrete": (ggplot(A, aes("label", "y")) + BIG, A, B),
    "discrete with limits": (
        ggplot(A, aes("label", "y")) + BIG + scale_x_discrete(limits=["c", "a"]) + Y, A, B,
    ),
    "set for all": (ggplot(A, aes(y="y")) + UNIT + geom_point(x=0.5), A, B),
    "an empty table": (COLORED + UNIT + COLORS + BIG, A, A.head(0)),
    "an empty table first": (COLORED + UNIT + COLORS + BIG, A.head(0), A),
}  # fmt: skip


@pytest.mark.parametrize("name", POSITIONS)
def test_positions(name):
    plot, *tables = POSITIONS[name]
    check(*fill(plot + BARE, *tables))


PANELLED = POINTS + UNIT + geom_point()
SIDES = [t.with_columns(side=pl.when(HALF).then(pl.lit("low")).otherwise(pl.lit("high")))
         for t in (A, B)]  # fmt: skip
# In both tables the panel of "a" has the ends of all; only in the first one has "b" them too.
CORNERS = pl.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0], "label": ["a", "a"]})
ENDED = [
    pl.concat([t.select("x", "y", "label"), CORNERS])
    for t in (A, B.with_columns(x=pl.when(label="b").then(pl.col("x") / 2).otherwise("x")))
]

PANELS = {
    "wrap": (PANELLED + facet_wrap("label"), A, B),
    "wrap by two": (PANELLED + facet_wrap(["label", "side"]), *SIDES),
    "other pairs of two": (
        PANELLED + facet_wrap(["label", "side"]),
        SIDES[0], SIDES[1].filter((pl.col("label") != "b") | (pl.col("side") == "low")),
    ),
    "grid with margins": (PANELLED + facet_grid(cols="side", margins=True), *SIDES),
    "grid": (PANELLED + facet_grid(rows="label", cols="side"), *SIDES),
    "an expression": (PANELLED + facet_wrap("value > 0.5"), A, B),
    "by whole numbers": (
        PANELLED + facet_wrap("label"),
        *change(lambda t: t.with_columns(label=(pl.col("value") * 3).cast(int))),
    ),
    "by truth": (PANELLED + facet_wrap("label"), *change(lambda t: t.with_columns(label=HALF))),
    "more panels": (PANELLED + facet_wrap("label"), A, make_table(3, labels=list("abcde"))),
    "null": (PANELLED + facet_wrap("label"), *change(lambda t: without(t, "label", HALF))),
    "not a number": (
        PANELLED + facet_wrap("value"),
        *change(lambda t: t.with_columns(value=pl.when(HALF).then(float("nan")).otherwise(1.0))),
    ),
    "Enum in another order": (
        PANELLED + facet_wrap("label"), to_enum(A, LABELS), to_enum(B, LABELS[::-1]),
    ),
    "category in another order": (
        ggplot(to_category(P), aes("x", "y")) + UNIT + geom_point() + facet_wrap("label"),
        to_category(P), to_category(Q, LABELS[::-1]),
    ),
    "an empty panel": (
        ggplot(to_category(P), aes("x", "y")) + UNIT + geom_point()
        + facet_wrap("label", drop=False), to_category(P), to_category(Q, [*LABELS, "d"]),
    ),
    "free, one table": (POINTS + BIG + facet_wrap("label", scales="free"), ENDED[1]),
    "free, with the same ends": (POINTS + BIG + facet_wrap("label", scales="free"), *ENDED),
    "free in a grid": (POINTS + BIG + facet_grid(cols="label", scales="free_x"), *ENDED),
    "free with limits": (PANELLED + facet_wrap("label", scales="free"), A, B),
    "a layer without panels": (
        PANELLED + geom_point(data=FEW.drop("label"), color="red", size=4) + facet_wrap("label"),
        (A, FEW.drop("label")), (B, MORE.drop("label")),
    ),
    "a layer with fewer panels": (
        PANELLED + geom_point(data=A.filter(label="a"), color="red") + facet_wrap("label"),
        (A, A.filter(label="a")), (B, B.filter(label="b")),
    ),
    "lines": (LINES + geom_segment() + facet_wrap("label"), FEW, MORE),
}  # fmt: skip


@pytest.mark.parametrize("name", PANELS)
def test_panels(name):
    plot, *tables = PANELS[name]
    check(*fill(plot + BARE, *tables))


LOG = [t.with_columns(x=10 ** (pl.col("x") / 3)) for t in (TILES, OTHERS)]
# The same ends, but the columns lie closer.
FINER = pl.concat([OTHERS, OTHERS.filter(pl.col("x") < 7).with_columns(pl.col("x") + 0.5)])
BARS = [pl.DataFrame({"x": xs, "y": [1.0, 2.0, 3.0, 4.0]})
        for xs in ([0.0, 1.0, 2.0, 4.0], [0.0, 1.9, 2.1, 4.0])]  # fmt: skip
SPOKES = [pl.DataFrame({"x": [0.0, 1.0, 0.5], "y": [0.0, 1.0, 0.5], "value": values})
          for values in ([0.0, 6.0, 1.0], [6.0, 0.0, 1.0])]  # fmt: skip
TURNED = aes("x", "y", angle="value", radius="value")
DASHED = geom_segment(linetype="dashed", size=2)
RUGGED = {"path.sketch": (2, 10, 5)}

LAYERS = {
    "tiles": (TILED + SHADES + geom_tile(), TILES, OTHERS),
    "tiles with opacity": (
        ggplot(A, aes("x", "y", fill="label")) + UNIT + geom_tile(width=0.1, height=0.1)
        + scale_fill_manual(WITH_ALPHA, limits=LABELS), A, B,
    ),
    "tiles, flipped": (TILED + SHADES + geom_tile() + coord_flip(), TILES, OTHERS),
    "tiles, zoomed far in": (
        TILED + SHADES + geom_tile() + coord_cartesian(xlim=(5, 5 + 1e-9)), TILES, OTHERS,
    ),
    "tiles that limits cut": (TILED + SHADES + geom_tile() + xlim(2, 5), TILES, OTHERS),
    "tiles on a log axis": (TILED + SHADES + geom_tile() + scale_x_log10(), *LOG),
    "finer tiles": (TILED + SHADES + geom_tile(), TILES, FINER),
    "finer tiles within limits": (TILED + SHADES + geom_tile() + xlim(-1, 8), TILES, FINER),
    "tiles of integers": (
        TILED + SHADES + geom_tile() + xlim(-1, 8), TILES.cast({"x": pl.Int32}), FINER,
    ),
    "tiles with a border": (TILED + SHADES + geom_tile(color="white"), TILES, OTHERS),
    "tiles without a place": (
        TILED + SHADES + geom_tile() + xlim(-1, 8), TILES, without(OTHERS, "x", HALF),
    ),
    "raster": (TILED + SHADES + geom_raster(), TILES, OTHERS),
    "lines": (LINES + geom_segment(size=3, alpha=0.4, color="red"), FEW, MORE),
    "coloured lines": (LINES + geom_segment(aes(color="label")), FEW, MORE),
    "dashed lines, zoomed": (LINES + DASHED + coord_cartesian(xlim=(0.4, 0.6)), FEW, MORE),
    "lines, zoomed": (LINES + geom_segment() + coord_cartesian(xlim=(0.4, 0.6)), FEW, MORE),
    "lines without an end": (LINES + geom_segment(), FEW, without(MORE, "xend", HALF)),
    "a path": (COLORED + UNIT + geom_path(), FEW, MORE),
    "text and labels": (
        COLORED + UNIT + geom_label(aes(label="label")) + geom_text(aes(label="value")), FEW, MORE,
    ),
    "words in all their styles": (WORDED + geom_text(
        color="red", alpha=0.7, size=15, angle=30, ha="left", va="top", family="serif",
        fontweight="bold", fontstyle="italic", lineheight=2), FEW, MORE,
    ),
    "words in a colour that can be seen through": (
        WORDED + geom_text(color="#00000080", size=15), FEW, MORE,
    ),
    "words of many sizes": (
        WORDED + geom_text(aes(size="value", color="x", alpha="y"))
        + scale_size_continuous(range=(5, 30), limits=(0, 1)) + ALPHAS, FEW, MORE,
    ),
    "words in panels": (
        WORDED + geom_text(size=30) + facet_wrap("label") + coord_cartesian(xlim=(0.3, 0.6)),
        FEW, MORE,
    ),
    "words of several lines, and mathematics": (
        WORDED + geom_text(size=20),
        *(table.with_columns(label=pl.lit("$x^2$\n") + pl.col("label")) for table in (FEW, MORE)),
    ),
    "words in a theme of their own": (
        WORDED + geom_text(size=20) + theme_matplotlib(rc={"font.family": "serif"}), FEW, MORE,
    ),
    "words that are missing": (
        WORDED + geom_text(size=20), FEW,
        without(without(without(MORE, "label", HALF), "x", pl.col("yend") < 0.3), "y",
                pl.col("yend") > 0.7),
    ),
    "no words at all": (WORDED + geom_text(), FEW, without(MORE, "label", pl.lit(True))),
    "words that are empty": (WORDED + geom_text(), FEW, MORE.with_columns(label=pl.lit(""))),
    "numbers for words": (
        WORDED + geom_text(aes(label="value"), size=20),
        *(table.with_columns(pl.col("value") * 1e-5) for table in (FEW, MORE)),
    ),
    "coloured words": (
        WORDED + geom_text(aes(color="label"), size=40), FEW, MORE,
    ),
    "words in a format": (
        WORDED + geom_text(format_string="<{}>"), FEW, MORE,
    ),
    "bars": (POINTS + geom_col(position="identity"), *BARS),
    "error bars": (
        ggplot(FEW, aes("x", ymin="y", ymax="yend")) + UNIT + geom_errorbar(), FEW, MORE,
    ),
    "spokes": (ggplot(A, TURNED) + geom_spoke(), *SPOKES),
    "rectangles": (
        ggplot(FEW, aes(xmin="x", xmax="xend", ymin="y", ymax="yend")) + UNIT
        + geom_rect(alpha=0.3), FEW, MORE,
    ),
    "areas": (COLORED + UNIT + geom_polygon(alpha=0.2) + geom_area(position="identity", alpha=0.2),
              FEW, MORE),
    "a rug": (POINTS + UNIT + geom_point() + geom_rug(), FEW, MORE),
    "jitter": (COLORED + UNIT + geom_jitter(random_state=1), A, B),
    "statistics": (POINTS + UNIT + geom_point() + geom_smooth(method="lm"), A, B),
    "contours": (POINTS + UNIT + geom_point() + geom_density_2d(), A, B),
    "an expression": (ggplot(A, aes("x * 2", "y", color="factor(label)")) + geom_point(), A, B),
    "after the scale": (
        ggplot(A, aes("x", "y", color="label", fill=after_scale("color"))) + UNIT + BIG, A, B,
    ),
    "a function of the data": (
        COLORED + UNIT + geom_point()
        + geom_point(data=lambda table: table.head(9), color="black", size=4), A, B,
    ),
    "no layer": (POINTS + UNIT, A, B),
    "no data of its own": (
        ggplot() + UNIT + geom_point(aes("x", "y"), data=A), (None, A), (None, B),
    ),
    "other aesthetics": (
        ggplot(A, aes("value", "y", color="label")) + UNIT
        + geom_point(aes("x", "y"), inherit_aes=False), A, B,
    ),
    "interleaved": (
        POINTS + UNIT + annotate("rect", xmin=0.2, xmax=0.8, ymin=0.2, ymax=0.8, fill="yellow")
        + geom_point(size=6, color="red")
        + annotate("rect", xmin=0.4, xmax=0.9, ymin=0.1, ymax=0.9, fill="blue", alpha=0.4)
        + geom_point(data=B, size=3, color="green") + geom_hline(yintercept=0.5, size=3),
        A, B,
    ),
    "text between points": (
        COLORED + UNIT + BIG + geom_text(label="Q", size=20, color="black")
        + geom_point(data=B, size=3), FEW, MORE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    plot, *tables = LAYERS[name]
    check(*fill(plot + BARE, *tables))


SEE_THROUGH = {"panel_background": element_blank()}

LOOKS = {
    "a legend of its own": guides(color=guide_legend(override_aes={"size": 6})),
    "a legend inside": theme(legend_position="inside", legend_position_inside=(0.5, 0.5)),
    "transparent": theme(plot_background=element_rect(fill="none"), **SEE_THROUGH),
    "half transparent": theme(plot_background=element_rect(fill="red", alpha=0.5), **SEE_THROUGH),
    "void": theme_void(),
    "grid on top": theme(panel_ontop=True),
    "xkcd": theme_xkcd(),
    "sketched": theme_matplotlib(rc=RUGGED),
    "jagged": theme_matplotlib(rc={"lines.antialiased": False, "patch.antialiased": False}),
}


@pytest.mark.parametrize("name", LOOKS)
def test_looks(name):
    layers = [geom_point(size=4, alpha=0.5), geom_path(data=FEW)]
    check(*fill(COLORED + UNIT + layers + LOOKS[name] + BARE, (A, FEW), (B, MORE)))


def cast_labels(table):
    return table.sort("label").with_columns(pl.col("label").cast(pl.Categorical))


NUMBERS = [pd.Series(table.label.map(LABELS.index)) for table in (P, Q)]

# Colours and positions from columns of every type, in the order in which they come.
TABLES = {
    "pandas": (P, Q),
    "object": change_pandas(label=lambda t: t.label.astype(object)),
    "object with None": change_pandas(
        label=lambda t: t.label.astype(object).where(t.value < 0.5, None)
    ),
    "object of integers": change_pandas(
        label=lambda t: t.label.map(LABELS.index).astype(object)
    ),
    "truth": change_pandas(label=lambda t: t.label == "a"),
    "truth or missing": change_pandas(label=lambda t: (t.label == "a").astype("boolean")),
    "integers": change_pandas(label=lambda t: t.label.map(LABELS.index)),
    "integers or missing": change_pandas(
        label=lambda t: t.label.map(LABELS.index).astype("Int64").where(t.value < 0.5)
    ),
    "an index": tuple(table.set_index(np.zeros(N, dtype=int)) for table in (P, Q)),
    "columns without names": tuple(table.rename(columns={"value": 0}) for table in (P, Q)),
    "category with missing": (to_category(P), to_category(Q, ["a", "b"])),
    "category in another order": (to_category(P), to_category(Q, LABELS[::-1])),
    "category, now ordered": (to_category(P), to_category(Q, ordered=True)),
    "category of integers": tuple(
        table.assign(label=numbers.astype("category"))
        for table, numbers in zip((P, Q), NUMBERS, strict=True)
    ),
    "category of integers, then integers": (
        P.assign(label=NUMBERS[0].astype("category")), Q.assign(label=NUMBERS[1]),
    ),
    "Categorical in another order": (cast_labels(A), cast_labels(B).reverse()),
    "Enum in another order": (to_enum(A, LABELS), to_enum(B, LABELS[::-1])),
    "text, then Enum": (A, to_enum(B, LABELS[::-1])),
    "polars, then pandas": (A, Q),
    "pandas, then polars": (P, B),
    "lists beside": change(lambda t: t.with_columns(value=pl.concat_list("value", "value"))),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables(name):
    first, other = TABLES[name]
    check(*fill(ggplot(first, aes("x", "y", color="label")) + UNIT + BIG + BARE, first, other))


def test_unused_categories_in_the_legend():
    tables = to_category(P), to_category(Q, [*LABELS, "d"])
    plot = ggplot(tables[0], aes("x", "y", color="label")) + UNIT + BIG + SMALL
    check(*fill(plot + scale_color_discrete(drop=False), *tables))


def test_integers_as_factors():
    tables = change(lambda t: t.with_columns(label=(pl.col("value") * 3).cast(int)))
    plot = ggplot(A, aes("x", "y", color="factor(label)")) + UNIT + BIG + SMALL
    check(*fill(plot, *tables))


def make_variable_plot(k):
    return ggplot(A, aes("x * k", "y")) + UNIT + geom_point()


def make_label_plot(k):
    return ggplot(A, aes("x", "y")) + UNIT + BIG + geom_text(aes(label="k"), data=FEW)


def make_function_plot(k):
    def write(breaks, k=k):
        return [f"{k * value:.0f}" for value in breaks]

    return POINTS + Y + BIG + scale_x_continuous(limits=(0, 1), labels=write)


def make_closure_plot(k):
    def write(breaks):
        return [f"{k * value:.0f}" for value in breaks]

    return POINTS + Y + BIG + scale_x_continuous(limits=(0, 1), labels=write)


def make_watermark_plot(k):
    plot = POINTS + UNIT + BIG
    return plot + watermark(str(ROOT / "images/intro.png")) if k == 100 else plot


MAKERS = [
    make_variable_plot, make_label_plot, make_function_plot, make_closure_plot, make_watermark_plot,
]  # fmt: skip


@pytest.mark.parametrize("make_plot", MAKERS)
def test_plots_that_differ_in_a_variable_only(make_plot):
    one, hundred = (Template(make_plot(k) + SMALL).fill() for k in (0.5, 100))
    assert one.fingerprint != hundred.fingerprint
    check(one, hundred)


def test_one_draw_for_many_epochs(draws):
    fills = fill(COLORED + UNIT + COLORS + BIG + SMALL, *(make_table(seed) for seed in range(8)))
    pictures = list(Frames(lambda epoch: [fills[epoch]], range(8), None, n_jobs=1))
    assert len(draws) == 1
    assert len({picture.tobytes() for picture in pictures}) == 8


@pytest.mark.parametrize(
    "layer", [geom_point(), geom_tile(width=0.1, height=0.1), geom_path(), geom_text(label="Q")]
)
def test_one_draw_for_each_kind_of_layer(draws, layer):
    fills = fill(POINTS + UNIT + layer + SMALL, FEW, MORE, make_table(3, n=20))
    pictures = list(Frames(lambda epoch: [fills[epoch]], range(3), None, n_jobs=1))
    assert len(draws) == 1
    assert len({picture.tobytes() for picture in pictures}) == 3


def test_the_same_data_give_the_same_picture():
    first, other, again = fill(COLORED + UNIT + BIG + SMALL, A, B, A)
    assert (draw([first, other, again]) == draw([again])).all()


def test_rows_in_another_order_lie_otherwise_on_top():
    first, other = fill(COLORED + UNIT + geom_point(size=9) + SMALL, A, A.reverse())
    assert (draw([first]) != draw([first, other])).any()
    check(first, other)


@pytest.mark.parametrize(
    ("plot", "other", "changed"),
    [
        (POINTS + Y + geom_point(), B, "the range of x"),
        (POINTS + X + geom_point(), B, "the range of y"),
        (VALUED + UNIT + geom_point(), B, "the range of color"),
        (COLORED + UNIT + geom_point(), make_table(3, labels=list("abcd")), "the range of color"),
        (POINTS + UNIT + geom_jitter(random_state=1), B, "the data of layer 1, geom_jitter,"),
        (PANELLED + facet_wrap("label"), make_table(3, labels=list("abcd")), "the panels"),
    ],
)
def test_what_is_drawn_anew_is_said(draws, plot, other, changed):
    fills = fill(plot + SMALL, A, other)
    with pytest.warns(UserWarning, match="draws a plot anew.*set limits on scales") as said:
        draw(fills)
    assert len(draws) == 2
    assert changed in str(said[0].message)


def test_nothing_is_said_of_what_stays(draws):
    with warnings.catch_warnings(action="error"):
        draw(fill(COLORED + UNIT + COLORS + BIG + SMALL, A, B, make_table(3)))
    assert len(draws) == 1


def test_a_large_layer_that_is_slow_is_named():
    many = make_table(0, n=1_100)
    with pytest.warns(UserWarning, match="1100 rows of geom_point in every epoch.*several shapes"):
        draw(fill(POINTS + UNIT + geom_point(aes(shape="label")) + SMALL, many))


def test_text_is_not_drawn_by_plotnine(monkeypatch):
    """What follows would be built again in every epoch, which takes longer than all else."""
    monkeypatch.setattr("animated.plots.layers._build", None)
    panelled = WORDED + geom_text(aes(alpha="value")) + ALPHAS + facet_wrap("label") + SMALL
    pictures = [draw(fill(panelled, FEW, table)) for table in (FEW, MORE)]
    assert (pictures[0] != pictures[1]).any()


def test_frames_share_the_stamps_of_their_sizes():
    sized = POINTS + UNIT + geom_point(aes(size="value"), stroke=0) + SMALL
    sized += scale_size_continuous(range=(1, 5), limits=(0, 1))
    make_solid_stamps.cache_clear()
    draw(fill(sized, *(make_table(seed, n=2_000) for seed in range(5))))
    assert make_solid_stamps.cache_info().misses <= MAX_SIZES


def test_many_values_of_one_size():
    sized = POINTS + UNIT + geom_point(aes(size="value"))
    check(*fill(sized + scale_size_continuous(range=(3, 3), limits=(0, 1)) + SMALL, A, B))


@pytest.mark.parametrize("thing", [None, "plot", 3, A, P, np.zeros((2, 2))])
def test_a_template_is_made_of_a_plot(thing):
    with pytest.raises(TypeError, match=f"must be a plotnine plot, got {type(thing).__name__}"):
        Template(thing)


@pytest.mark.parametrize("thing", ["table", 3, [1, 2], {"x": [1]}, A.lazy(), A["x"]])
def test_a_table_is_a_data_frame(thing):
    with pytest.raises(TypeError, match=f"must be a data frame, got {type(thing).__name__}"):
        Template(POINTS + geom_point()).fill(thing)


def test_more_tables_than_the_plot_has():
    template = Template(POINTS + geom_point() + geom_point(data=B))
    with pytest.raises(ValueError, match="the plot has 2 tables, got 3"):
        template.fill(A, B, A)


def test_tables_that_are_kept():
    template = Template(POINTS + geom_point() + geom_point(data=B))
    for tables in [(), (None,), (None, None), (A,), (A, None), (None, B)]:
        assert [table is not None for table in template.fill(*tables).tables] == [True, True]
        assert template.fill(*tables).fingerprint == template.fill(A, B).fingerprint


BROKEN = {
    "no x": (POINTS + UNIT + geom_point(), A.drop("x")),
    "no label": (COLORED + UNIT + COLORS + geom_point(), A.drop("label")),
    "no panels": (PANELLED + facet_wrap("label"), A.drop("label")),
    "words for numbers": (POINTS + UNIT + geom_point(), A.with_columns(x="label")),
    "words for shades": (
        VALUED + UNIT + scale_color_cmap(limits=(0, 1)) + geom_point(),
        A.with_columns(value="label"),
    ),
    "numbers for words": (COLORED + UNIT + COLORS + geom_point(), A.with_columns(label="value")),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_tables_that_do_not_fit(name):
    """What plotnine cannot draw is not drawn, and what it says is what is said."""
    plot, table = BROKEN[name]
    first, other = fill(plot + SMALL, A, table)
    try:
        with warnings.catch_warnings(action="ignore"):
            draw_by_plotnine(other)
    except Exception as error:
        with pytest.raises(type(error)) as raised:
            draw([first, other])
        assert str(raised.value) == str(error)
    else:
        check(first, other)


MARKED = """
import polars as pl
from plotnine import *
from animated.plots.templates import Template

table = pl.DataFrame({"x": [0.5, 1.0], "y": [1.0, 2.0], "label": ["a", "b"]})
plot = (
    ggplot(table, aes("x", "y", color="label"))
    + annotate("rect", xmin=0, xmax=1, ymin=0, ymax=1, alpha=0.5)
    + geom_point(size=2)
    + scale_x_continuous(limits=(0, 1), labels=lambda breaks: [f"{value:.1f}" for value in breaks])
    + scale_color_brewer("qual", "Paired")
    + facet_wrap("label", labeller=lambda text: text.upper())
    + guides(color=guide_legend(override_aes={"size": 6, "alpha": 1}))
    + labs(title="A title") + theme_minimal() + theme(figure_size=(3, 2))
)
mark = Template(plot).fill(table).fingerprint
"""


@pytest.mark.parametrize("seed", ["1", "2"])
def test_marks_are_the_same_in_another_process(monkeypatch, seed):
    names = {}
    exec(MARKED, names)
    monkeypatch.setenv("PYTHONHASHSEED", seed)
    assert run_python(MARKED + "print(mark)", cwd=ROOT).stdout.strip() == names["mark"]


PLAIN = COLORED + UNIT + geom_point()
CHANGES = {
    "title": PLAIN + labs(title="Another"),
    "axis title": PLAIN + labs(x="Another"),
    "theme": PLAIN + theme(figure_size=(3, 2)),
    "whole theme": PLAIN + theme_void(),
    "rcParams": PLAIN + theme_matplotlib(rc=RUGGED),
    "limits": PLAIN + xlim(0, 2),
    "palette": PLAIN + scale_color_brewer("qual", "Paired"),
    "another palette": PLAIN + scale_color_brewer("qual", "Set1"),
    "colours": PLAIN + scale_color_manual(["red", "green", "blue"]),
    "other colours": PLAIN + scale_color_manual(["red", "green", "black"]),
    "named colours": PLAIN + scale_color_manual({1: "red"}),
    "otherwise named colours": PLAIN + scale_color_manual({"1": "red"}),
    "mapping": PLAIN + aes(color="value"),
    "layer": PLAIN + geom_hline(yintercept=0.5),
    "another layer": PLAIN + geom_hline(yintercept=0.6),
    "panels": PLAIN + facet_wrap("label"),
    "coordinates": PLAIN + coord_flip(),
    "legend": PLAIN + guides(color=guide_legend(ncol=2)),
    "size": COLORED + UNIT + geom_point(size=2),
    "watermark": PLAIN + watermark(str(ROOT / "images/intro.png")),
    "label function": PLAIN + scale_x_continuous(labels=lambda breaks: ["a" for _ in breaks]),
    "other label function": PLAIN + scale_x_continuous(labels=lambda breaks: ["b" for _ in breaks]),
}


def test_marks_differ_with_the_plot():
    marks = [Template(plot).fill(A).fingerprint for plot in (PLAIN, *CHANGES.values())]
    alike = [name for name, mark in zip(CHANGES, marks[1:], strict=True) if marks.count(mark) > 1]
    assert alike == []
    assert Template(COLORED + UNIT + geom_point()).fill(A).fingerprint == marks[0]


CATEGORIES = [
    pd.DataFrame({"x": pd.Categorical(["a", "b"], [*levels], ordered=ordered)})
    for levels, ordered in [("ab", False), ("ba", False), ("abc", False), ("ab", True)]
]
ALL_TABLES = [
    A, B, A.reverse(), A.head(10), A.head(0), A.drop("value"), A.rename({"value": "v"}),
    A.cast({"value": pl.Float32}), to_enum(A, LABELS), to_enum(A, LABELS[::-1]),
    A.with_columns(value=pl.lit(None, dtype=pl.Float64)), None, P, Q, to_category(P), *CATEGORIES,
    pl.DataFrame({"x": pl.Series(["a", "b"], dtype=pl.Categorical)}),
    pl.DataFrame({"x": pl.Series(["c", "d"], dtype=pl.Categorical)}),
]  # fmt: skip


def test_marks_differ_with_the_data():
    marks = [hash_table(table) for table in ALL_TABLES]
    alike = [number for number, mark in enumerate(marks) if marks.count(mark) > 1]
    assert alike == []


@pytest.mark.parametrize("table", [A, P, to_category(P)])
def test_equal_tables_have_equal_marks(table):
    again = table.clone() if isinstance(table, pl.DataFrame) else table.copy()
    assert hash_table(table) == hash_table(again)


def test_a_filled_template_is_saved_as_a_plot(tmp_path):
    filled = Template(PLAIN + SMALL).fill(B)
    path = tmp_path / "plot.png"
    filled.save(path, verbose=False)
    filled.to_ggplot().save(buffer := BytesIO(), format="png", verbose=False)
    ours, theirs = (np.asarray(Image.open(file)) for file in (path, buffer))
    assert (ours == theirs).all()


def test_a_filled_template_is_shown_as_a_plot():
    filled = Template(PLAIN + SMALL).fill(B)
    data, metadata = filled._repr_mimebundle_()
    assert any(kind.startswith("image/") for kind in data)
    assert metadata


def test_a_filled_template_is_combined_as_a_plot():
    filled = Template(PLAIN + SMALL).fill(B)
    both = np.asarray(combine_plots([filled, filled]))
    width = both.shape[1] // 2
    assert (both[:, :width] == draw_by_plotnine(filled)).all()
    assert (both[:, :width] == both[:, width:]).all()


def test_more_is_added_to_a_filled_template():
    template = Template(PLAIN + SMALL)
    filled = template.fill(B)
    plot = filled.to_ggplot() + labs(title="More") + geom_hline(yintercept=0.5)
    assert isinstance(filled, Filled) and isinstance(plot, ggplot)
    assert len(plot.layers) == 2 and len(template.plot.layers) == 1
    assert "title" not in template.plot.labels
    assert template.fill(B).fingerprint == filled.fingerprint
    assert (draw_by_plotnine(template.fill(A)) == np.asarray(combine_plots([PLAIN + SMALL]))).all()


def test_a_template_is_a_copy():
    plot = POINTS + UNIT + geom_point() + SMALL
    template = Template(plot)
    plot.layers[0].geom.aes_params["size"] = 9
    plot.labels.title = "Another"
    assert template.fingerprint == Template(POINTS + UNIT + geom_point() + SMALL).fingerprint


def test_a_template_does_not_change_when_it_is_drawn():
    template = Template(COLORED + BIG + geom_path(data=FEW) + SMALL)
    mark, tables = template.fingerprint, template.tables
    draw([template.fill(A), template.fill(B, MORE)])
    assert Template(template.plot).fingerprint == mark
    assert template.tables == tables or all(
        one is other for one, other in zip(template.tables, tables, strict=True)
    )
    assert tables[0].equals(A)
