"""When to show what: the time of each frame, and the embedding at any time between two epochs.

Times are measured in epochs: 0 is the first embedding of a run, and 2.5 is halfway between those
of epochs 2 and 3.
"""

from collections.abc import Callable
from math import floor
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs

from animated.geometry import distances_moved
from animated.progress import track
from animated.runs.schema import get_axes
from animated.runs.store import find_last_epoch, read_epoch, read_positions
from animated.validation import check_integer


def by_epoch(n_epochs: int, n_frames: int) -> np.ndarray:
    """Return equally spaced times from 0 to `n_epochs`, float64 (n_frames,).

    n_epochs: the number of the last epoch, 1 or more.
    n_frames: 2 or more.
    Raises ValueError when a number is out of range.
    """
    check_integer("n_epochs", n_epochs, 1)
    check_integer("n_frames", n_frames, 2)
    return np.linspace(0, n_epochs, n_frames)


def by_movement(displacements: np.ndarray, n_frames: int, share: float = 1.0) -> np.ndarray:
    """Return times between which the points move equally far, float64 (n_frames,).

        times = by_movement(measure_displacements("data/epochs.parquet"), 300)

    A violent start becomes slow enough to follow, and a quiet end does not drag.

    displacements: (n_epochs,), the distance that the points move in each step, in any unit, see
        `measure_displacements`. If nothing moves at all, the times are those of `by_epoch`.
    n_frames: 2 or more.
    share: the weight of movement against that of time, from 0 to 1. With 1, frames are equally far
        apart in movement; with 0, in time.

    Returns times that increase strictly from exactly 0 to exactly n_epochs.
    Raises ValueError when displacements are empty, negative or not finite, when there are fewer
    than two frames, or when `share` is not between 0 and 1.
    """
    displacements = _check_displacements(displacements)
    check_integer("n_frames", n_frames, 2)
    if not 0 <= share <= 1:
        raise ValueError(f"share must be between 0 and 1, got {share!r}")
    epochs = np.arange(len(displacements) + 1)
    passed = share * _accumulate(displacements) + (1 - share) * epochs / epochs[-1]
    times = np.interp(np.linspace(0, 1, n_frames), passed, epochs)
    # Where nothing moves at an end of the run, interpolation may return any time there.
    times[[0, -1]] = 0, epochs[-1]
    return times


def ease(t: float | np.ndarray) -> float | np.ndarray:
    """Return the progress, from 0 to 1, of a movement that starts and stops gently.

        ease(0.5)  # 0.5

    t: the share of its time that has passed; values outside [0, 1] are clipped.
    The progress is t² (3 - 2 t), whose speed is 0 at both ends.
    """
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3 - 2 * t)


def read_moment(path: str | Path, time: float) -> pl.DataFrame:
    """Return the embedding of the store at `path` at any time, interpolated between epochs.

    Points move in a straight line from one epoch to the next; at a whole number they are exactly
    those of the epoch.

    Returns a table with the columns of the store; positions are f64, and so is `epoch`, the time.
    Raises ValueError when the time is not between the first and the last epoch.
    """
    if not 0 <= time < float("inf"):
        raise ValueError(f"time must be a number of epochs of at least 0, got {time!r}")
    before = floor(time)
    table = _read_exactly(path, before)
    if time > before:
        after = _read_exactly(path, before + 1)
        table = table.with_columns(
            table[axis] + (after[axis] - table[axis]) * (time - before)
            for axis in get_axes(table.columns)
        )
    return table.with_columns(epoch=pl.lit(float(time)))


def measure_displacements(
    path: str | Path, average: Callable[[np.ndarray], float] = np.mean
) -> np.ndarray:
    """Return the average distance that the points of the store at `path` move in each step.

        measure_displacements("data/epochs.parquet", np.median)

    average: takes the distances that the points have moved, float64 (n_samples,), and returns
        their average. Unlike `np.mean`, `np.median` is not swayed by a few points that jump.

    Returns float64 (n_epochs,), in widths of the picture. The first entry is the average distance
    from the points at epoch 0 to the same points at epoch 1. No more than two epochs are in memory.
    Raises FileNotFoundError when there is no store, and TypeError when `average` is not a function.
    """
    if not callable(average):
        raise TypeError(f"average must be a function such as np.median, got {average!r}")
    last = find_last_epoch(path)
    embeddings = (read_positions(path, epoch) for epoch in range(last + 1))
    before = next(embeddings)
    displacements = np.empty(last)
    for step, after in enumerate(track(embeddings, "Measuring", last, "epoch")):
        displacements[step] = average(distances_moved(before, after))
        before = after
    return displacements


def _read_exactly(path: str | Path, epoch: int) -> pl.DataFrame:
    """Return an epoch with positions as f64, so that interpolation does not round them."""
    return read_epoch(path, epoch).with_columns(cs.by_dtype(pl.Float32).cast(pl.Float64))


def _accumulate(displacements: np.ndarray) -> np.ndarray:
    """Return the share of all movement that has happened by each epoch, (n_epochs + 1,)."""
    moved = np.concatenate([[0.0], displacements.cumsum()])
    return moved / moved[-1] if moved[-1] > 0 else np.linspace(0, 1, len(moved))


def _check_displacements(displacements: np.ndarray) -> np.ndarray:
    displacements = np.asarray(displacements, dtype=np.float64)
    if displacements.ndim != 1 or not len(displacements):
        raise ValueError(f"displacements must have shape (n_epochs,), got {displacements.shape}")
    bad = displacements[~(np.isfinite(displacements) & (displacements >= 0))]
    if len(bad):
        raise ValueError(f"displacements must be finite and at least 0, got {bad[0]}")
    return displacements
