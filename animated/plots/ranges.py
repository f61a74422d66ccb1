"""Which layers can move, and what a plot learns from their data besides positions.

That is the ranges of its scales, and its panels. Plots that learn the same share everything but
their moving layers.
"""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from plotnine import geom_point, ggplot
from plotnine.geoms.geom import geom
from plotnine.layer import layer
from plotnine.mapping.aes import SCALED_AESTHETICS, aes_to_scale
from plotnine.positions.position_identity import position_identity
from plotnine.scales.scale_continuous import scale_continuous
from plotnine.stats.stat_identity import stat_identity

from animated.plots.aesthetics import get_facets, get_mapping, get_scale, has_limits
from animated.plots.fingerprints import hash_table
from animated.plots.tables import (
    WORDS,
    Table,
    describe_type,
    is_table,
    read_column,
    select_rows,
)
from animated.plots.templates import Filled

# The aesthetics that place a layer and give it its extent.
EXTENTS = (
    "x", "y", "xmin", "xmax", "ymin", "ymax", "xend", "yend", "width", "height", "angle", "radius",
)  # fmt: skip


def find_moving(filled: Filled) -> list[int]:
    """Return the numbers of the layers that can be drawn with other data into a built plot."""
    plot = filled.template.plot
    return [
        number
        for number, spec in enumerate(plot.layers)
        if _can_move(plot, spec, filled.get_table(number))
    ]


def _can_move(plot: ggplot, spec: layer, table: Table | None) -> bool:
    """Return whether a layer can be drawn with other data without building its plot again."""
    return (
        not callable(spec._data)
        and is_table(table)
        and len(table) > 0
        and _draws_rows_unchanged(spec)
        and _has_plain_columns(plot, spec, table)
        and _has_fixed_panels(plot, table)
    )


def _draws_rows_unchanged(spec: layer) -> bool:
    """Return whether a layer draws its rows as they are, whatever their number."""
    return (
        type(spec.stat) is stat_identity
        and type(spec.position) is position_identity
        # A list as a parameter has one value for each row.
        and not any(pd.api.types.is_list_like(value) for value in spec.geom.aes_params.values())
    )


def _has_plain_columns(plot: ggplot, spec: layer, table: Table) -> bool:
    """Return whether aesthetics and facets are columns of numbers or words, not expressions."""
    names = [*get_mapping(plot, spec).values(), *get_facets(plot)]
    return all(isinstance(name, str) and name in table.columns for name in names) and all(
        _is_plain(table, name) for name in names
    )


def _is_plain(table: Table, name: str) -> bool:
    """Return whether a column holds numbers or words, both to plotnine and here."""
    dtype = read_column(table, name).dtype
    if isinstance(table, pd.DataFrame) and dtype.is_numeric():
        return pd.api.types.is_numeric_dtype(table[name])
    return dtype.is_numeric() or dtype in WORDS


def _has_fixed_panels(plot: ggplot, table: Table) -> bool:
    """Return whether panels depend on the data through the values of their variables only."""
    return (
        not any(read_column(table, name).has_nulls() for name in get_facets(plot))
        and not getattr(plot.facet, "margins", False)
        and not _has_free_scales(plot)
    )


def _has_free_scales(plot: ggplot) -> bool:
    """Return whether the axes of each panel depend on the data of that panel."""
    free = getattr(plot.facet, "free", {})
    return any(free.get(name) and not has_limits(get_scale(plot.scales, name)) for name in "xy")


def describe(filled: Filled, moving: list[int]) -> dict[str, Any]:
    """Return everything that decides how a plot looks without its moving layers.

    The keys name what changed, for a warning.
    """
    parts: dict[str, Any] = {"plot": filled.template.fingerprint}
    for number, spec in enumerate(filled.template.plot.layers):
        table = filled.get_table(number)
        if number in moving and table is not None:
            _learn(filled.template.plot, number, table, parts)
        else:
            name = f"the data of layer {number + 1}, {type(spec.geom).__name__},"
            parts[name] = hash_table(table)
    return parts


