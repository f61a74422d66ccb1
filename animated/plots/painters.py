"""What draws points and tiles as plotnine would, in a fraction of its time."""

import warnings
from typing import Any

import numpy as np
from plotnine import geom_point, geom_segment, geom_text, geom_tile, ggplot
from plotnine._utils import SIZE_FACTOR, resolution
from plotnine.layer import layer
from plotnine.scales.scale_shape import FILLED_SHAPES

from animated.plots.aesthetics import Aesthetic, paint
from animated.plots.artists import SegmentPainter, TextPainter
from animated.plots.fingerprints import Table
from animated.plots.layers import LayerPainter, Painter, Panel
from animated.plots.raster import (
    draw_points,
    draw_tiles,
    make_solid_stamps,
    make_stamps,
)

# More sizes than this are rounded: each needs stamps of its own.
MAX_SIZES = 64
# Markers that Agg draws where they are; sides of others, as of squares, it moves to whole pixels.
STAMPED = ("o", ".", "^", "v", "<", ">", "D", "d", "*", "p", "h", "H", "8", "X", "x", "2", "3", "4")
# The opacity, of 255, from which face and edge may be stamped together.
FAINT = 26
# Pixels that fit into an int32, and are nowhere near a canvas.
FAR = 2**30
# Layers of fewer rows than this take plotnine no time that one would notice.
LARGE = 1_000


class PointPainter(Painter):
    """Draws `geom_point` by stamping markers."""

    aesthetics = ("color", "fill", "alpha", "size", "stroke", "shape")

    def prepare(self, table: Table) -> dict[str, Any]:
        """Return positions, colours and stamps."""
        color, fill, alpha, size, stroke, shape = self.read(table)
        if shape.codes is not None or stroke.codes is not None:
            raise NotImplementedError("several shapes or strokes")
        if shape.values[0] not in STAMPED:
            raise NotImplementedError("a shape that is moved to whole pixels")
        located = self.locate(table)
        for aesthetic in (color, size):  # without one of these plotnine leaves a point out
            missing = aesthetic.is_missing(len(table))
            if missing.any():
                located["x"] = np.where(missing, np.nan, located["x"])
        edges = paint(color, alpha, len(table))
        # One coat is as good as two but where it is so faint that what is rounded off adds up.
        is_even = edges[0, 3] >= FAINT and (edges[:, 3] == edges[0, 3]).all()
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
        # matplotlib puts a single marker in the middle of a pixel.
        if np.isfinite(x + y).sum() == 1:
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
        x, y = (np.sort(np.floor(side[kept] + 0.5).clip(-FAR, FAR), axis=1) for side in (x, y))
        x, y = x.astype(np.int32), y.astype(np.int32)
        draw_tiles(canvas, panel.clip, x, y, ready["colors"][rows][kept])


PAINTERS = {
    geom_point: PointPainter,
    geom_segment: SegmentPainter,
    geom_text: TextPainter,
    geom_tile: TilePainter,
}


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


def _is_smooth(settings: dict[str, Any]) -> bool:
    """Return whether a theme lets shapes be as they are, neither sketched nor jagged."""
    jagged = not all(settings.get(f"{name}.antialiased", True) for name in ("lines", "patch"))
    return not (jagged or settings.get("path.sketch") or settings.get("path.effects"))


def _round_sizes(size: Aesthetic, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sizes that occur, and int32 (n_rows,) which of them a row has."""
    values = np.nan_to_num(np.array(size.values, dtype=float))
    if size.codes is None:
        return values, np.zeros(n_rows, dtype=np.int32)
    used, styles = np.unique(size.codes, return_inverse=True)
    # Codes that differ may mean the same size.
    values, sizes = np.unique(values[used], return_inverse=True)
    styles = sizes[styles]
    if len(values) > MAX_SIZES:
        # To multiples of a power of two, whatever the rows: frames share their stamps, which take
        # longer to make than a frame to draw.
        step = 2.0 ** np.ceil(np.log2(np.ptp(values) / (MAX_SIZES - 2)))
        multiples, nearest = np.unique(np.rint(values / step), return_inverse=True)
        return multiples * step, nearest[styles].astype(np.int32)
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
