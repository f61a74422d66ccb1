"""Validation: what every public function checks before any work starts."""

from collections.abc import Callable
from decimal import Decimal
from numbers import Real
from reprlib import repr as shorten
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import polars.selectors as cs
from scipy.sparse import csr_matrix, issparse, spmatrix

OnEpoch = Callable[[int, np.ndarray], Any]
# The squares of smaller differences vanish in float32.
SMALLEST = 1e-15
# The squares of larger numbers, and their sums, are too large for float32.
LARGEST = 1e15
# The numeric columns that NumPy has, too.
NATIVE = (
    *(pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Int8, pl.Int16, pl.Int32, pl.Int64),
    *(pl.Float32, pl.Float64),
)
NUMBERS = (Real, Decimal, np.bool_)
# The columns that an epoch store makes itself, so that no label may have one of these names: the
# coordinates of a point, and all columns together.
AXES = ("x", "y", "z")
COLUMNS = ("index", *AXES, "seen", "epoch")
# What has no words.
NAMELESS = (pl.Object, pl.Binary, pl.Duration, pl.Unknown)


def check_arguments(n_components: int, n_epochs: int, on_epoch: OnEpoch | None) -> None:
    """Raise ValueError for numbers that are out of range, TypeError for what cannot be called."""
    check_integer("n_components", n_components, 1)
    check_integer("n_epochs", n_epochs, 0)
    check_callback(on_epoch)


def check_callback(on_epoch: OnEpoch | None) -> None:
    """Raise TypeError for what cannot be called and is not None."""
    if on_epoch is not None and not callable(on_epoch):
        raise TypeError(f"on_epoch must be callable or None, got {type(on_epoch).__name__}")


def check_integer(name: str, value: int, least: int, most: float = float("inf")) -> None:
    """Raise ValueError when `value` is no integer from `least` to `most`."""
    if not is_integer(value) or not least <= value <= most:
        allowed = f"of at least {least}" if most == float("inf") else f"from {least} to {most}"
        raise ValueError(f"{name} must be an integer {allowed}, got {value!r}")


