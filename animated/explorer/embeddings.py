"""Read the embeddings of a page from arrays, tables, epoch stores and runs."""

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

# Rounding in a store may move a position slightly out of the unit square.
SLACK = 1e-3


class Embedding(NamedTuple):
    """An embedding of `size` points, at one epoch or several.

    n_axes: 2 or 3.
    epochs: the epochs the page will have, ascending; empty for an embedding without epochs.
    is_thinned: whether the store has epochs that the page will not have.
    read: returns the positions at one of the epochs, float64 (size, n_axes) in [0, 1]; without
        epochs, the same positions for any number.
    """

    name: str
    size: int
    n_axes: int
    epochs: list[int]
    is_thinned: bool
    read: Callable[[int], np.ndarray]

    def read_last(self) -> np.ndarray:
        """Return the positions at the last epoch, float64 (size, n_axes) in [0, 1]."""
        return self.read(self.epochs[-1] if self.epochs else 0)


class Span(NamedTuple):
    """The number of points at one epoch of a store, and the range of their coordinates."""

    epoch: int
    size: int
    n_bad: int
    low: float
    high: float


def open_embeddings(
    embeddings: Mapping[str, Any], epochs: int | Iterable[int] | None = None
) -> list[Embedding]:
    """Return the embeddings that `embeddings` maps names to.

    embeddings, epochs: see `animated.explorer.export.export`.

    Raises TypeError unless `embeddings` maps text to embeddings, FileNotFoundError for a missing
    store, and ValueError if there are no embeddings, if an array has another shape than (n, 2) or
    (n, 3), if numbers of points differ, if positions are not finite, or if no store has an epoch.
    """
    _check_names(embeddings)
    wanted = _check_epochs(epochs)
    opened = [_open(name, source, wanted) for name, source in embeddings.items()]
    _check_sizes(opened)
    if isinstance(wanted, list):
        _check_known(wanted, opened)
    return opened


def _check_names(embeddings: Mapping[str, Any]) -> None:
    if not isinstance(embeddings, Mapping):
        kind = type(embeddings).__name__
        raise TypeError(f"embeddings must map names to embeddings, got {kind}")
    if not embeddings:
        raise ValueError("embeddings must have at least one embedding, got none")
    for name in embeddings:
        if not isinstance(name, str):
            raise TypeError(f"the name of an embedding must be text, got {name!r}")


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


def _check_sizes(embeddings: list[Embedding]) -> None:
    first = embeddings[0]
    for one in embeddings:
        if one.size != first.size:
            expected = f"{first.size} points like {first.name!r}"
            raise ValueError(f"embedding {one.name!r} must have {expected}, got {one.size}")


def _check_known(wanted: list[int], embeddings: list[Embedding]) -> None:
    """Raise ValueError for a wanted epoch that none of the embeddings has."""
    unknown = set(wanted).difference(*(one.epochs for one in embeddings))
    if unknown:
        raise ValueError(f"epochs must be in one of the stores, got {min(unknown)}")


def _open(name: str, source: Any, epochs: int | list[int] | None) -> Embedding:
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
        raise ValueError(f"embedding {name!r} must have columns x, y and optionally z, got {got}")
    return axes


def _open_array(name: str, source: Any) -> Embedding:
    try:
        array = np.asarray(source)
    except ValueError:
        expected = "rows of 2 or of 3 numbers, all of one length"
        raise ValueError(f"embedding {name!r} must have {expected}, got a ragged list") from None
    if array.ndim != 2 or array.shape[1] not in (2, 3):
        raise ValueError(f"embedding {name!r} must have shape (n, 2) or (n, 3), got {array.shape}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"embedding {name!r} must hold real numbers, got {array.dtype}")
    positions = array.astype(np.float64)
    _check_finite(name, int((~np.isfinite(positions)).any(axis=1).sum()))
    positions = _normalise(positions)
    size, n_axes = array.shape
    return Embedding(name, size, n_axes, [], False, lambda epoch: positions)


def _check_finite(name: str, n_bad: int) -> None:
    if n_bad:
        rows = "row" if n_bad == 1 else "rows"
        raise ValueError(f"embedding {name!r} must be finite, got {n_bad} {rows} with NaN or inf")


def _normalise(positions: np.ndarray) -> np.ndarray:
    """Return positions moved and scaled into [0, 1], by one scale for all axes."""
    if not len(positions):
        return positions
    # Halved, as the full extent of very large numbers would overflow.
    low, high = positions.min(axis=0) / 2, positions.max(axis=0) / 2
    half = (high - low).max() or 1.0
    return 0.5 + (positions / 2 - (low + high) / 2) / half


def _open_store(name: str, path: str | Path, epochs: int | list[int] | None) -> Embedding:
    columns = scan(path).collect_schema().names()
    axes = _find_axes(name, columns)
    if "epoch" not in columns:
        raise ValueError(f"store {name!r} must have a column epoch, got {', '.join(columns)}")
    spans = _measure(path, axes)
    _check_spans(name, spans)
    known = [span.epoch for span in spans]
    chosen = _choose(known, epochs)
    read = partial(_read_clipped, path)
    return Embedding(name, spans[0].size, len(axes), chosen, chosen != known, read)


def _measure(path: str | Path, axes: list[str]) -> list[Span]:
    """Return for each epoch of a store how many points it has and where they are."""
    is_bad = ~pl.all_horizontal(pl.col(axes).is_finite().fill_null(False))
    table = (
        scan(path)
        .group_by("epoch")
        .agg(
            size=pl.len(),
            n_bad=is_bad.sum(),
            low=pl.min_horizontal(pl.col(axes).min()),
            high=pl.max_horizontal(pl.col(axes).max()),
        )
        .sort("epoch")
        .collect()
    )
    return [Span(*row) for row in table.iter_rows()]


def _check_spans(name: str, spans: list[Span]) -> None:
    _check_finite(name, sum(span.n_bad for span in spans))
    sizes = {span.size for span in spans}
    if len(sizes) != 1:
        got = f"{min(sizes)} to {max(sizes)}" if sizes else "no epochs"
        raise ValueError(
            f"store {name!r} must have the same number of points at every epoch, got {got}"
        )
    low, high = min(span.low for span in spans), max(span.high for span in spans)
    if low < -SLACK or high > 1 + SLACK:
        raise ValueError(f"positions of store {name!r} must be in [0, 1], got {low} to {high}")


def _choose(known: list[int], epochs: int | list[int] | None) -> list[int]:
    """Return the epochs of the page among the `known` ones, the last one always."""
    if epochs is None:
        return known
    chosen = known[::epochs] if isinstance(epochs, int) else epochs
    return [epoch for epoch in known if epoch in {*chosen, known[-1]}]


def _read_clipped(path: str | Path, epoch: int) -> np.ndarray:
    return read_positions(path, epoch).clip(0, 1)
