"""Plots drawn once and filled again, with tables of every kind."""

import warnings
from io import BytesIO

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import split_tiers
from PIL import Image
from plot_cases import (  # noqa: F401
    ALPHAS,
    BARE,
    BIG,
    COLORED,
    COLORS,
    FEW,
    LABELS,
    MORE,
    PANELLED,
    PLAIN,
    POINTS,
    SMALL,
    UNIT,
    VALUED,
    WORDED,
    A,
    B,
    N,
    P,
    Q,
    X,
    Y,
    change,
    change_pandas,
    check,
    draw,
    draw_by_plotnine,
    fill,
    make_table,
    no_stages,
    to_category,
    to_enum,
    without,
)
from plotnine import (
    aes,
    facet_wrap,
    geom_hline,
    geom_jitter,
    geom_path,
    geom_point,
    geom_text,
    geom_tile,
    ggplot,
    labs,
    scale_color_cmap,
    scale_color_discrete,
    scale_size_continuous,
)

from animated.plots.painters import MAX_SIZES
from animated.plots.stamps import make_solid_stamps
from animated.plots.templates import Filled, Template
from animated.video.frames import Frames
from util import combine_plots


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


@pytest.mark.parametrize("name", split_tiers(TABLES))
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


@pytest.fixture
def draws(monkeypatch):
    """Count what plotnine draws."""
    calls, original = [], ggplot.draw
    count = lambda plot, **options: (calls.append(plot), original(plot, **options))[1]  # noqa: E731
    monkeypatch.setattr(ggplot, "draw", count)
    return calls


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
    """It would build the layer again in every epoch, which takes longer than anything else."""
    monkeypatch.setattr(geom_text, "draw_group", lambda *_, **__: pytest.fail("it draws text"))
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
