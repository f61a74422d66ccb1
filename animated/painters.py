"""What draws one layer of a plot again and again with other data, just as plotnine would."""

import copy
import threading
import warnings
from functools import cached_property, lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.transforms import IdentityTransform
from mizani.bounds import censor
from plotnine import geom_point, geom_segment, geom_tile, ggplot
from plotnine._utils import SIZE_FACTOR, resolution
from plotnine.coords import coord_cartesian, coord_fixed
from plotnine.layer import Layers, layer
from plotnine.scales.scale_continuous import scale_continuous
from plotnine.scales.scale_shape import FILLED_SHAPES

from animated.aesthetics import (
    Aesthetic,
    Table,
    get_facets,
    get_mapping,
    get_scale,
    paint,
    read_aesthetic,
    read_column,
)
from animated.raster import draw_points, draw_tiles, lay_over, make_solid_stamps, make_stamps

# plotnine and matplotlib draw one picture at a time.
DRAWING = threading.RLock()
# More sizes than this are rounded: each needs stamps of its own.
MAX_SIZES = 64
# Markers whose sides Agg moves to the nearest pixel; a stamp would show them up to a pixel off.
SNAPPED = ("s", ",", "+", "|", "_", 0, 1, 2, 3)
# Layers of fewer rows than this take plotnine no time that one would notice.
LARGE = 1_000


