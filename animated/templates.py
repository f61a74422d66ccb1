"""A plot that plotnine draws once, and whose layers are then drawn again with other data.

plotnine draws title, axes, legend and whatever else stays. What lies below a layer that moves and
what lies above it are kept as two pictures, and the layer is drawn between them: points and tiles
by kernels, any other layer by plotnine itself, on the axes that are already there.
"""

import copy
import itertools
import warnings
from collections import OrderedDict
from functools import partial
from io import BytesIO
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import RendererAgg
from PIL import Image
from plotnine import geom_point, ggplot
from plotnine.geoms.geom import geom
from plotnine.mapping.aes import aes_to_scale
from plotnine.positions.position_identity import position_identity
from plotnine.scales.scale_continuous import scale_continuous
from plotnine.stats.stat_identity import stat_identity

from animated.aesthetics import (
    WORDS,
    Table,
    get_facets,
    get_mapping,
    get_scale,
    has_limits,
    read_column,
)
from animated.fingerprints import get_kind, hash_plot, hash_table, join_hashes
from animated.painters import DRAWING, Panel, make_painter
from animated.raster import lay_over

# As many plots are kept as a frame is likely to have, and some more.
MAX_STAGES = 16
# Aesthetics by which a layer takes its place.
EXTENTS = ("x", "y", "xmin", "xmax", "ymin", "ymax", "xend", "yend")
EXTENTS += ("width", "height", "angle", "radius")


class Template:
    """A plot to be filled with other data, epoch by epoch.

    embedding = Template(plot_embedding(df_first))
    embedding.fill(df_other)
    """

    def __init__(self, plot: ggplot):
        """Keep a copy of `plot`. Raises TypeError when it is no plotnine plot."""
        if not isinstance(plot, ggplot):
            raise TypeError(f"plot must be a plotnine plot, got {type(plot).__name__}")
        self.plot = _copy(plot)
        self.owners = [layer for layer in self.plot.layers if _is_table(layer._data)]
        self.tables = (self.plot.data, *(layer._data for layer in self.owners))
        self.mark = hash_plot(self.plot)

    def fill(self, *tables: Table | None) -> "Filled":
        """Return the plot with other data, which can be shown, saved and combined like any plot.

        tables: the data of the plot, then that of each layer that brings data of its own.
            None, or leaving it out, keeps what is there.

        Raises ValueError when there are more tables than the plot has, and TypeError when one
        of them is no table.
        """
        if len(tables) > len(self.tables):
            raise ValueError(f"the plot has {len(self.tables)} tables, got {len(tables)}")
        for table in tables:
            if table is not None and not _is_table(table):
                raise TypeError(f"a table must be a data frame, got {type(table).__name__}")
        kept = self.tables[len(tables) :]
        news = (
            new if new is not None else old for new, old in zip(tables, self.tables, strict=False)
        )
        return Filled(self, (*news, *kept))


class Filled(NamedTuple):
    """A template with the tables that fill it."""

    template: Template
    tables: tuple[Table | None, ...]

    @property
    def mark(self) -> str:
        """A digest that differs when plots would look different."""
        return join_hashes([self.template.mark, *map(hash_table, self.tables)])

    def to_ggplot(self) -> ggplot:
        """Return a plot of its own, to which more can be added."""
        plot = _copy(self.template.plot)
        plot.data, *rest = self.tables
        owners = [layer for layer in plot.layers if _is_table(layer._data)]
        for layer, table in zip(owners, rest, strict=True):
            layer._data = table
        return plot

    def draw(self, **options: Any) -> Any:
        """Draw it as plotnine does, see `ggplot.draw`."""
        return self.to_ggplot().draw(**options)

    def save(self, *arguments: Any, **options: Any) -> None:
        """Save it as plotnine does, see `ggplot.save`."""
        self.to_ggplot().save(*arguments, **options)

    def _repr_mimebundle_(self, *arguments: Any, **options: Any) -> Any:
        return self.to_ggplot()._repr_mimebundle_(*arguments, **options)

    def get_table(self, number: int) -> Table | None:
        """Return the data of a layer, by its number from 0."""
        layer = self.template.plot.layers[number]
        owners = self.template.owners
        return self.tables[1 + owners.index(layer)] if layer in owners else self.tables[0]


