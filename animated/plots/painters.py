"""Painters of points and tiles, which draw what plotnine draws in a fraction of its time."""

import warnings
from typing import Any

import numpy as np
from plotnine import geom_point, geom_segment, geom_text, geom_tile, ggplot
from plotnine._utils import SIZE_FACTOR, resolution
from plotnine.layer import layer
from plotnine.scales.scale_shape import FILLED_SHAPES

from animated.plots.aesthetics import Aesthetic, paint
from animated.plots.artists import SegmentPainter, TextPainter
from animated.plots.layers import LayerPainter, Painter, Panel
from animated.plots.stamps import make_solid_stamps, make_stamps
from animated.plots.tables import Table

# If there are more sizes than this, they are rounded, because each needs stamps of its own.
MAX_SIZES = 64
# Markers that Agg draws at their exact positions; it moves the sides of others, such as squares,
# to whole pixels.
STAMPED = ("o", ".", "^", "v", "<", ">", "D", "d", "*", "p", "h", "H", "8", "X", "x", "2", "3", "4")
# The opacity, out of 255, from which face and edge may be stamped as one coat.
FAINT = 26
# A position in pixels that fits into an int32 and is far off any canvas.
FAR = 2**30
# plotnine draws a layer of fewer rows than this in a time that nobody notices.
LARGE = 1_000


class PointPainter(Painter):
    """Draws `geom_point` by stamping markers."""

    aesthetics = ("color", "fill", "alpha", "size", "stroke", "shape")

    def prepare(self, table: Table) -> dict[str, Any]:
        """Return positions, colours and markers."""
        color, fill, alpha, size, stroke, shape = self.read(table)
        _check_markers(stroke, shape)
        n_rows, [marker] = len(table), shape.values
        edges = paint(color, alpha, n_rows)
        has_face = marker in FILLED_SHAPES and fill.values != [None]
        sizes, styles = _round_sizes(size, n_rows)
        return {
            "parts": self.split(table, self._locate_shown(table, color, size)),
            "edges": edges,
            "faces": paint(fill, alpha, n_rows) if has_face else None,
            "opacity": None if has_face else _find_opacity(edges),
            "styles": styles,
            "markers": _describe_markers(marker, sizes, float(stroke.values[0])),
        }

    def draw(self, canvas: np.ndarray, panel: Panel, ready: dict[str, Any]) -> None:
        """Draw the points of a panel."""
        from animated.plots.raster import draw_points  # loads numba

        rows, positions = ready["parts"][panel.number]
        x, y = panel.to_pixels(positions["x"], positions["y"])
        # matplotlib moves a marker that is alone to the centre of a pixel.
        if np.isfinite(x + y).sum() == 1:
            x, y = np.floor(x + 0.5) + 0.5, np.floor(y + 0.5) + 0.5
        colors, styles, opacity = ready["edges"][rows], ready["styles"][rows], ready["opacity"]
        if opacity is not None:  # face and edge as one coat
            stamps = [make_solid_stamps(*marker, panel.dpi, opacity) for marker in ready["markers"]]
            colors = colors | np.array([0, 0, 0, 255], dtype=np.uint8)
        else:
            stamps = [make_stamps(*marker, panel.dpi) for marker in ready["markers"]]
            faces = colors if ready["faces"] is None else ready["faces"][rows]
            # Each point is stamped twice, its face and then its edge.
            x, y = np.repeat(x, 2), np.repeat(y, 2)
            colors = np.stack([faces, colors], axis=1).reshape(-1, 4)
            styles = (styles[:, None] * 2 + np.array([0, 1], dtype=np.int32)).ravel()
        draw_points(canvas, panel.clip, x, y, colors, _stack(stamps), styles)

    def _locate_shown(
        self, table: Table, color: Aesthetic, size: Aesthetic
    ) -> dict[str, np.ndarray]:
        """Return positions, NaN for the points without a colour or a size, which are not drawn."""
        located = self.locate(table)
        for aesthetic in (color, size):
            missing = aesthetic.is_missing(len(table))
            if missing.any():
                located["x"] = np.where(missing, np.nan, located["x"])
        return located