class Panel(NamedTuple):
    """Where a panel of a drawn plot lies on its canvas."""

    number: int  # from 0
    matrix: np.ndarray  # (3, 3), from the coordinates of the axes to pixels from the lower left
    clip: np.ndarray  # int (4,): left, top, right and bottom in pixels from the upper left
    size: tuple[int, int]  # of the canvas: width and height
    dpi: float

    def to_pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return pixels from the left and from the top, float64."""
        (a, _, c), (_, e, f), _ = self.matrix
        return a * x + c, self.size[1] - (e * y + f)


class Painter:
    """A layer, and the plot around it.

    `prepare` returns what holds for all panels of a frame, `draw` is called for each panel.
    Raises NotImplementedError where it would not draw what plotnine draws.
    """

    positions: ClassVar[tuple[str, ...]] = ("x", "y")
    aesthetics: ClassVar[tuple[str, ...]]

    def __init__(self, plot: ggplot, spec: layer):
        """Prepare to draw layers like `spec`, which is not built, into `plot`, which is."""
        self.plot = plot
        self.spec = spec
        self.mapping = get_mapping(plot, spec)
        self.known: dict[Any, list[Any]] = {}  # what scales have been asked before

    @cached_property
    def scales(self) -> list[dict[str, Any]]:
        """The scales of each panel, for x and for y."""
        layout = self.plot.layout
        return [vars(layout.get_scales(panel)) for panel in layout.layout["PANEL"]]

    def read(self, table: Table) -> list[Aesthetic]:
        """Return the aesthetics that are no positions."""
        return [
            read_aesthetic(self.plot, self.spec, table, name, self.known)
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
        """Return positions as float64, not a number where they are outside the scale's limits.

        They are compared as they come: the nearest float32 to a limit is not outside.
        """
        return {
            name: _limit(values, self.scales[panel][name[0]]) for name, values in positions.items()
        }

    def transform(self, panel: int, positions: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return positions as the coordinate system of the plot places them."""
        coord = self.plot.layout.coord
        # Plain coordinates change nothing but what is infinite, and pandas takes its time.
        is_plain = type(coord) in (coord_cartesian, coord_fixed)
        if is_plain and not any(np.isinf(values).any() for values in positions.values()):
            return positions
        data = coord.transform(pd.DataFrame(positions), self.plot.layout.panel_params[panel])
        return {name: data[name].to_numpy(np.float64) for name in data}

    def place(self, panel: int, located: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return positions on the axes of a panel."""
        return self.transform(panel, self.limit(panel, located))

    @cached_property
    def panels(self) -> list[dict[str, Any]]:
        """What the rows of each panel have in common."""
        return self.plot.layout.layout[get_facets(self.plot)].to_dict("records")

    def select(self, table: Table, panel: int) -> np.ndarray | slice:
        """Return which rows belong to a panel."""
        values = {name: value for name, value in self.panels[panel].items() if name in table}
        if len(self.panels) == 1 or not values:
            return slice(None)
        matches = [(read_column(table, name) == values[name]).to_numpy() for name in values]
        return np.flatnonzero(np.logical_and.reduce(matches))

    def split(self, table: Table, located: dict[str, np.ndarray]) -> list[tuple]:
        """Return for each panel its rows and their positions on its axes."""
        # Panels that share their scales share the work.
        is_shared = len({(id(scale["x"]), id(scale["y"])) for scale in self.scales}) == 1
        whole = self.place(0, located) if is_shared else None
        parts = []
        for panel in range(len(self.scales)):
            rows = self.select(table, panel)
            places = whole or self.place(panel, located)
            parts.append((rows, {name: values[rows] for name, values in places.items()}))
        return parts


class PointPainter(Painter):
    """Draws `geom_point` by stamping markers."""

    aesthetics = ("color", "fill", "alpha", "size", "stroke", "shape")

    def prepare(self, table: Table) -> dict[str, Any]:
        """Return positions, colours and stamps."""
        color, fill, alpha, size, stroke, shape = self.read(table)
        if shape.codes is not None or stroke.codes is not None:
            raise NotImplementedError("several shapes or strokes")
        if shape.values[0] in SNAPPED:
            raise NotImplementedError("a shape that is snapped to whole pixels")
        located = self.locate(table)
        for aesthetic in (color, size):  # without one of these plotnine leaves a point out
            missing = aesthetic.is_missing(len(table))
            if missing.any():
                located["x"] = np.where(missing, np.nan, located["x"])
        edges = paint(color, alpha, len(table))
        is_even = (edges[:, 3] == edges[0, 3]).all()
        is_plain = shape.values[0] not in FILLED_SHAPES or fill.values == [None]
        sizes, styles = _round_sizes(size, len(table))
        stroke = float(stroke.values[0])
        return {
            "parts": self.split(table, located),
            "edges": edges,
            "faces": None if is_plain else paint(fill, alpha, len(table)),
            "opacity": int(edges[0, 3]) if is_plain and is_even else None,
            "styles": styles,
            # As plotnine's geom_point hands them to matplotlib's scatter.
            "markers": [
                (shape.values[0], float((size + stroke) ** 2 * np.pi), stroke * SIZE_FACTOR)
                for size in sizes
            ],
        }

    def draw(self, canvas: np.ndarray, panel: Panel, ready: dict[str, Any]) -> None:
        """Draw the points of a panel."""
        rows, places = ready["parts"][panel.number]
        x, y = panel.to_pixels(places["x"], places["y"])
        if (
            np.isfinite(x + y).sum() == 1
        ):  # matplotlib puts a single marker in the middle of a pixel
            x, y = np.floor(x + 0.5) + 0.5, np.floor(y + 0.5) + 0.5
        colors, styles, opacity = ready["edges"][rows], ready["styles"][rows], ready["opacity"]
        if opacity is not None:  # one coat of paint will do
            stamps = [make_solid_stamps(*marker, panel.dpi, opacity) for marker in ready["markers"]]
            colors = colors | np.array([0, 0, 0, 255], dtype=np.uint8)
        else:
            stamps = [make_stamps(*marker, panel.dpi) for marker in ready["markers"]]
            faces = colors if ready["faces"] is None else ready["faces"][rows]
            # Each point twice: its face, then its edge.
            x, y = np.repeat(x, 2), np.repeat(y, 2)
            colors = np.stack([faces, colors], axis=1).reshape(-1, 4)
            styles = (styles[:, None] * 2 + np.array([0, 1], dtype=np.int32)).ravel()
        draw_points(canvas, panel.clip, x, y, colors, _stack(stamps), styles)


class TilePainter(Painter):
    """Draws `geom_tile` without borders: rectangles that matplotlib snaps to whole pixels."""

    aesthetics = ("color", "fill", "alpha", "width", "height")

    def prepare(self, table: Table) -> dict[str, Any]:
        """Return sides and colours."""
        color, fill, alpha, *extents = self.read(table)
        if color.values != [None] or any(extent.codes is not None for extent in extents):
            raise NotImplementedError("tiles with borders or of several sizes")
        located = self.locate(table)
        for name, extent in zip(self.positions, extents, strict=True):
            values = located.pop(name)
            centres = self.limit(0, {name: values})[name]
            width = extent.values[0]
            if width is None:
                is_whole = values.dtype.kind in "iu"
                width = resolution(values if is_whole else centres, False)
            located |= {f"{name}min": centres - width / 2, f"{name}max": centres + width / 2}
        return {
            "parts": self.split(table, located),
            "colors": paint(fill, alpha, len(table)),
        }

    def draw(self, canvas: np.ndarray, panel: Panel, ready: dict[str, Any]) -> None:
        """Draw the tiles of a panel."""
        rows, places = ready["parts"][panel.number]
        x, y = panel.to_pixels(
            np.c_[places["xmin"], places["xmax"]], np.c_[places["ymin"], places["ymax"]]
        )
        kept = np.isfinite(x + y).all(axis=1)
        # Sorted, as an axis may be reversed.
        x, y = (np.sort(np.floor(side[kept] + 0.5).astype(np.int32), axis=1) for side in (x, y))
        draw_tiles(canvas, panel.clip, x, y, ready["colors"][rows][kept])


class SegmentPainter(Painter):
    """Draws `geom_segment` without arrows through matplotlib, as plotnine does, but at once."""

    positions = ("x", "y", "xend", "yend")
    aesthetics = ("color", "alpha", "size", "linetype")

    def prepare(self, table: Table) -> dict[str, Any]:
        """Return ends, colours and widths."""
        color, alpha, size, linetype = self.read(table)
        if linetype.values != ["solid"] or self.spec.geom.params.get("arrow"):
            # Dashes start where Agg cuts a line off, at the edge of its canvas.
            raise NotImplementedError("dashes or arrows")
        if any(aesthetic.codes is not None for aesthetic in (color, alpha, size)):
            raise NotImplementedError("groups, which are drawn one after the other")
        return {
            "parts": self.split(table, self.locate(table)),
            "color": paint(color, alpha, 1)[0] / 255,
            "linewidth": size.values[0] * SIZE_FACTOR,
        }

    def draw(self, canvas: np.ndarray, panel: Panel, ready: dict[str, Any]) -> None:
        """Draw the segments of a panel."""
        _, places = ready["parts"][panel.number]
        x, y = panel.to_pixels(
            np.c_[places["x"], places["xend"]], np.c_[places["y"], places["yend"]]
        )
        kept = np.isfinite(x + y).all(axis=1)
        window = _find_window(x[kept], y[kept], ready["linewidth"] * panel.dpi / 72, panel.clip)
        if window is None:
            return
        left, top, right, bottom = window
        lines = LineCollection(
            np.stack([x[kept] - left, bottom - y[kept]], axis=-1),
            edgecolor=ready["color"],
            linewidth=ready["linewidth"],
            capstyle=self.spec.geom.params.get("lineend"),
            transform=IdentityTransform(),
        )
        lines.set_figure(_get_figure(panel.dpi))
        renderer = RendererAgg(right - left, bottom - top, panel.dpi)
        lines.draw(renderer)
        lay_over(canvas[top:bottom, left:right], np.asarray(renderer.buffer_rgba()))


class LayerPainter(Painter):
    """Draws any layer by plotnine itself, on the axes of the plot that is there."""

    def prepare(self, table: Table) -> list[np.ndarray]:
        """Return a picture of the layer for each panel, uint8 (height, width, 4)."""
        with DRAWING, rc_context(self.plot.theme.rcParams):
            axes = self.plot.layout.axs
            before = [set(ax.get_children()) for ax in axes]
            _build(self.plot, self.spec, table).draw(self.plot.layout, self.plot.coordinates)
            return [_take(ax, old) for ax, old in zip(axes, before, strict=True)]

    def draw(self, canvas: np.ndarray, panel: Panel, ready: list[np.ndarray]) -> None:
        """Lay the picture of a panel on the canvas."""
        lay_over(canvas, ready[panel.number])


PAINTERS = {geom_point: PointPainter, geom_segment: SegmentPainter, geom_tile: TilePainter}


def make_painter(plot: ggplot, spec: layer, table: Table) -> Painter:
    """Return the fastest painter that draws a layer just as plotnine does.

    Warns when that is plotnine itself and the layer is large.
    """
    name, reason = type(spec.geom).__name__, "there is no faster way for it"
    kind = PAINTERS.get(type(spec.geom))
    if kind and plot.layout.coord.is_linear and _is_smooth(plot.theme.rcParams):
        painter = kind(plot, spec)
        try:
            painter.prepare(table)
            return painter
        except NotImplementedError as error:
            reason = str(error)
    if len(table) > LARGE:
        warnings.warn(
            f"plotnine draws the {len(table)} rows of {name} anew in every epoch: {reason}",
            stacklevel=2,
        )
    return LayerPainter(plot, spec)


def _find_window(
    x: np.ndarray, y: np.ndarray, margin: float, clip: np.ndarray
) -> tuple[int, int, int, int] | None:
    """Return the left, top, right and bottom pixel of what is drawn, or None for nothing."""
    if not x.size:
        return None
    low = np.floor([x.min() - margin, y.min() - margin]).astype(int) - 1
    high = np.ceil([x.max() + margin, y.max() + margin]).astype(int) + 1
    (left, top), (right, bottom) = np.maximum(low, clip[:2]), np.minimum(high, clip[2:])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _limit(values: np.ndarray, scale: scale_continuous) -> np.ndarray:
    """Return what a scale of positions makes of values, as float64."""
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    if scale.oob is not censor:
        return np.asarray(scale.map(pd.Series(values)), dtype=np.float64)
    # What nearly all scales do, without the time that pandas takes.
    low, high = scale.final_limits
    outside = np.isfinite(values) & ((values < low) | (values > high))
    return np.where(outside, np.nan, values).astype(np.float64, copy=False)


def _is_smooth(settings: dict[str, Any]) -> bool:
    """Return whether a theme lets shapes be as they are, neither sketched nor jagged."""
    jagged = not all(settings.get(f"{name}.antialiased", True) for name in ("lines", "patch"))
    return not (jagged or settings.get("path.sketch") or settings.get("path.effects"))


@lru_cache(maxsize=8)
def _get_figure(dpi: float) -> Figure:
    """Return what an artist asks for the resolution."""
    return Figure(dpi=dpi)


def _round_sizes(size: Aesthetic, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sizes that occur, and int32 (n_rows,) which of them a row has."""
    values = np.nan_to_num(np.array(size.values, dtype=float))
    if size.codes is None:
        return values, np.zeros(n_rows, dtype=np.int32)
    used, styles = np.unique(size.codes, return_inverse=True)
    values = values[used]
    if len(used) > MAX_SIZES:
        levels = np.linspace(values.min(), values.max(), MAX_SIZES)
        nearest = np.abs(values[:, None] - levels).argmin(axis=1)
        return levels, nearest[styles].astype(np.int32)
    return values, styles.astype(np.int32)


def _stack(stamps: list[np.ndarray]) -> np.ndarray:
    """Return stamps as one array, the smaller ones in the middle of their cells."""
    if len(stamps) == 1:
        return stamps[0]
    side = max(stamp.shape[-1] for stamp in stamps)
    rims = [(side - stamp.shape[-1]) // 2 for stamp in stamps]
    padded = [
        np.pad(stamp, [(0, 0)] * 3 + [(rim, rim)] * 2)
        for stamp, rim in zip(stamps, rims, strict=True)
    ]
    return np.concatenate(padded)


def _build(plot: ggplot, spec: layer, table: Table) -> layer:
    """Take one layer through the steps of plotnine's own build, with scales already trained."""
    built = copy.deepcopy(spec)
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
    """Return a picture of what has been added to some axes, and remove it from them."""
    figure = ax.figure
    renderer = RendererAgg(*figure.canvas.get_width_height(), figure.dpi)
    for artist in [artist for artist in ax.get_children() if artist not in before]:
        artist.draw(renderer)
        artist.remove()
    return np.asarray(renderer.buffer_rgba()).copy()
