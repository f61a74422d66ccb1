"""A plot as plotnine draws it once, and between its parts the layers drawn again for every epoch.

plotnine draws title, axes, legend and everything else that stays. The picture below a moving layer
and the picture above it are stored separately, and the layer is drawn between them: points,
segments, text and tiles by painters of our own, any other layer by plotnine on the existing axes.
"""

import copy
import itertools
import warnings
from collections import OrderedDict
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from PIL import Image
from plotnine import ggplot

from animated.plots.fingerprints import join_hashes
from animated.plots.layers import DRAWING, Painter, Panel
from animated.plots.painters import make_painter
from animated.plots.ranges import describe, find_moving, make_sparse_plot
from animated.plots.templates import Filled

# As many plots stay in memory as a frame is likely to have, and some more.
MAX_STAGES = 16


class Stage:
    """A plot as plotnine draws it without its moving layers, and the painters of those.

    image: the picture below the lowest moving layer, from which a frame starts.
    """

    def __init__(self, filled: Filled, moving: list[int]):
        """Let plotnine draw the plot without the layers whose numbers are in `moving`."""
        plot = make_sparse_plot(filled, moving)
        gaps: list[_Gap] = []
        for number in moving:
            plot.layers[number].geom.draw_layer = partial(_leave_out, gaps, number)
        last = _draw(plot)
        gaps.sort(key=lambda gap: gap.turn)
        pictures = [*(gap.below for gap in gaps), last]
        self.image = Image.fromarray(pictures[0])
        # The gaps from bottom to top, and the picture above each.
        self.gaps = [(gap.layer_number, gap.panel) for gap in gaps]
        self.overlays = [_crop(picture) for picture in pictures[1:]]
        self.painters = _make_painters(plot, filled, moving)

    def draw(self, canvas: np.ndarray, filled: Filled) -> None:
        """Draw the moving layers on a canvas, uint8 (height, width, 3), that shows `image`."""
        from animated.plots.raster import lay_over  # loads numba

        ready = {
            number: painter.prepare(filled.get_table(number))
            for number, painter in self.painters.items()
        }
        for (number, panel), overlay in zip(self.gaps, self.overlays, strict=True):
            self.painters[number].draw(canvas, panel, ready[number])
            if overlay is not None:
                (top, left), picture = overlay
                height, width, _ = picture.shape
                lay_over(canvas[top : top + height, left : left + width], picture)


class _Gap(Artist):
    """Stands in for a moving layer in a panel: stores the picture below, and clears the canvas."""

    turns = itertools.count()

    def __init__(self, layer_number: int, panel_number: int):
        super().__init__()
        self.layer_number = layer_number
        self.panel_number = panel_number
        self.zorder = layer_number + 1

    def draw(self, renderer: RendererBase) -> None:
        if not isinstance(renderer, RendererAgg):
            return
        self.turn = next(self.turns)
        self.below = np.array(renderer.buffer_rgba())
        renderer.clear()
        axes: Any = self.axes
        clip: Any = self.get_clip_box()
        if not axes.transData.is_affine:
            raise NotImplementedError("axes that are not straight")
        left, bottom, right, top = np.floor(np.array(clip.extents) + 0.5).astype(int)
        height, width, _ = self.below.shape
        edges = [
            max(left, 0), max(height - top, 0), min(right, width), min(height - bottom, height),
        ]  # fmt: skip
        matrix = axes.transData.get_matrix().copy()
        size = (width, height)
        self.panel = Panel(self.panel_number, matrix, np.array(edges), size, renderer.dpi)


def find_stage(filled: Filled) -> Stage:
    """Return the stage on which a plot is drawn, an earlier one where possible.

    Plots share a stage when they differ only in the data of moving layers, and no scale learns
    anything else from these. Warns when plots that look alike need a new stage again and again.
    """
    moving = find_moving(filled)
    parts = describe(filled, moving)
    key = join_hashes([repr(parts)])
    with DRAWING:
        if key not in _stages:
            _warn_of_new_stage(parts)
            _stages[key] = Stage(filled, moving), parts
        _stages.move_to_end(key)
        while len(_stages) > MAX_STAGES:
            _stages.popitem(last=False)
        return _stages[key][0]


def forget_stages() -> None:
    """Free the memory of all stages; the next frame of each plot starts with a new one."""
    with DRAWING:
        _stages.clear()


_stages: OrderedDict[str, tuple[Stage, dict[str, Any]]] = OrderedDict()


def _warn_of_new_stage(parts: dict[str, Any]) -> None:
    """Say why plotnine draws a plot again that resembles an earlier one."""
    alike = [other for _, other in _stages.values() if other["plot"] == parts["plot"]]
    if alike:
        changed = [name for name, part in parts.items() if part != alike[-1].get(name)]
        reason = f"{' and '.join(changed)} changed; set limits on scales to prevent this"
    elif len(_stages) == MAX_STAGES:
        reason = "plots differ in more than their data, for example in a title"
    else:
        return
    warnings.warn(
        f"plotnine draws a plot anew, which is slow if it happens in every epoch: {reason}",
        stacklevel=2,
    )


def _make_painters(plot: ggplot, filled: Filled, moving: list[int]) -> dict[int, Painter]:
    """Return a painter for each moving layer, by its number."""
    specs: list[Any] = copy.deepcopy(filled.template.plot.layers)
    painters = {}
    for number in moving:
        specs[number].zorder = number + 1
        painters[number] = make_painter(plot, specs[number], filled.get_table(number))
    return painters


def _leave_out(gaps: list[_Gap], number: int, data: pd.DataFrame, layout: Any, coord: Any) -> None:
    """Replace `geom.draw_layer`: leave a gap in each panel instead of drawing."""
    for panel, ax in enumerate(layout.axs):
        gap = _Gap(number, panel)
        ax.add_artist(gap)
        gaps.append(gap)


def _crop(picture: np.ndarray) -> tuple[tuple[int, int], np.ndarray] | None:
    """Return the upper left corner of the opaque part of a picture, and that part."""
    rows, columns = (np.flatnonzero(picture[..., 3].any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    (top, bottom), (left, right) = rows[[0, -1]], columns[[0, -1]]
    return (top, left), picture[top : bottom + 1, left : right + 1].copy()


def _draw(plot: ggplot) -> np.ndarray:
    """Draw a plot as `ggplot.save` does, and return its pixels, uint8 (height, width, 4)."""
    buffer = BytesIO()
    with warnings.catch_warnings(action="ignore"):  # about missing rows: the plot is sparse
        figure = plot.draw()
        with rc_context(plot.theme.rcParams):
            figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer).convert("RGBA"))
