"""Fingerprints differ when plots look different, and are the same in every process."""

import pandas as pd
import polars as pl
import pytest
from conftest import ROOT, run_python
from plot_cases import (  # noqa: F401
    BIG,
    COLORED,
    FEW,
    LABELS,
    PLAIN,
    POINTS,
    RUGGED,
    SMALL,
    UNIT,
    A,
    B,
    P,
    Q,
    Y,
    check,
    fill,
    no_stages,
    to_category,
    to_enum,
)
from plotnine import (
    aes,
    coord_flip,
    facet_wrap,
    geom_hline,
    geom_point,
    geom_text,
    ggplot,
    guide_legend,
    guides,
    labs,
    scale_color_brewer,
    scale_color_manual,
    scale_x_continuous,
    theme,
    theme_matplotlib,
    theme_void,
    watermark,
    xlim,
)

from animated.plots.fingerprints import hash_table
from animated.plots.templates import Template


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
