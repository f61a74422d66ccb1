"""Stamps: how much of each pixel a marker covers, as matplotlib's Agg renderer draws it."""

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform

# A marker is drawn at this many positions within a pixel, across as well as down.
POSITIONS = 16


@lru_cache(maxsize=256)
def make_stamps(shape: str, area: float, linewidth: float, dpi: float) -> np.ndarray:
    """Return how much of each pixel a marker covers, for every position within a pixel.

    shape: a marker that matplotlib knows, such as "o".
    area, linewidth: the values that `Axes.scatter` takes, in square points and in points.

    Returns read-only uint8 (2, POSITIONS down, POSITIONS across, k, k): the coverage by the face,
    then by the edge of the marker, 255 where it covers a pixel completely. The marker lies in the
    middle pixel. Agg itself draws it, so nothing but the position is rounded.
    """
    marker = MarkerStyle(shape)
    path = marker.get_path().transformed(marker.get_transform())
    is_empty = np.size(path.vertices) == 0
    radius = 0 if is_empty else np.abs(path.get_extents().get_points()).max()
    reach = int(np.ceil((np.sqrt(area) * radius + linewidth) * dpi / 72)) + 1
    side = 2 * reach + 1
    steps = np.arange(POSITIONS)
    centres = steps * side + reach + (steps + 0.5) / POSITIONS
    across, down = np.meshgrid(centres, centres)
    # matplotlib counts pixels from the bottom.
    offsets = np.c_[across.ravel(), POSITIONS * side - down.ravel()]
    coats = (
        {"facecolors": "white", "edgecolors": "none"},
        {"facecolors": "none", "edgecolors": "white", "linewidths": linewidth},
    )
    sheets = np.array([_draw_markers(path, offsets, area, dpi, **coat) for coat in coats])
    grid = sheets.reshape(2, POSITIONS, side, POSITIONS, side)
    stamps = _trim(grid.swapaxes(2, 3))
    stamps.flags.writeable = False
    return stamps


@lru_cache(maxsize=256)
def make_solid_stamps(
    shape: str, area: float, linewidth: float, dpi: float, opacity: int
) -> np.ndarray:
    """Return `make_stamps` with face and edge merged into one coat of the same colour, (1, ...).

    opacity: the opacity of that colour, 0 to 255.
    """
    face, edge = make_stamps(shape, area, linewidth, dpi) * (opacity / 255**2)
    stamps = np.rint((face + edge - face * edge) * 255).astype(np.uint8)[None]
    stamps.flags.writeable = False
    return stamps


def _trim(stamps: np.ndarray) -> np.ndarray:
    """Return a copy without the rim that the marker does not reach from any position."""
    used = np.asarray(stamps.any(axis=(0, 1, 2)))
    columns = np.flatnonzero((used | used.T | used[::-1] | used[:, ::-1]).any(axis=0))
    side = stamps.shape[-1]
    rim = columns[0] if len(columns) else 0
    return stamps[..., rim : side - rim, rim : side - rim].copy()


def _draw_markers(
    path: Path, offsets: np.ndarray, area: float, dpi: float, **style: Any
) -> np.ndarray:
    """Return the coverage, uint8 (k, k), of a square canvas that holds a marker at each offset."""
    size = int(np.ceil(offsets.max() + offsets.min()))
    renderer = RendererAgg(size, size, dpi)
    # plotnine passes a size for each marker. Given a single size, Agg would snap them to pixels.
    areas = np.full(len(offsets), area)
    collection = PathCollection(
        [path], areas, offsets=offsets, offset_transform=IdentityTransform(), **style
    )
    collection.set_transform(IdentityTransform())
    collection.set_figure(Figure(dpi=dpi))
    collection.draw(renderer)
    return np.asarray(renderer.buffer_rgba())[..., 3].copy()