def _learn(plot: ggplot, number: int, table: Table, parts: dict[str, Any]) -> None:
    """Add to `parts` what scales and facets learn from a moving layer."""
    spec, facets = plot.layers[number], get_facets(plot)
    mapping = get_mapping(plot, spec)
    parts[f"a type of column in layer {number + 1}"] = [
        (aesthetic, read_column(table, name).dtype.is_numeric())
        for aesthetic, name in mapping.items()
    ]
    if _has_extent(plot, spec):
        names = {name for aesthetic, name in mapping.items() if aesthetic in EXTENTS}
        parts[f"a position in layer {number + 1}"] = hash_table(table[sorted(names)])
    for aesthetic, name in mapping.items():
        has_scale = aes_to_scale(aesthetic) in SCALED_AESTHETICS
        if has_scale and not has_limits(get_scale(plot.scales, aesthetic)):
            _learn_range(plot, aesthetic, table, name, parts)
    if facets:
        parts.setdefault("the panels", []).append(_describe_panels(table, facets))


def _has_extent(plot: ggplot, spec: layer) -> bool:
    """Return whether the range of an axis depends on all positions, not only on the extremes.

    The width of a tile, for example, depends on the distances between rows.
    """
    is_free = not all(has_limits(get_scale(plot.scales, name)) for name in "xy")
    return is_free and type(spec.geom).setup_data is not geom.setup_data


def _learn_range(
    plot: ggplot, aesthetic: str, table: Table, name: str, parts: dict[str, Any]
) -> None:
    """Add to `parts` the range that the scale of an aesthetic learns from a column."""
    values = _get_values(plot, aesthetic, table, name)
    key = f"the range of {aes_to_scale(aesthetic)}"
    if isinstance(values, list):
        key += " in words"
    parts[key] = describe_type(table, name), _join(parts.get(key), values)


def _join(known: tuple[str, tuple] | None, values: np.ndarray | list[str]) -> tuple:
    """Return the extremes of numbers, or all words, of this layer and those before it."""
    before = known[1] if known else ()
    if isinstance(values, list):
        return tuple(sorted({*before, *values}, key=str))
    finite = values[~np.isnan(values)]
    ends = [*before, *((finite.min(), finite.max()) if len(finite) else ())]
    return (min(ends), max(ends)) if ends else ()


def _describe_panels(table: Table, facets: list[str]) -> tuple:
    rows = _find_panels(table, facets)
    values = [tuple(str(read_column(table, name)[row]) for name in facets) for row in rows]
    return [describe_type(table, name) for name in facets], sorted(values)


def _get_values(plot: ggplot, aesthetic: str, table: Table, name: str) -> np.ndarray | list[str]:
    """Return the values that a scale learns from: numbers for each row, or the words that occur.

    Numbers are in the space to which the scale transforms, and NaN where they are not finite.
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
    """Return one row for each combination of values of the facet variables."""
    columns = pl.DataFrame([read_column(table, name).alias(name) for name in facets])
    return columns.with_row_index("").unique(facets, keep="first")[""].sort().to_list()


def make_sparse_plot(filled: Filled, moving: list[int]) -> ggplot:
    """Return the plot with just enough points for its scales to learn the same."""
    plot = filled.to_ggplot()
    for number, spec in enumerate(plot.layers):
        table = filled.get_table(number)
        if number in moving and table is not None and type(spec.geom) is geom_point:
            rows = _find_decisive(filled.template.plot, number, table)
            spec._data = select_rows(table, rows)
    if plot.layers and all(is_table(spec._data) for spec in plot.layers):
        plot.data = None  # plotnine would convert it for every layer
    return plot


def _find_decisive(plot: ggplot, number: int, table: Table) -> list[int]:
    """Return the rows with the extremes of each column of numbers, or with each word."""
    facets = get_facets(plot)
    rows = {0, *(_find_panels(table, facets) if facets else ())}
    for aesthetic, name in get_mapping(plot, plot.layers[number]).items():
        values = _get_values(plot, aesthetic, table, name)
        if not isinstance(values, np.ndarray):
            rows |= {*read_column(table, name).arg_unique()}
        elif not np.isnan(values).all():
            rows |= {int(np.nanargmin(values)), int(np.nanargmax(values))}
    return sorted(rows)
