"""A run as a camera sees it that keeps the layout in the middle, and always as large.

In a store one scale holds for all epochs, so that nothing zooms while it moves. But a layout may
grow a hundredfold: what would be a dot for half of its run is worth a closer look.
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
    """The layouts of a run, moved and scaled to fill the unit square, or cube.

        view = View("data/tsne.parquet")
        view.read(2.5)

    centres: float64 (n_epochs + 1, n_components), the mean of the points at each epoch.
    radii: float64 (n_epochs + 1,), how much of the store the camera sees around it.
    movements: float64 (n_epochs,), how far points move in each step, as shares of the picture;
        `animated.motion.timing.by_movement` takes them.
    """

    def __init__(self, path: str | Path, smooth: int = 2):
        """Measure all epochs of the store at `path`, which must be 0 to n without gaps.

        smooth: over how many epochs, before and after, the camera takes its time to come nearer or
            to draw back; 0 or more.
        Raises FileNotFoundError when there is no store, ValueError for gaps or another number.
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
        self.centres, own = np.array(centres), np.array(radii)
        own[own == 0] = 1.0  # all points in one place
        # The mean of the largest around an epoch is never less than its own; the geometric mean,
        # as to come nearer is a matter of ratios.
        largest = maximum_filter1d(own, 2 * smooth + 1, mode="nearest")
        self.radii = np.exp(uniform_filter1d(np.log(largest), 2 * smooth + 1, mode="nearest"))
        self.movements = np.array(moved) / (2 * self.radii[1:])

    def read(self, time: float) -> pl.DataFrame:
        """Return the layout at a time, see `animated.motion.timing.read_moment`.

        Positions are f64, within 0.5 of the middle of the unit square or cube.
        Raises ValueError when the time is not one of the run.
        """
        table = read_moment(self.path, time)
        radius = self._interpolate(self.radii, time)
        columns = {}
        for axis, centre in zip(AXES, self.centres.T, strict=False):
            offset = pl.col(axis) - self._interpolate(centre, time)
            # A rounding error must not take a point beyond the limits of a scale.
            columns[axis] = (0.5 + offset / (2 * radius)).clip(0, 1)
        return table.with_columns(**columns)

    def _interpolate(self, values: np.ndarray, time: float) -> float:
        return float(np.interp(time, np.arange(len(values)), values))


def _count_epochs(path: str | Path) -> int:
    epochs = list_epochs(path)
    n_epochs, last = len(epochs), epochs[-1]
    if n_epochs != last + 1:
        raise ValueError(f"{path} must hold all epochs from 0 to {last}, got {n_epochs} of them")
    return n_epochs