class TilePainter(Painter):
    """Draws `geom_tile` without borders, rectangles that matplotlib snaps to whole pixels."""

    aesthetics = ("color", "fill", "alpha", "width", "height")

    def prepare(self, table: Table) -> dict[str, Any]:
        """Return the sides and the colours of tiles."""
        color, fill, alpha, *extents = self.read(table)
        if color.values != [None] or any(extent.codes is not None for extent in extents):
            raise NotImplementedError("its tiles have borders or several sizes")
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
        from animated.plots.raster import draw_tiles  # loads numba

        rows, sides = ready["parts"][panel.number]
        x, y = panel.to_pixels(
            np.c_[sides["xmin"], sides["xmax"]], np.c_[sides["ymin"], sides["ymax"]]
        )
        kept = np.isfinite(x + y).all(axis=1)
        # An axis may be reversed, hence the sorting.
        x, y = (np.sort(np.floor(side[kept] + 0.5).clip(-FAR, FAR), axis=1) for side in (x, y))
        x, y = x.astype(np.int32), y.astype(np.int32)
        draw_tiles(canvas, panel.clip, x, y, ready["colors"][rows][kept])


PAINTERS: dict[type, type[Painter]] = {
    geom_point: PointPainter,
    geom_segment: SegmentPainter,
    geom_text: TextPainter,
    geom_tile: TilePainter,
}


def make_painter(plot: ggplot, spec: layer, table: Table) -> Painter:
    """Return the fastest painter that draws a layer exactly as plotnine does.

    Warns when that painter is plotnine itself and the layer is large.
    """
    name, reason = type(spec.geom).__name__, "no faster painter supports it"
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
            f"plotnine redraws all {len(table)} rows of {name} in every epoch: {reason}",
            stacklevel=2,
        )
    return LayerPainter(plot, spec)


def _is_smooth(settings: dict[str, Any]) -> bool:
    """Return whether a theme draws shapes with antialiasing and without sketching them."""
    jagged = not all(settings.get(f"{name}.antialiased", True) for name in ("lines", "patch"))
    return not (jagged or settings.get("path.sketch") or settings.get("path.effects"))


def _check_markers(stroke: Aesthetic, shape: Aesthetic) -> None:
    if shape.codes is not None or stroke.codes is not None:
        raise NotImplementedError("it has several shapes or strokes")
    if shape.values[0] not in STAMPED:
        raise NotImplementedError("matplotlib moves its shape to whole pixels")


def _find_opacity(edges: np.ndarray) -> int | None:
    """Return the opacity, 0 to 255, with which face and edge can be stamped as one coat, or None.

    Two coats are needed where opacities differ, or where they are so low that rounding errors add
    up.
    """
    opacity = int(edges[0, 3])
    return opacity if opacity >= FAINT and (edges[:, 3] == opacity).all() else None


def _describe_markers(
    shape: Any, sizes: np.ndarray, stroke: float
) -> list[tuple[Any, float, float]]:
    """Return shape, area and line width of each size, as plotnine passes them to `scatter`."""
    return [(shape, float((size + stroke) ** 2 * np.pi), stroke * SIZE_FACTOR) for size in sizes]


def _round_sizes(size: Aesthetic, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sizes that occur, and the number of each row's size, int32 (n_rows,)."""
    values = np.nan_to_num(np.array(size.values, dtype=float))
    if size.codes is None:
        return values, np.zeros(n_rows, dtype=np.int32)
    used, styles = np.unique(size.codes, return_inverse=True)
    # Different codes may stand for the same size.
    values, sizes = np.unique(values[used], return_inverse=True)
    styles = sizes[styles]
    if len(values) > MAX_SIZES:
        # Multiples of a power of two do not depend on the rows, so frames share their stamps. To
        # make stamps takes longer than to draw a frame.
        step = 2.0 ** np.ceil(np.log2(np.ptp(values) / (MAX_SIZES - 2)))
        multiples, nearest = np.unique(np.rint(values / step), return_inverse=True)
        return multiples * step, nearest[styles].astype(np.int32)
    return values, styles.astype(np.int32)


def _stack(stamps: list[np.ndarray]) -> np.ndarray:
    """Return stamps as one array, in which the smaller ones are padded on all sides."""
    if len(stamps) == 1:
        return stamps[0]
    side = max(stamp.shape[-1] for stamp in stamps)
    rims = [(side - stamp.shape[-1]) // 2 for stamp in stamps]
    padded = [
        np.pad(stamp, [(0, 0)] * 3 + [(rim, rim)] * 2)
        for stamp, rim in zip(stamps, rims, strict=True)
    ]
    return np.concatenate(padded)