class Stage:
    """A plot as plotnine draws it without its moving layers, and what draws those."""

    def __init__(self, filled: Filled, moving: list[int]):
        """Let plotnine draw the plot, with `moving` the numbers of the layers that are left out."""
        specs = copy.deepcopy(filled.template.plot.layers)
        plot = _to_sparse_ggplot(filled, moving)
        marks = []
        for number in moving:
            plot.layers[number].geom.draw_layer = partial(_leave_out, marks, number)
        last = _draw(plot)
        marks.sort(key=lambda mark: mark.turn)
        self.pictures = [*(mark.below for mark in marks), last]
        self.panels = [mark.panel for mark in marks]
        self.numbers = [mark.layer_number for mark in marks]
        for number in moving:
            specs[number].zorder = number + 1
        self.painters = {
            number: make_painter(plot, specs[number], filled.get_table(number)) for number in moving
        }
        self.overlays = [_crop(picture) for picture in self.pictures[1:]]

        self.image = Image.fromarray(self.pictures[0])

    def draw(self, canvas: np.ndarray, filled: Filled) -> None:
        """Draw the layers that move on a canvas, uint8 (height, width, 3), that shows `image`."""
        ready = {
            number: painter.prepare(filled.get_table(number))
            for number, painter in self.painters.items()
        }
        for number, panel, overlay in zip(self.numbers, self.panels, self.overlays, strict=True):
            self.painters[number].draw(canvas, panel, ready[number])
            if overlay is not None:
                (top, left), picture = overlay
                height, width, _ = picture.shape
                lay_over(canvas[top : top + height, left : left + width], picture)


class _Mark(Artist):
    """Where a layer that moves would be drawn: keeps what is below, and clears the canvas."""

    turns = itertools.count()

    def __init__(self, layer_number: int, panel_number: int):
        super().__init__()
        self.layer_number = layer_number
        self.panel_number = panel_number
        self.zorder = layer_number + 1

    def draw(self, renderer: RendererAgg) -> None:
        if not isinstance(renderer, RendererAgg):
            return
        self.turn = next(self.turns)
        self.below = np.array(renderer.buffer_rgba())
        renderer.clear()
        transform = self.axes.transData
        if not transform.is_affine:
            raise NotImplementedError("axes that are not straight")
        left, bottom, right, top = np.floor(np.array(self.get_clip_box().extents) + 0.5).astype(int)
        height, width, _ = self.below.shape
        clip = [max(left, 0), max(height - top, 0), min(right, width), min(height - bottom, height)]
        self.panel = Panel(
            self.panel_number,
            transform.get_matrix().copy(),
            np.array(clip),
            (width, height),
            renderer.dpi,
        )


def find_stage(filled: Filled) -> Stage:
    """Return the stage on which a plot is drawn, from those that are kept if it is there.

    Plots share one when nothing differs but the data of layers that move, and no scale learns
    anything else from them. Warns when that is so often not the case that it takes time.
    """
    moving = [i for i in range(len(filled.template.plot.layers)) if _moves(filled, i)]
    parts = _describe(filled, moving)
    key = join_hashes([repr(parts)])
    with DRAWING:
        if key not in _stages:
            _warn(parts)
            _stages[key] = Stage(filled, moving), parts
        _stages.move_to_end(key)
        while len(_stages) > MAX_STAGES:
            _stages.popitem(last=False)
        return _stages[key][0]


_stages: OrderedDict[str, tuple[Stage, dict[str, Any]]] = OrderedDict()


def _warn(parts: dict[str, Any]) -> None:
    """Say why plotnine draws again what looks like a plot that is there."""
    alike = [other for _, other in _stages.values() if other["plot"] == parts["plot"]]
    if alike:
        changed = [name for name, part in parts.items() if part != alike[-1].get(name)]
        reason = " and ".join(changed) + " changed; limits on scales keep what data show the same"
    elif len(_stages) == MAX_STAGES:
        reason = "plots differ in more than their data, in a title, say"
    else:
        return
    warnings.warn(
        f"plotnine draws a plot anew, which takes long in every epoch: {reason}", stacklevel=2
    )


