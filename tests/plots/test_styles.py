"""Points and whole plots look as plotnine draws them, whatever their style."""

import numpy as np
import polars as pl
import pytest
from conftest import split_tiers
from fidelity import make_styles
from plot_cases import (  # noqa: F401
    BARE,
    BIG,
    COLORED,
    COLORS,
    FEW,
    HALF,
    LABELS,
    MORE,
    POINTS,
    RUGGED,
    SHADES,
    UNIT,
    VALUED,
    WITH_ALPHA,
    A,
    B,
    P,
    Y,
    change,
    check,
    fill,
    no_stages,
    to_dates,
    without,
)
from plotnine import (
    aes,
    coord_cartesian,
    coord_fixed,
    coord_flip,
    coord_trans,
    element_blank,
    element_rect,
    geom_path,
    geom_point,
    ggplot,
    guide_legend,
    guides,
    lims,
    scale_alpha_continuous,
    scale_color_cmap,
    scale_color_discrete,
    scale_color_identity,
    scale_color_manual,
    scale_size_continuous,
    scale_size_identity,
    scale_x_continuous,
    scale_x_discrete,
    scale_x_log10,
    scale_x_reverse,
    scale_x_sqrt,
    scale_y_reverse,
    theme,
    theme_matplotlib,
    theme_void,
    theme_xkcd,
    xlim,
)

STYLES = make_styles()


@pytest.mark.parametrize("name", split_tiers(STYLES))
def test_styles(name):
    plot, first, other = STYLES[name]
    check(*fill(plot + theme(figure_size=(4, 3)), first.head(900), other.head(900)))


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


@pytest.mark.parametrize("name", split_tiers(MARKERS))
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


@pytest.mark.parametrize("name", split_tiers(POSITIONS))
def test_positions(name):
    plot, *tables = POSITIONS[name]
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


@pytest.mark.parametrize("name", split_tiers(LOOKS))
def test_looks(name):
    layers = [geom_point(size=4, alpha=0.5), geom_path(data=FEW)]
    check(*fill(COLORED + UNIT + layers + LOOKS[name] + BARE, (A, FEW), (B, MORE)))
