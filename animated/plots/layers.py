"""A layer that moves: where it is drawn, who draws it, and how plotnine itself draws it again."""

import copy
import threading
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from mizani.bounds import censor
from plotnine import ggplot
from plotnine.coords import coord_cartesian, coord_fixed
from plotnine.layer import Layers, layer
from plotnine.scales.scale_continuous import scale_continuous

from animated.plots.aesthetics import (
    Aesthetic,
    get_facets,
    get_mapping,
    get_scale,
    read_aesthetic,
)
from animated.plots.tables import Table, read_column

# plotnine and matplotlib draw one picture at a time.
DRAWING = threading.RLock()


class Panel(NamedTuple):
    """The place of a panel of a drawn plot on its canvas.

    number: counted from 0.
    matrix: float64 (3, 3), from the coordinates of the axes to pixels from the lower left.
    clip: int (4,), left, top, right and bottom in pixels from the upper left.
    size: width and height of the canvas in pixels.
    """

    number: int
    matrix: np.ndarray
    clip: np.ndarray
    size: tuple[int, int]
    dpi: float

    def to_pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return positions in pixels from the left and from the top, float64."""
        (a, _, c), (_, e, f), _ = self.matrix
        return a * x + c, self.size[1] - (e * y + f)


class Painter(ABC):
    """Draws a layer with the data of one frame after the other.

    Either method raises NotImplementedError where it would not draw what plotnine draws.
    """

    positions: ClassVar[tuple[str, ...]] = ("x", "y")
    aesthetics: ClassVar[tuple[str, ...]] = ()

    def __init__(self, plot: ggplot, spec: layer):
        """Get ready to draw layers like `spec`, as the user wrote it, into `plot`, once built."""
        self.plot = plot
        self.spec = spec
        self.mapping = get_mapping(plot, spec)
        self.known: dict[Any, list[Any]] = {}  # the values that scales have returned before

    @abstractmethod
    def prepare(self, table: Table) -> Any:
        """Return what all panels of a frame share, in a form of the painter's own."""

    @abstractmethod
    def draw(self, canvas: np.ndarray, panel: Panel, ready: Any) -> None:
        """Draw one panel of a frame on a canvas, uint8 (height, width, 3).

        ready: what `prepare` returned for the frame.
        """

    @cached_property
    def scales(self) -> list[dict[str, Any]]:
        """The scales of x and of y for each panel."""
        layout = self.plot.layout
        return [vars(layout.get_scales(panel)) for panel in layout.layout["PANEL"]]

    def read(self, table: Table) -> list[Aesthetic]:
        """Return the values of `self.aesthetics`, in this order."""
        return [
            read_aesthetic(self.plot, self.spec, self.mapping, table, name, self.known)
            for name in self.aesthetics
        ]

    def locate(self, table: Table) -> dict[str, np.ndarray]:
        """Return the positions (n_rows,), transformed by their scales."""
        located = {}
        for name in self.positions:
            scale = get_scale(self.plot.scales, name)
            if not isinstance(scale, scale_continuous) or name not in self.mapping:
                raise NotImplementedError(f"{name} on {type(scale).__name__}")
            column = read_column(table, self.mapping[name])
            located[name] = np.asarray(scale.transform(column.to_numpy()))
        return located

    def limit(self, panel: int, positions: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return positions as float64, NaN where they exceed the limits of the scale.

        They are compared before they are converted, so that the float32 nearest to a limit does
        not exceed it.
        """
        return {
            name: _limit(values, self.scales[panel][name[0]]) for name, values in positions.items()
        }

    def transform(self, panel: int, positions: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return positions transformed by the coordinate system of the plot."""
        coord = self.plot.layout.coord
        # Plain coordinates change nothing but infinite values, and pandas takes its time.
        is_plain = type(coord) in (coord_cartesian, coord_fixed)
        if is_plain and not any(np.isinf(values).any() for values in positions.values()):
            return positions
        data = coord.transform(pd.DataFrame(positions), self.plot.layout.panel_params[panel])
        return {name: data[name].to_numpy(np.float64) for name in data}

    def place(self, panel: int, located: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return positions in the coordinates of the axes of a panel."""
        return self.transform(panel, self.limit(panel, located))

    @cached_property
    def panels(self) -> list[dict[str, Any]]:
        """The values of the facet variables in each panel."""
        return self.plot.layout.layout[get_facets(self.plot)].to_dict("records")

    def select(self, table: Table, panel: int) -> np.ndarray | slice:
        """Return the positions of the rows that belong to a panel."""
        values = {name: value for name, value in self.panels[panel].items() if name in table}
        if len(self.panels) == 1 or not values:
            return slice(None)
        matches = [(read_column(table, name) == values[name]).to_numpy() for name in values]
        return np.flatnonzero(np.logical_and.reduce(matches))

    def split(self, table: Table, located: dict[str, np.ndarray]) -> list[tuple]:
        """Return, for each panel, its rows and their positions on its axes."""
        # Panels that share their scales share the work.
        is_shared = len({(id(scale["x"]), id(scale["y"])) for scale in self.scales}) == 1
        shared = self.place(0, located) if is_shared else None
        parts = []
        for panel in range(len(self.scales)):
            rows = self.select(table, panel)
            positions = shared or self.place(panel, located)
            parts.append((rows, {name: values[rows] for name, values in positions.items()}))
        return parts


class LayerPainter(Painter):
    """Draws any layer through plotnine itself, on the axes of the plot that it has built."""

    def prepare(self, table: Table) -> list[np.ndarray]:
        """Return a picture of the layer for each panel, uint8 (height, width, 4)."""
        with DRAWING, rc_context(self.plot.theme.rcParams):
            axes = self.plot.layout.axs
            before = [set(ax.get_children()) for ax in axes]
            _build(self.plot, self.spec, table).draw(self.plot.layout, self.plot.coordinates)
            return [_take(ax, old) for ax, old in zip(axes, before, strict=True)]

    def draw(self, canvas: np.ndarray, panel: Panel, ready: list[np.ndarray]) -> None:
        """Blend the picture of a panel onto the canvas."""
        from animated.plots.raster import lay_over  # loads numba

        lay_over(canvas, ready[panel.number])


def _limit(values: np.ndarray, scale: scale_continuous) -> np.ndarray:
    """Return values as a position scale maps them, float64."""
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    if scale.oob is not censor:
        return np.asarray(scale.map(pd.Series(values)), dtype=np.float64)
    # Nearly all scales censor, and this way it costs none of the time that pandas takes.
    low, high = scale.final_limits
    outside = np.isfinite(values) & ((values < low) | (values > high))
    return np.where(outside, np.nan, values).astype(np.float64, copy=False)


def _build(plot: ggplot, spec: layer, table: Table) -> layer:
    """Take one layer through the steps of plotnine's own build, with scales already trained."""
    built: Any = copy.deepcopy(spec)
    built._data = table
    layers, layout, scales = Layers([built]), plot.layout, plot.scales
    built.setup(plot)
    [data] = plot.facet.setup_data([built.data])
    built.data = plot.facet.map(data, layout.layout)
    layers.compute_aesthetics(plot)
    layers.transform(scales)
    layout.map_position(layers)
    layers.compute_statistic(layout)
    layers.map_statistic(plot)
    layers.setup_data()
    layers.compute_position(layout)
    layout.map_position(layers)
    layers.map(scales.non_position_scales())
    layers.use_defaults_after_scale(scales)
    layers.finish_statistics()
    layout.finish_data(layers)
    return built


def _take(ax: Axes, before: set) -> np.ndarray:
    """Return a picture of the artists that were added to some axes, and remove them."""
    figure: Any = ax.figure
    width, height = figure.canvas.get_width_height()
    renderer = RendererAgg(width, height, figure.dpi)
    for artist in [artist for artist in ax.get_children() if artist not in before]:
        artist.draw(renderer)
        artist.remove()
    return np.asarray(renderer.buffer_rgba()).copy()
