"""View a run through a camera that keeps the embedding centred and at constant size.

A store has one scale for all epochs, so that nothing zooms while points move. But an embedding may
grow a hundredfold, and would then be a dot for half of its run.
"""

from pathlib import Path

import numpy as np
import polars as pl
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from animated.geometry import mean_displacement
from animated.motion.timing import read_moment
from animated.progress import track
from animated.runs.schema import AXES
from animated.runs.store import list_epochs, read_positions
from animated.validation import check_integer


class View:
    """The embeddings of a run, moved and scaled to fill the unit square, or cube.

        view = View("data/tsne.parquet")
        view.read(2.5)

    centres: float64 (n_epochs + 1, n_components), the mean of the points at each epoch.
    radii: float64 (n_epochs + 1,), the radius of the visible region around it, in units of the
        store.
    movements: float64 (n_epochs,), the mean distance that points move in each step, in widths of
        the picture; `animated.motion.timing.by_movement` takes them.
    """

    def __init__(self, path: str | Path, smooth: int = 2):
        """Measure all epochs of the store at `path`, which must be 0 to n without gaps.

        smooth: the number of epochs before and after over which zooming is smoothed, 0 or more.
        Raises FileNotFoundError when there is no store, and ValueError when it has gaps or
        `smooth` is out of range.
        """
        check_integer("smooth", smooth, 0)
        self.path = path
        epochs = range(_count_epochs(path))
        centres, radii, moved, before = [], [], [], None
        for epoch in track(epochs, "Viewing", unit="epoch"):
            positions = read_positions(path, epoch)
            centres.append(positions.mean(axis=0))
            radii.append(np.linalg.norm(positions - centres[-1], axis=1).max())
            if before is not None:
                moved.append(mean_displacement(before, positions))
            before = positions
        self.centres = np.array(centres)
        self.radii = _smooth(np.array(radii), 2 * smooth + 1)
        self.movements = np.array(moved) / (2 * self.radii[1:])

    def read(self, time: float) -> pl.DataFrame:
        """Return the embedding at a time, see `animated.motion.timing.read_moment`.

        Positions are f64, within 0.5 of the centre of the unit square or cube.
        Raises ValueError when the time is not between the first and the last epoch.
        """
        table = read_moment(self.path, time)
        radius = self._interpolate(self.radii, time)
        columns = {}
        for axis, centre in zip(AXES, self.centres.T, strict=False):
            offset = pl.col(axis) - self._interpolate(centre, time)
            # Rounding must not take a point beyond the limits of a scale.
            columns[axis] = (0.5 + offset / (2 * radius)).clip(0, 1)
        return table.with_columns(**columns)

    def _interpolate(self, values: np.ndarray, time: float) -> float:
        return float(np.interp(time, np.arange(len(values)), values))


def _smooth(radii: np.ndarray, width: int) -> np.ndarray:
    """Return radii smoothed over windows of `width` epochs, none smaller than before."""
    radii = np.where(radii == 0, 1.0, radii)  # all points coincide
    # The mean over the largest radius of each window is never less than the radius itself. It is
    # the geometric mean, because zooming is a matter of ratios.
    largest = maximum_filter1d(radii, width, mode="nearest")
    return np.exp(uniform_filter1d(np.log(largest), width, mode="nearest"))


def _count_epochs(path: str | Path) -> int:
    epochs = list_epochs(path)
    n_epochs, last = len(epochs), epochs[-1]
    if n_epochs != last + 1:
        raise ValueError(f"{path} must hold all epochs from 0 to {last}, got {n_epochs} of them")
    return n_epochs