def is_integer(value: Any) -> bool:
    """Return whether `value` is an integer, of Python or of NumPy, and not a truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_seed(seed: int | None, most: int = 2**32 - 1) -> None:
    """Raise ValueError when `seed` is neither None nor an integer from 0 to `most`."""
    if seed is not None:
        check_integer("seed", seed, 0, most)


def check_pca(X: np.ndarray, n_components: int, remedy: str = "") -> None:
    """Raise ValueError when a first layout of `X` by PCA, scaled to one size, is not defined.

    remedy: what else can be done, the end of the sentence.
    """
    if min(X.shape) < n_components:
        raise ValueError(
            f"X must have at least {n_components} samples and features for a first layout by PCA, "
            f"got {X.shape}{remedy}"
        )
    if np.ptp(X, axis=0).max() <= SMALLEST:
        raise ValueError(
            f"X must have samples that differ by more than {SMALLEST:g} for a first layout by PCA, "
            f"got {len(X)} that do not{remedy}"
        )


def check_embedding(embedding: np.ndarray, n_samples: int) -> np.ndarray:
    """Return a layout of `n_samples` samples as a C-contiguous array of float64.

    Raises TypeError when it holds no numbers, and ValueError when it has another shape or is not
    finite.
    """
    try:
        embedding = np.asarray(embedding)
    except ValueError:
        raise TypeError("embedding must be an array of numbers, got rows of any length") from None
    if embedding.dtype.kind not in "biuf":
        raise TypeError(f"embedding must be an array of numbers, got {embedding.dtype}")
    embedding = np.ascontiguousarray(embedding, dtype=np.float64)
    if embedding.shape not in ((n_samples, 2), (n_samples, 3)):
        shape = embedding.shape
        raise ValueError(f"embedding must have shape ({n_samples}, 2 or 3), got {shape}")
    if not np.isfinite(embedding).all():
        bad = (~np.isfinite(embedding)).any(axis=1).sum()
        raise ValueError(f"embedding must be finite, got {bad} rows not so")
    return embedding


def to_features(table: pl.DataFrame, label: str | None = None) -> np.ndarray:
    """Return all columns of `table` but `label` as features for a method.

    Returns a C-contiguous float32 array (n_samples, n_features).
    Raises TypeError for what is no Polars table and for a column that is not numeric, and what
    `check_features` raises.
    """
    if not isinstance(table, pl.DataFrame):
        kind = f"{type(table).__module__.partition('.')[0]}.{type(table).__name__}"
        raise TypeError(f"table must be a Polars DataFrame, got {kind}")
    return check_features(table.drop(label, strict=False) if label else table)


def to_numbers(table: pl.DataFrame) -> np.ndarray:
    """Return columns as numbers of the smallest type that holds all, NaN where they are missing.

    Returns a C-contiguous array (n_rows, n_columns).
    Raises TypeError for a column that holds neither numbers nor truth values.
    """
    for name, dtype in table.schema.items():
        if not dtype.is_numeric() and dtype != pl.Boolean:
            raise TypeError(
                f"column {shorten(name)} must be numeric, got {dtype.base_type()}: leave it out, "
                "or make numbers of its values"
            )
    others = ~cs.by_dtype(NATIVE)
    return table.with_columns(others.cast(pl.Float64)).to_numpy(order="c")


def check_features(X: Any) -> np.ndarray:
    """Return `X` as a finite, C-contiguous float32 array (n_samples, n_features).

    X: numbers or truth values, as an array, a table or a list of rows. It is never written to; one
        that is already as it must be is returned itself.

    Raises TypeError when it does not hold numbers, and ValueError when it is not
    two-dimensional, is empty, or has a value that is missing, infinite or beyond `LARGEST`.
    """
    array = _to_array(X)
    _check_shape(array.shape)
    with np.errstate(over="ignore"):
        features = np.ascontiguousarray(array, dtype=np.float32)
    if not _is_moderate(features):
        row, column = np.argwhere(~(np.abs(features) <= LARGEST))[0].tolist()
        _refuse(array[row, column], row, column)
    return features


def check_sparse_features(X: spmatrix) -> csr_matrix:
    """Return a sparse matrix as finite float32 CSR (n_samples, n_features), its indices sorted.

    X: is never written to; of one that is already as it must be nothing is copied.

    Raises TypeError and ValueError as `check_features` does.
    """
    if X.dtype.kind not in "biuf":
        raise TypeError(f"X must hold numbers, got {type(X).__name__} of {X.dtype}")
    _check_shape(X.shape)
    with np.errstate(over="ignore"):
        features = csr_matrix(X, dtype=np.float32)  # umap-learn takes no other kind for sparse
    if not features.has_canonical_format:
        features = features.copy()
        features.sum_duplicates()
    if features.nnz and not _is_moderate(features.data):
        place = int(np.argmax(~(np.abs(features.data) <= LARGEST)))
        row = int(np.searchsorted(features.indptr, place, side="right")) - 1
        _refuse(features.data[place], row, int(features.indices[place]))
    return features


def to_enum(labels: pl.Series) -> pl.Series:
    """Return `labels` as an Enum whose categories are the sorted labels.

    A Categorical sorts by first appearance, so that a label would change its colour from plot to
    plot; with such an Enum it has the same colour everywhere. Numbers are sorted as numbers.
    An Enum keeps the categories that it has, used or not.

    Raises TypeError for what is no Polars Series, or one of neither words nor numbers.
    """
    if not isinstance(labels, pl.Series):
        raise TypeError(f"labels must be a Polars Series, got {type(labels).__name__}")
    if labels.dtype.is_nested() or labels.dtype in NAMELESS:
        raise TypeError(f"labels must be words or numbers, got {labels.dtype.base_type()}")
    if labels.dtype == pl.Enum:
        names = labels.dtype.categories.sort()
    elif labels.dtype == pl.Categorical:
        names = labels.cast(pl.String).unique().sort()
    else:
        names = labels.unique().sort().cast(pl.String)
    return labels.cast(pl.String).cast(pl.Enum(names.drop_nulls()))


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or 0 in shape:
        remedy = ": X.reshape(-1, 1) makes one feature of it" if len(shape) == 1 else ""
        remedy = ", but there must be one of each at least" if 0 in shape else remedy
        raise ValueError(f"X must have shape (n_samples, n_features), got {shape}{remedy}")


def _to_array(X: Any) -> np.ndarray:
    """Return `X` as an array of numbers of any kind, NaN where they are missing."""
    kind = type(X).__name__
    if issparse(X):
        raise TypeError(f"X must be a dense array, got {kind}: X.toarray() makes it one")
    if isinstance(X, pl.DataFrame):
        return to_numbers(X)
    try:
        array = np.asarray(X)
    except ValueError:
        raise TypeError(
            f"X must be an array of numbers, got {kind} of rows that differ in length"
        ) from None
    if array.ndim == 0:
        raise TypeError(f"X must be an array of numbers, got {kind}")
    if array.dtype.kind == "O":
        array = _convert_objects(array, kind)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"X must be an array of numbers, got {kind} of {array.dtype}")
    if np.ma.is_masked(X):
        return np.where(np.ma.getmaskarray(X), np.nan, array)
    return array


def _convert_objects(array: np.ndarray, kind: str) -> np.ndarray:
    """Return Python's numbers, as lists and tables of mixed columns hold them, as float64."""
    missing = np.asarray(pd.isna(array))
    for value in array[~missing]:
        if not isinstance(value, NUMBERS):
            raise TypeError(f"X must be an array of numbers, got {kind} with {shorten(value)}")
    try:
        return np.where(missing, np.nan, array).astype(np.float64)
    except OverflowError:
        raise ValueError(f"X must be at most {LARGEST:g}, got an integer beyond 1e308") from None


def _is_moderate(values: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(values.min() >= -LARGEST and values.max() <= LARGEST)  # NaN is neither


def _refuse(value: Any, row: int, column: int) -> None:
    place = f"got {value} in row {row}, column {column}"
    if np.isfinite(value):
        raise ValueError(
            f"X must be between -{LARGEST:g} and {LARGEST:g}, {place}: "
            "scale it, as load_dataset does"
        )
    raise ValueError(
        f"X must be finite, {place}: leave such rows out or fill them in, as load_dataset does"
    )