def _copy(plot: ggplot) -> ggplot:
    """Return a copy of a plot that shares nothing but tables with it."""
    plot = copy.deepcopy(plot)
    # Copies of a plot share what has been built of it last, data and all.
    plot._build_objs = SimpleNamespace()
    return plot


def _is_table(value: Any) -> bool:
    return isinstance(value, pd.DataFrame | pl.DataFrame)


def _moves(filled: Filled, number: int) -> bool:
    """Return whether a layer can be drawn with other data without plotnine building its plot."""
    plot = filled.template.plot
    layer, table, facets = plot.layers[number], filled.get_table(number), get_facets(plot)
    names = [*get_mapping(plot, layer).values(), *facets]
    return (
        not callable(layer._data)
        and _is_table(table)
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


def _describe(filled: Filled, moving: list[int]) -> dict[str, Any]:
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
    """Add what scales without limits, and facets, learn from a layer that moves."""
    plot, table = filled.template.plot, filled.get_table(number)
    layer = plot.layers[number]
    mapping = get_mapping(plot, layer)
    types = [
        (aesthetic, read_column(table, n).dtype.is_numeric()) for aesthetic, n in mapping.items()
    ]
    parts[f"a type of column in layer {number + 1}"] = types
    if type(layer.geom).setup_data is not geom.setup_data:
        # Its extent may depend on how far its rows are apart, and not only on the extremes.
        names = {name for aesthetic, name in mapping.items() if aesthetic in EXTENTS}
        parts[f"a position in layer {number + 1}"] = hash_table(table[sorted(names)])
    for aesthetic, name in mapping.items():
        if not has_limits(get_scale(plot.scales, aesthetic)):
            key = f"the range of {aes_to_scale(aesthetic)}"
            kind, before = get_kind(table, name), parts.get(key, (None, ()))[1]
            values = _get_values(plot, aesthetic, table, name)
            numbers = isinstance(values, np.ndarray)
            values = values[~np.isnan(values)] if numbers else values
            joined = [
                *before,
                *((values.min(), values.max()) if numbers and len(values) else values),
            ]
            parts[key] = kind, _find_ends(joined) if numbers else sorted(set(joined), key=str)
    if facets := get_facets(plot):
        rows = _find_panels(table, facets)
        values = [tuple(str(read_column(table, name)[row]) for name in facets) for row in rows]
        kinds = [get_kind(table, name) for name in facets]
        parts.setdefault("the panels", []).append((kinds, sorted(values)))


def _find_ends(values: list[float]) -> tuple[float, ...]:
    return (min(values), max(values)) if values else ()


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


def _to_sparse_ggplot(filled: Filled, moving: list[int]) -> ggplot:
    """Return the plot with just enough points that its scales learn the same."""
    plot = filled.to_ggplot()
    for number, layer in enumerate(plot.layers):
        if number in moving and type(layer.geom) is geom_point:
            layer._data = _thin(filled, number)
    if plot.layers and all(_is_table(layer._data) for layer in plot.layers):
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


def _leave_out(marks: list, number: int, data: pd.DataFrame, layout: Any, coord: Any) -> None:
    """Stand in for `geom.draw_layer`: put a mark into each panel instead."""
    for panel, ax in enumerate(layout.axs):
        mark = _Mark(number, panel)
        ax.add_artist(mark)
        marks.append(mark)


def _crop(picture: np.ndarray) -> tuple[tuple[int, int], np.ndarray] | None:
    """Return the part of a picture that is not transparent, and its upper left corner."""
    rows, columns = (np.flatnonzero(picture[..., 3].any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    (top, bottom), (left, right) = rows[[0, -1]], columns[[0, -1]]
    return (top, left), picture[top : bottom + 1, left : right + 1].copy()


def _draw(plot: ggplot) -> np.ndarray:
    """Draw as `ggplot.save` does, and return the pixels, uint8 (height, width, 4)."""
    buffer = BytesIO()
    with warnings.catch_warnings(action="ignore"):  # about rows left out: there are few rows
        figure = plot.draw()
        with rc_context(plot.theme.rcParams):
            figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer).convert("RGBA"))
