"""Checks of what a writer of epochs is given."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from animated.validation import COLUMNS, to_enum

# The columns of a store that are the same at every epoch, by name.
Fixed = Mapping[str, pl.Series | np.ndarray]
LAST = np.iinfo(np.uint16).max


def to_columns(labels: pl.Series | None, seen: np.ndarray | None) -> Fixed:
    """Return the columns of the store that are the same at every epoch.

    Raises TypeError and ValueError as `EpochWriter` says.
    """
    columns: dict[str, pl.Series | np.ndarray] = {}
    if labels is not None:
        column = _to_label_column(labels)
        columns[column.name] = column
    if seen is not None:
        columns["seen"] = _to_seen_column(seen)
    return columns


def _to_label_column(labels: pl.Series) -> pl.Series:
    """Return the labels as a store holds them: floats as float32, everything else as an Enum."""
    if not isinstance(labels, pl.Series):
        raise TypeError(f"labels must be a Polars Series, got {type(labels).__name__}")
    if labels.name in COLUMNS:
        raise ValueError(f"labels must not have the name of another column, got {labels.name!r}")
    labels = labels.alias(labels.name or "label")
    if labels.dtype.is_float():
        numbers = labels.cast(pl.Float32)
        # A colour scale has no place for infinity either.
        return numbers.set(~numbers.is_finite(), None).rechunk()
    return to_enum(labels).rechunk()


def _to_seen_column(seen: np.ndarray) -> np.ndarray:
    seen = np.asarray(seen)
    if seen.dtype != bool or seen.ndim != 1:
        raise TypeError(
            f"seen must be a bool array (n_samples,), got {seen.dtype} of shape {seen.shape}"
        )
    return seen


def to_float32(embedding: np.ndarray) -> np.ndarray:
    """Return an embedding as float32; numbers beyond its range become infinite.

    Raises TypeError when the embedding does not contain numbers.
    """
    array = np.asarray(embedding)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"embedding must be an array of numbers, got {array.dtype}")
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=np.float32)


def check_epoch(epoch: int, previous: int) -> None:
    """Raise ValueError unless `epoch` is an integer after `previous` that fits into uint16."""
    if not isinstance(epoch, int | np.integer) or not previous < epoch <= LAST:
        raise ValueError(f"epochs must increase, up to {LAST}, got {epoch!r} after {previous}")


def check_embedding(
    epoch: int, embedding: np.ndarray, shape: tuple[int, ...] | None, fixed: Fixed
) -> None:
    """Raise ValueError unless the embedding is finite and has the right shape.

    shape: that of the epochs before, None for the first.
    fixed: the other columns, which must have one value for each sample.
    """
    _check_shape(epoch, embedding.shape, shape)
    for name, column in fixed.items():
        if len(column) != len(embedding):
            name = "seen" if name == "seen" else "labels"
            raise ValueError(f"{name} must have {len(embedding)} values, got {len(column)}")
    is_finite = np.isfinite(embedding).all(axis=1)
    if not is_finite.all():
        n_bad = np.count_nonzero(~is_finite)
        raise ValueError(f"embedding {epoch} must be finite, got {n_bad} rows that are not")


def _check_shape(epoch: int, shape: tuple[int, ...], expected: tuple[int, ...] | None) -> None:
    is_embedding = len(shape) == 2 and shape[0] > 0 and shape[1] in (2, 3)
    if not is_embedding or shape != (expected or shape):
        allowed = expected or "(n_samples, 2) or (n_samples, 3)"
        raise ValueError(f"embedding {epoch} must have shape {allowed}, got {shape}")
