"""Embeddings side by side on black: a panel each, and a colour for each label."""

from collections.abc import Iterable
from typing import Any

import polars as pl
from plotnine import (
    aes,
    coord_fixed,
    element_blank,
    element_rect,
    element_text,
    facet_wrap,
    geom_point,
    ggplot,
    guide_legend,
    guides,
    labs,
    scale_color_manual,
    scale_x_continuous,
    scale_y_continuous,
    theme,
    theme_void,
)

from animated.palette import get_colors

DARK = theme_void(base_size=14, base_family="DejaVu Sans") + theme(
    text=element_text(color="white"),
    plot_background=element_rect(fill="black"),
    plot_margin=0.02,
    axis_text=element_blank(),
    axis_title=element_blank(),
    strip_text=element_text(size=11, margin={"t": 4, "b": 4, "unit": "pt"}),
    legend_position="bottom",
    legend_title=element_blank(),
)


def plot_panels(
    table: pl.DataFrame,
    label: str,
    ncol: int,
    *,
    size: float = 0.3,
    width: float = 10,
    top: float = 1.0,
    title: str = "",
    colors: list[str] | None = None,
    beneath: Iterable[Any] = (),
) -> ggplot:
    """Return a plot with one panel for each value of the column `panel`, in the order of its Enum.

        tables = {name: as_table(embedding, digit=labels) for name, embedding in embeddings.items()}
        plot_panels(join_panels(tables), "digit", ncol=3)

    table: `x` and `y` in [0, 1], `panel` and `label`, both Enum, see `animated.motion.panels`.
    label: the column that gives a point its colour; the legend stands beneath the panels.
    ncol: how many panels stand in a row.
    size: of a point. width: of the plot in inches; its height follows from the number of panels.
    top: the upper limit of the vertical axis; more than 1 leaves room for text above the points.
    colors: one for each label, as "#rrggbb"; None takes those of `animated.palette`.
    beneath: plotnine layers to draw before the points.
    Raises TypeError when the labels are not an Enum.
    """
    names = _list_names(table[label])
    nrow = -(-table["panel"].n_unique() // ncol)
    return (
        ggplot(table, aes("x", "y", color=label))
        + list(beneath)
        + geom_point(size=size)
        + facet_wrap("panel", ncol=ncol)
        + scale_color_manual(values=colors or get_colors(len(names)), limits=names)
        + scale_x_continuous(limits=(0, 1), expand=(0, 0.02))
        + scale_y_continuous(limits=(0, top), expand=(0, 0.02))
        + coord_fixed()
        + guides(color=guide_legend(override_aes={"size": 4}, nrow=1))
        + labs(title=title)
        + DARK
        + theme(figure_size=(width, nrow * (width / ncol + 0.3) + 0.8), dpi=80)
    )


def _list_names(labels: pl.Series) -> list[str]:
    if not isinstance(labels.dtype, pl.Enum):
        raise TypeError(f"the column {labels.name!r} must be an Enum, got {labels.dtype}")
    return labels.dtype.categories.to_list()
