"""One frame: the fingerprint of its plots, and the pixels if they have to be drawn."""

from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import cloudpickle
import numpy as np
from PIL import Image
from plotnine import ggplot
from zlib_ng import zlib_ng

from animated.plots.fingerprints import hash_picture, join_hashes
from animated.plots.fonts import explaining_fonts, hash_fonts
from animated.plots.stages import Stage, find_stage
from animated.plots.templates import Filled, Template
from animated.video.combine import combine_plots
from animated.video.png import LEVEL, encode_png


class Drawn(NamedTuple):
    """A new frame: its pixels, uint8 (height, width, 3), and its PNG if one is to be written."""

    pixels: np.ndarray
    png: bytes | None


class Recipe:
    """How to draw the frames of a movie, in this process or in another."""

    def __init__(self, plot_frame: Callable[[int], list[Any]], orientation: str, with_png: bool):
        """Draw the plots that `plot_frame` returns, and encode them as PNG if `with_png`."""
        self.ingredients = (plot_frame, orientation, with_png)

    @cached_property
    def pickled(self) -> bytes:
        """The ingredients, pickled once for all tasks: a notebook's function brings its data."""
        return zlib_ng.compress(cloudpickle.dumps(self.ingredients), LEVEL)

    def __reduce__(self) -> tuple:
        """Return how to restore the recipe from what is pickled already."""
        return _load, (self.pickled,)

    def draw_task(self, task: list[tuple[int, str | None]]) -> list[Drawn | None]:
        """Draw the frames of some epochs, except those that have not changed, which are None.

        task: epochs with the fingerprints of the frames on disk, None where there is none.
        """
        return [self._draw_changed(epoch, known) for epoch, known in task]

    def draw_frame(self, epoch: int) -> np.ndarray:
        """Return the pixels of a frame, uint8 (height, width, 3)."""
        plot_frame, orientation, _ = self.ingredients
        with explaining_fonts():
            return _draw_parts([_to_part(figure) for figure in plot_frame(epoch)], orientation)

    def _draw_changed(self, epoch: int, known: str | None) -> Drawn | None:
        plot_frame, orientation, with_png = self.ingredients
        with explaining_fonts():
            parts = [_to_part(figure) for figure in plot_frame(epoch)]
            fingerprint = _hash_parts(parts, orientation)
            if fingerprint == known:
                return None
            pixels = _draw_parts(parts, orientation)
        return Drawn(pixels, encode_png(pixels, fingerprint) if with_png else None)


@lru_cache(maxsize=2)
def _load(pickled: bytes) -> Recipe:
    return Recipe(*cloudpickle.loads(zlib_ng.decompress(pickled)))


class _Picture:
    """A figure other than a plotnine plot, which is drawn by `combine_plots`."""

    def __init__(self, figure: Any):
        self.image = combine_plots([figure])
        self.fingerprint = hash_picture(np.asarray(self.image))


def _to_part(figure: Any) -> Filled | _Picture:
    if isinstance(figure, ggplot):
        return Template(figure).fill()
    return figure if isinstance(figure, Filled) else _Picture(figure)


def _hash_parts(parts: list[Filled | _Picture], orientation: str) -> str:
    fonts = [hash_fonts(part.template) for part in parts if isinstance(part, Filled)]
    return join_hashes([orientation, *(part.fingerprint for part in parts), *fonts])


def _draw_parts(parts: list[Filled | _Picture], orientation: str) -> np.ndarray:
    """Return the frame that `combine_plots` would make."""
    stages = [find_stage(part) if isinstance(part, Filled) else part for part in parts]
    canvas = _get_background(tuple(stages), orientation).copy()
    boxes = _find_boxes([stage.image for stage in stages], canvas, orientation)
    for part, stage, box in zip(parts, stages, boxes, strict=True):
        if isinstance(part, Filled) and isinstance(stage, Stage):
            stage.draw(canvas[box], part)
    return canvas


@lru_cache(maxsize=4)
def _get_background(stages: tuple[Stage | _Picture, ...], orientation: str) -> np.ndarray:
    return np.asarray(combine_plots([stage.image for stage in stages], orientation=orientation))


def _find_boxes(
    images: list[Image.Image], canvas: np.ndarray, orientation: str
) -> Iterator[tuple[slice, slice]]:
    """Yield the rows and columns of the canvas where `combine_plots` puts each picture."""
    along = 0 if orientation == "horizontal" else 1
    across = 1 - along
    corner = [0, 0]
    for image in images:
        corner[across] = (canvas.shape[along] - image.size[across]) // 2
        left, top = corner
        yield slice(top, top + image.height), slice(left, left + image.width)
        corner[along] += image.size[along]
