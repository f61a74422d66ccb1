"""Panels and layers of every kind look as plotnine draws them."""

import polars as pl
import pytest
from conftest import split_tiers
from plot_cases import (  # noqa: F401
    ALPHAS,
    BARE,
    BIG,
    COLORED,
    FEW,
    HALF,
    LABELS,
    LINES,
    MORE,
    OTHERS,
    PANELLED,
    POINTS,
    SHADES,
    TILED,
    TILES,
    UNIT,
    WITH_ALPHA,
    WORDED,
    A,
    B,
    P,
    Q,
    change,
    check,
    fill,
    make_table,
    no_stages,
    to_category,
    to_enum,
    without,
)
from plotnine import (
    aes,
    after_scale,
    annotate,
    coord_cartesian,
    coord_flip,
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
    scale_fill_manual,
    scale_size_continuous,
    scale_x_log10,
    theme_matplotlib,
    xlim,
)

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


@pytest.mark.parametrize("name", split_tiers(PANELS))
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


@pytest.mark.parametrize("name", split_tiers(LAYERS))
def test_layers(name):
    plot, *tables = LAYERS[name]
    check(*fill(plot + BARE, *tables))
