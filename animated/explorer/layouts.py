"""Where the layouts of a page come from: arrays, tables, epoch stores and runs."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from animated.runs.run import Run
from animated.runs.schema import AXES, get_axes
from animated.runs.store import read_positions, scan
from animated.validation import check_integer, is_integer

# A store rounds its positions, which may take one a little beyond the unit square.
SLACK = 1e-3


class Layout(NamedTuple):
    """A layout of `size` points, and how it came about.

    n_axes: 2 or 3.
    epochs: those that are kept, ascending; none of a layout that was given without epochs.
    is_thinned: whether there are epochs that are not kept.
    read: returns the positions at an epoch, float64 (size, n_axes) in [0, 1]; for None those of
        a layout that was given without epochs.
    """

    name: str
    size: int
    n_axes: int
    epochs: list[int]
    is_thinned: bool
    read: Callable[[int | None], np.ndarray]

    def read_last(self) -> np.ndarray:
        """Return the positions at the last epoch, float64 (size, n_axes) in [0, 1]."""
        return self.read(self.epochs[-1] if self.epochs else None)


def open_layouts(
    layouts: Mapping[str, Any], epochs: int | Iterable[int] | None = None
) -> list[Layout]:
    """Return what the values of `layouts` hold, under their names.

    layouts, epochs: see `animated.explorer.export`.

    Raises TypeError when `layouts` does not map text to layouts, FileNotFoundError when there is
    no store, and ValueError when there are no layouts, for other shapes than (n, 2) and (n, 3),
    different numbers of points, positions that are not finite, and epochs that no store has.
    """
    _check_names(layouts)
    wanted = _check_epochs(epochs)
    opened = [_open(name, source, wanted) for name, source in layouts.items()]
    first = opened[0]
    for layout in opened:
        if layout.size != first.size:
            raise ValueError(
                f"layout {layout.name!r} must have {first.size} points like {first.name!r}, "
                f"got {layout.size}"
            )
    if isinstance(wanted, list):
        _check_known(wanted, opened)
    return opened


def _check_names(layouts: Mapping[str, Any]) -> None:
    if not isinstance(layouts, Mapping):
        raise TypeError(f"layouts must map names to layouts, got {type(layouts).__name__}")
    if not layouts:
        raise ValueError("layouts must have at least one layout, got none")
    for name in layouts:
        if not isinstance(name, str):
            raise TypeError(f"the name of a layout must be text, got {name!r}")


def _check_epochs(epochs: Any) -> int | list[int] | None:
    if is_integer(epochs):
        check_integer("epochs", epochs, 1)
        return int(epochs)
    if epochs is None:
        return None
    wanted = list(epochs) if isinstance(epochs, Iterable) else [epochs]
    if not all(map(is_integer, wanted)):
        allowed = "None, an integer of at least 1 or a sequence of epochs"
        raise TypeError(f"epochs must be {allowed}, got {epochs!r}")
    return [int(epoch) for epoch in wanted]


def _check_known(wanted: list[int], layouts: list[Layout]) -> None:
    """Raise ValueError when no layout has one of the epochs that it was opened with."""
    unknown = set(wanted).difference(*(layout.epochs for layout in layouts))
    if unknown:
        raise ValueError(f"epochs must be of those in the stores, got {min(unknown)}")


def _open(name: str, source: Any, epochs: int | list[int] | None) -> Layout:
    if isinstance(source, Run):
        source = source.path
    if isinstance(source, str | Path):
        return _open_store(name, source, epochs)
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        source = source.select(_find_axes(name, source.columns)).to_numpy()
    return _open_array(name, source)


def _find_axes(name: str, columns: list[str]) -> list[str]:
    axes = get_axes(columns)
    if axes not in (list(AXES[:2]), list(AXES)):
        got = ", ".join(columns[:5]) or "none"
        raise ValueError(f"layout {name!r} must have columns x, y and perhaps z, got {got}")
    return axes


def _open_array(name: str, source: Any) -> Layout:
    try:
        array = np.asarray(source)
    except ValueError:
        shape = "rows of 2 or of 3 numbers, all as long"
        raise ValueError(f"layout {name!r} must have {shape}, got others") from None
    if array.ndim != 2 or array.shape[1] not in (2, 3):
        raise ValueError(f"layout {name!r} must have shape (n, 2) or (n, 3), got {array.shape}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"layout {name!r} must hold real numbers, got {array.dtype}")
    positions = array.astype(np.float64)
    _check_finite(name, int((~np.isfinite(positions)).any(axis=1).sum()))
    positions = _normalise(positions)
    return Layout(name, *array.shape, [], False, lambda epoch: positions)


def _check_finite(name: str, n_bad: int) -> None:
    if n_bad:
        raise ValueError(f"layout {name!r} must be finite, got {n_bad} rows not so")


def _normalise(positions: np.ndarray) -> np.ndarray:
    """Return positions moved and scaled into [0, 1], by one scale for all axes."""
    if not len(positions):
        return positions
    # Halves, as the whole extent of the largest numbers would be infinite.
    low, high = positions.min(axis=0) / 2, positions.max(axis=0) / 2
    half = (high - low).max() or 1.0
    return 0.5 + (positions / 2 - (low + high) / 2) / half


def _open_store(name: str, path: str | Path, epochs: int | list[int] | None) -> Layout:
    columns = scan(path).collect_schema().names()
    axes = _find_axes(name, columns)
    if "epoch" not in columns:
        raise ValueError(f"store {name!r} must have a column epoch, got {', '.join(columns)}")
    table = _measure(path, axes)
    _check_finite(name, table["bad"].sum())
    if table["size"].n_unique() != 1:
        raise ValueError(f"layout {name!r} must have as many points at each of its epochs")
    low, high = table["low"].min(), table["high"].max()
    if low < -SLACK or high > 1 + SLACK:
        raise ValueError(f"positions of store {name!r} must be in [0, 1], got {low} to {high}")
    known = table["epoch"].to_list()
    kept = _choose(known, epochs)
    read = partial(_read_clipped, path)
    return Layout(name, table["size"][0], len(axes), kept, kept != known, read)


def _measure(path: str | Path, axes: list[str]) -> pl.DataFrame:
    """Return for each epoch of a store how many points it has and where they are."""
    is_bad = ~pl.all_horizontal(pl.col(axes).is_finite().fill_null(False))
    return (
        scan(path)
        .group_by("epoch")
        .agg(
            size=pl.len(),
            bad=is_bad.sum(),
            low=pl.min_horizontal(pl.col(axes).min()),
            high=pl.max_horizontal(pl.col(axes).max()),
        )
        .sort("epoch")
        .collect()
    )


def _choose(known: list[int], epochs: int | list[int] | None) -> list[int]:
    """Return those of the `known` epochs to keep, the last one always."""
    if epochs is None:
        return known
    chosen = known[::epochs] if isinstance(epochs, int) else set(epochs)
    return [epoch for epoch in known if epoch in {*chosen, known[-1]}]


def _read_clipped(path: str | Path, epoch: int) -> np.ndarray:
    return read_positions(path, epoch).clip(0, 1)
