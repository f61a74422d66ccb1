"""A plot as plotnine draws it once, and between its parts what is drawn again in every epoch.

plotnine draws title, axes, legend and whatever else stays. What lies below a layer that moves and
what lies above it are kept as two pictures, and the layer is drawn between them: points, segments
and tiles by painters of our own, any other layer by plotnine itself, on the axes that are there.
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
from matplotlib.backends.backend_agg import RendererAgg
from PIL import Image
from plotnine import ggplot

from animated.plots.fingerprints import join_hashes
from animated.plots.layers import DRAWING, Panel
from animated.plots.painters import make_painter
from animated.plots.ranges import describe, find_moving, make_sparse_plot
from animated.plots.raster import lay_over
from animated.plots.templates import Filled

# As many plots are kept as a frame is likely to have, and some more.
MAX_STAGES = 16


class Stage:
    """A plot as plotnine draws it without its moving layers, and what draws those."""

    def __init__(self, filled: Filled, moving: list[int]):
        """Let plotnine draw the plot, with `moving` the numbers of the layers that are left out."""
        plot, marks = make_sparse_plot(filled, moving), []
        for number in moving:
            plot.layers[number].geom.draw_layer = partial(_leave_out, marks, number)
        last = _draw(plot)
        marks.sort(key=lambda mark: mark.turn)
        first, *others = [*(mark.below for mark in marks), last]
        self.image = Image.fromarray(first)
        # What moves, from bottom to top, and what lies on it.
        self.moves = [(mark.layer_number, mark.panel) for mark in marks]
        self.overlays = [_crop(picture) for picture in others]
        specs = copy.deepcopy(filled.template.plot.layers)
        self.painters = {}
        for number in moving:
            specs[number].zorder = number + 1
            self.painters[number] = make_painter(plot, specs[number], filled.get_table(number))

    def draw(self, canvas: np.ndarray, filled: Filled) -> None:
        """Draw the layers that move on a canvas, uint8 (height, width, 3), that shows `image`."""
        ready = {
            number: painter.prepare(filled.get_table(number))
            for number, painter in self.painters.items()
        }
        for (number, panel), overlay in zip(self.moves, self.overlays, strict=True):
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
    moving = find_moving(filled)
    parts = describe(filled, moving)
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
