"""Feature tables: what any of them must be, whatever its columns and its labels."""

from pathlib import Path

import numpy as np
import polars as pl

from animated.files import replacing


def to_features(table: pl.DataFrame, label: str | None = "digit") -> np.ndarray:
    """Return all columns of `table` but `label` as features for a method.

    Returns a C-contiguous float32 array (n_samples, n_features).
    """
    columns = table.drop(label, strict=False) if label else table
    return check_features(columns.cast(pl.Float32).to_numpy(order="c"))


def check_features(X: np.ndarray) -> np.ndarray:
    """Return `X` as a finite, C-contiguous float32 array (n_samples, n_features).

    Raises TypeError when it does not hold numbers, and ValueError when it is not
    two-dimensional, is empty, or has a value that is missing or infinite.
    """
    try:
        features = np.ascontiguousarray(X, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise TypeError(f"X must be an array of numbers, got {type(X).__name__}: {error}") from None
    if np.ndim(X) != 2 or 0 in features.shape:
        raise ValueError(f"X must have shape (n_samples, n_features), got {np.shape(X)}")
    bad = np.argwhere(~np.isfinite(features))
    if len(bad):
        (row, column), value = bad[0], features[tuple(bad[0])]
        raise ValueError(f"X must be finite, got {value} in row {row}, column {column}")
    return features


def to_enum(labels: pl.Series) -> pl.Series:
    """Return `labels` as an Enum whose categories are the sorted labels.

    A Categorical sorts by first appearance, so that a label would change its colour from plot to
    plot; with such an Enum it has the same colour everywhere. Numbers are sorted as numbers.
    An Enum keeps the categories that it has, used or not.
    """
    if labels.dtype == pl.Enum:
        names = labels.dtype.categories.sort()
    elif labels.dtype == pl.Categorical:
        names = labels.cast(pl.String).unique().sort()
    else:
        names = labels.unique().sort().cast(pl.String)
    return labels.cast(pl.String).cast(pl.Enum(names.drop_nulls()))


def write_table(table: pl.DataFrame, path: str | Path) -> None:
    """Write `table` as Parquet to `path`, whole or not at all."""
    with replacing(path) as temporary:
        table.write_parquet(temporary, compression="zstd", compression_level=19)
