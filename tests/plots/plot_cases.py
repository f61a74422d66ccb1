"""What the tests of plots share: tables, plots, and a comparison with plotnine."""

import warnings
from datetime import datetime, timedelta

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from fidelity import compare
from plotnine import (
    aes,
    element_blank,
    geom_point,
    ggplot,
    scale_alpha_continuous,
    scale_color_discrete,
    scale_fill_cmap,
    scale_x_continuous,
    scale_y_continuous,
    theme,
)

from animated.plots.stages import forget_stages
from animated.plots.templates import Template
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


PANELLED = POINTS + UNIT + geom_point()
PLAIN = COLORED + UNIT + geom_point()
HALF = pl.col("value") < 0.5
WITH_ALPHA = ["#ff0000", "#00ff0040", "#0000ff80"]
RUGGED = {"path.sketch": (2, 10, 5)}


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
def no_stages():
    """Nothing has been drawn before."""
    forget_stages()
