"""What a plot learns from its data besides where things are: the ranges of its scales, its panels.

Plots that have learnt the same share all that stays.
"""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from plotnine import geom_point, ggplot
from plotnine.geoms.geom import geom
from plotnine.mapping.aes import SCALED_AESTHETICS, aes_to_scale
from plotnine.positions.position_identity import position_identity
from plotnine.scales.scale_continuous import scale_continuous
from plotnine.stats.stat_identity import stat_identity

from animated.plots.aesthetics import (
    WORDS,
    get_facets,
    get_mapping,
    get_scale,
    has_limits,
    read_column,
)
from animated.plots.fingerprints import Table, get_kind, hash_table
from animated.plots.templates import Filled, is_table

# Aesthetics by which a layer takes its place.
EXTENTS = ("x", "y", "xmin", "xmax", "ymin", "ymax", "xend", "yend")
EXTENTS += ("width", "height", "angle", "radius")


def find_moving(filled: Filled) -> list[int]:
    """Return the numbers of the layers that can be drawn with other data in the plot as it is."""
    return [number for number in range(len(filled.template.plot.layers)) if _moves(filled, number)]


def _moves(filled: Filled, number: int) -> bool:
    """Return whether a layer can be drawn with other data without plotnine building its plot."""
    plot = filled.template.plot
    layer, table, facets = plot.layers[number], filled.get_table(number), get_facets(plot)
    names = [*get_mapping(plot, layer).values(), *facets]
    return (
        not callable(layer._data)
        and is_table(table)
        and len(table) > 0
        and type(layer.stat) is stat_identity
        and type(layer.position) is position_identity
        # Neither expressions, nor a value for each row as a parameter.
        and all(isinstance(name, str) and name in table.columns for name in names)
        and not any(pd.api.types.is_list_like(value) for value in layer.geom.aes_params.values())
        and all(_is_plain(table, name) for name in names)
        and not any(read_column(table, name).has_nulls() for name in facets)
        and not getattr(plot.facet, "margins", False)
        and not _has_free_scales(plot)
    )


def _is_plain(table: Table, name: str) -> bool:
    """Return whether a column holds numbers or words, both to plotnine and here."""
    dtype = read_column(table, name).dtype
    if isinstance(table, pd.DataFrame) and dtype.is_numeric():
        return pd.api.types.is_numeric_dtype(table[name])
    return dtype.is_numeric() or dtype in WORDS


def _has_free_scales(plot: ggplot) -> bool:
    """Return whether panels have axes of their own, which learn from their own data."""
    free = getattr(plot.facet, "free", {})
    return any(free.get(name) and not has_limits(get_scale(plot.scales, name)) for name in "xy")


def describe(filled: Filled, moving: list[int]) -> dict[str, Any]:
    """Return all that decides the parts of a plot that stay."""
    parts = {"plot": filled.template.mark}
    for number, layer in enumerate(filled.template.plot.layers):
        if number in moving:
            _learn(filled, number, parts)
        else:
            name = f"the data of layer {number + 1}, {type(layer.geom).__name__},"
            parts[name] = hash_table(filled.get_table(number))
    return parts


def _learn(filled: Filled, number: int, parts: dict[str, Any]) -> None:
    """Add what scales and facets learn from a layer that moves."""
    plot, table = filled.template.plot, filled.get_table(number)
    mapping, facets = get_mapping(plot, plot.layers[number]), get_facets(plot)
    parts[f"a type of column in layer {number + 1}"] = [
        (aesthetic, read_column(table, name).dtype.is_numeric())
        for aesthetic, name in mapping.items()
    ]
    is_free = not all(has_limits(get_scale(plot.scales, name)) for name in "xy")
    if is_free and type(plot.layers[number].geom).setup_data is not geom.setup_data:
        # Its extent may depend on how far its rows are apart, and not only on the extremes.
        names = {name for aesthetic, name in mapping.items() if aesthetic in EXTENTS}
        parts[f"a position in layer {number + 1}"] = hash_table(table[sorted(names)])
    for aesthetic, name in mapping.items():
        has_scale = aes_to_scale(aesthetic) in SCALED_AESTHETICS
        if has_scale and not has_limits(get_scale(plot.scales, aesthetic)):
            values = _get_values(plot, aesthetic, table, name)
            key = f"the range of {aes_to_scale(aesthetic)}"
            if isinstance(values, list):
                key += " in words"
            parts[key] = get_kind(table, name), _join(parts.get(key), values)
    if facets:
        parts.setdefault("the panels", []).append(_describe_panels(table, facets))


def _join(known: tuple[str, tuple] | None, values: np.ndarray | list[str]) -> tuple:
    """Return the extremes of numbers, or all words, together with those of other layers."""
    before = known[1] if known else ()
    if isinstance(values, list):
        return tuple(sorted({*before, *values}, key=str))
    finite = values[~np.isnan(values)]
    ends = [*before, *((finite.min(), finite.max()) if len(finite) else ())]
    return (min(ends), max(ends)) if ends else ()


def _describe_panels(table: Table, facets: list[str]) -> tuple:
    rows = _find_panels(table, facets)
    values = [tuple(str(read_column(table, name)[row]) for name in facets) for row in rows]
    return [get_kind(table, name) for name in facets], sorted(values)


def _get_values(plot: ggplot, aesthetic: str, table: Table, name: str) -> np.ndarray | list[str]:
    """Return what a scale learns from: finite numbers in its own space, or the words that occur.

    Numbers keep their rows, and are not a number where they are not finite.
    """
    column = read_column(table, name)
    if not column.dtype.is_numeric():
        return column.unique().cast(pl.String).to_list()
    scale = get_scale(plot.scales, aesthetic)
    numbers = column.cast(pl.Float64).to_numpy()
    if isinstance(scale, scale_continuous):
        with np.errstate(all="ignore"):
            numbers = np.asarray(scale.transform(numbers), dtype=float)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _find_panels(table: Table, facets: list[str]) -> list[int]:
    """Return one row of each combination of what panels differ by."""
    columns = pl.DataFrame([read_column(table, name).alias(name) for name in facets])
    return columns.with_row_index("").unique(facets, keep="first")[""].sort().to_list()


def make_sparse_plot(filled: Filled, moving: list[int]) -> ggplot:
    """Return the plot with just enough points that its scales learn the same."""
    plot = filled.to_ggplot()
    for number, layer in enumerate(plot.layers):
        if number in moving and type(layer.geom) is geom_point:
            layer._data = _thin(filled, number)
    if plot.layers and all(is_table(layer._data) for layer in plot.layers):
        plot.data = None  # plotnine would convert it for every layer
    return plot


def _thin(filled: Filled, number: int) -> Table:
    """Return the rows with the extremes of each column that is used, or with all its values."""
    plot, table = filled.template.plot, filled.get_table(number)
    facets = get_facets(plot)
    rows = {0, *(_find_panels(table, facets) if facets else ())}
    for aesthetic, name in get_mapping(plot, plot.layers[number]).items():
        values = _get_values(plot, aesthetic, table, name)
        if not isinstance(values, np.ndarray):
            rows |= {*read_column(table, name).arg_unique()}
        elif not np.isnan(values).all():
            rows |= {int(np.nanargmin(values)), int(np.nanargmax(values))}
    rows = sorted(rows)
    return table[rows] if isinstance(table, pl.DataFrame) else table.iloc[rows]
