"""Painters of segments and text, which draw all rows of a layer through matplotlib at once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from matplotlib import rc_context
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox, IdentityTransform
from plotnine._utils import SIZE_FACTOR

from animated.plots.aesthetics import Aesthetic, paint
from animated.plots.layers import DRAWING, Painter, Panel
from animated.plots.tables import WORDS, Table, read_column

# Parameters of `geom_text` that ask for more than text in its place.
EXTRAS = ("parse", "adjust_text", "format_string", "path_effects")
# Its aesthetics besides colour and opacity, with the names that matplotlib gives them.
STYLES = {"angle": "rotation", "lineheight": "linespacing"} | {
    name: name for name in ("size", "ha", "va", "family", "fontweight", "fontstyle", "fontvariant")
}


class SegmentPainter(Painter):
    """Draws `geom_segment` without arrows."""

    positions = ("x", "y", "xend", "yend")
    aesthetics = ("color", "alpha", "size", "linetype")

    def prepare(self, table: Table) -> dict[str, Any]:
        """Return ends, colours and widths."""
        color, alpha, size, linetype = self.read(table)
        if linetype.values != ["solid"] or self.spec.geom.params.get("arrow"):
            # Agg starts the dashes where it clips a line, which is the edge of its canvas.
            raise NotImplementedError("it has dashes or arrows")
        if any(aesthetic.codes is not None for aesthetic in (color, alpha, size)):
            raise NotImplementedError("its groups are drawn one after the other")
        return {
            "parts": self.split(table, self.locate(table)),
            "color": paint(color, alpha, 1)[0] / 255,
            "linewidth": size.values[0] * SIZE_FACTOR,
        }

    def draw(self, canvas: np.ndarray, panel: Panel, ready: dict[str, Any]) -> None:
        """Draw the segments of a panel."""
        _, positions = ready["parts"][panel.number]
        x, y = panel.to_pixels(
            np.c_[positions["x"], positions["xend"]], np.c_[positions["y"], positions["yend"]]
        )
        kept = np.isfinite(x + y).all(axis=1)
        window = _find_window(x[kept], y[kept], ready["linewidth"] * panel.dpi / 72, panel.clip)
        if window is None:
            return
        left, _, _, bottom = window
        lines = LineCollection(
            [*np.stack([x[kept] - left, bottom - y[kept]], axis=-1)],
            edgecolor=ready["color"],
            linewidth=ready["linewidth"],
            capstyle=self.spec.geom.params.get("lineend"),
            transform=IdentityTransform(),
        )
        lines.set_figure(_get_figure(panel.dpi))
        _draw(canvas, window, [lines], panel.dpi)


class TextPainter(Painter):
    """Draws `geom_text` with words as labels."""

    aesthetics = ("color", "alpha", *STYLES)

    def prepare(self, table: Table) -> dict[str, Any]:
        """Return positions, words, colours and styles."""
        if any(self.spec.geom.params.get(name) for name in EXTRAS):
            raise NotImplementedError("its text is parsed, formatted, moved or decorated")
        words = self._read_words(table)
        color, alpha, *styles = self.read(table)
        n_rows = len(table)
        colors = paint(color, alpha, n_rows)
        if (colors[:, 3] != paint(Aesthetic(["black"], None), alpha, n_rows)[:, 3]).any():
            # plotnine combines it with that of the layer, but matplotlib ignores it in texts.
            raise NotImplementedError("its colours have an opacity of their own")
        return {
            "parts": self.split(table, self.locate(table)),
            "words": words.to_list(),
            "colors": colors / 255,
            "styles": [
                dict(zip(STYLES.values(), values, strict=True))
                for values in zip(*(_list(style, n_rows) for style in styles), strict=True)
            ],
        }

    def draw(self, canvas: np.ndarray, panel: Panel, ready: dict[str, Any]) -> None:
        """Draw the texts of a panel."""
        rows, positions = ready["parts"][panel.number]
        rows = np.arange(len(ready["words"]))[rows]
        x, y = panel.to_pixels(positions["x"], positions["y"])
        kept = np.isfinite(x + y)
        # The settings of the theme decide on fonts.
        with DRAWING, rc_context(self.plot.theme.rcParams):
            texts = [
                Text(0, 0, ready["words"][row], color=ready["colors"][row], **ready["styles"][row])
                for row in rows[kept]
            ]
            _draw_texts(canvas, texts, x[kept], y[kept], panel)

    def _read_words(self, table: Table) -> pl.Series:
        """Return the words to write, provided that texts are drawn in the order of their rows."""
        if "label" not in self.mapping:
            raise NotImplementedError("it has one label for all rows")
        words = read_column(table, self.mapping["label"])
        if words.dtype not in WORDS:
            raise NotImplementedError("its labels are not words")
        names = [name for aesthetic, name in self.mapping.items() if aesthetic != "label"]
        if any(read_column(table, name).dtype in WORDS for name in names):
            raise NotImplementedError("its groups are drawn one after the other")
        return words.cast(pl.String)


def _list(aesthetic: Aesthetic, n_rows: int) -> list[Any]:
    """Return the value of each row as a list."""
    values, codes = aesthetic
    return values * n_rows if codes is None else [values[code] for code in codes]


def _draw_texts(
    canvas: np.ndarray, texts: list[Text], x: np.ndarray, y: np.ndarray, panel: Panel
) -> None:
    """Draw texts at positions in pixels from the left and from the top."""
    figure = _get_figure(panel.dpi)
    measuring = RendererAgg(1, 1, panel.dpi)
    boxes = []
    for text, across, down in zip(texts, x, y, strict=True):
        text.set_figure(figure)
        text.set_transform(IdentityTransform())
        text.set_position((across, -down))
        boxes.append(text.get_window_extent(measuring))
    if not boxes:
        return
    box = Bbox.union(boxes)
    window = _find_window(np.array(box.intervalx), -np.array(box.intervaly), 1, panel.clip)
    if window is None:
        return
    left, _, _, bottom = window
    for text, across, down in zip(texts, x, y, strict=True):
        text.set_position((across - left, bottom - down))
    _draw(canvas, window, texts, panel.dpi)


def _draw(
    canvas: np.ndarray,
    window: tuple[int, int, int, int],
    artists: Sequence[LineCollection | Text],
    dpi: float,
) -> None:
    """Draw artists on a canvas; their pixels are counted from the lower left of the window."""
    from animated.plots.raster import lay_over  # loads numba

    left, top, right, bottom = window
    renderer = RendererAgg(right - left, bottom - top, dpi)
    for artist in artists:
        artist.draw(renderer)
    lay_over(canvas[top:bottom, left:right], np.asarray(renderer.buffer_rgba()))


def _find_window(
    x: np.ndarray, y: np.ndarray, margin: float, clip: np.ndarray
) -> tuple[int, int, int, int] | None:
    """Return the left, top, right and bottom of the pixels to draw in, or None if there are none.

    x, y: the extremes of what is drawn, in pixels from the left and from the top.
    margin: how far it reaches beyond them.
    """
    if not x.size:
        return None
    low = np.floor([x.min() - margin, y.min() - margin]).astype(int) - 1
    high = np.ceil([x.max() + margin, y.max() + margin]).astype(int) + 1
    (left, top), (right, bottom) = np.maximum(low, clip[:2]), np.minimum(high, clip[2:])
    return (left, top, right, bottom) if left < right and top < bottom else None


@lru_cache(maxsize=8)
def _get_figure(dpi: float) -> Figure:
    """Return an empty figure, which an artist asks for its resolution."""
    return Figure(dpi=dpi)
