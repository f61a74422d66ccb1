"""Validation: what every public function checks before any work starts.

Numbers, choices, callbacks, features and labels, in this order; `animated.geometry` checks
embeddings. Every error names the argument, what is allowed, and what it got.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from numbers import Real
from reprlib import repr as shorten
from typing import Any, NoReturn, cast

import numpy as np
import polars as pl
import polars.selectors as cs
from scipy.sparse import csr_matrix, issparse, spmatrix

OnEpoch = Callable[[int, np.ndarray], Any]
# The square of a smaller difference is zero in float32, and that of a larger number is infinite.
SMALLEST, LARGEST = 1e-15, 1e15
NUMBERS = (Real, Decimal, np.bool_)
# The numeric columns of Polars that NumPy has, too.
NATIVE = (
    *(pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Int8, pl.Int16, pl.Int32, pl.Int64),
    *(pl.Float32, pl.Float64),
)
# Columns whose values cannot be the names of classes.
NAMELESS = (pl.Object, pl.Binary, pl.Duration, pl.Unknown)
# The coordinates of an epoch store, and all its columns; labels must have another name.
AXES = ("x", "y", "z")
COLUMNS = ("index", *AXES, "seen", "epoch")


def is_integer(value: Any) -> bool:
    """Return whether `value` is an integer of Python or NumPy; a bool is not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_integer(name: str, value: int, least: int, most: float = float("inf")) -> None:
    """Raise ValueError unless `value` is an integer from `least` to `most`."""
    if not is_integer(value) or not least <= value <= most:
        allowed = f"of at least {least}" if most == float("inf") else f"from {least} to {most}"
        raise ValueError(f"{name} must be an integer {allowed}, got {value!r}")


def check_seed(seed: int | None, most: int = 2**32 - 1) -> None:
    """Raise ValueError unless `seed` is None or an integer from 0 to `most`."""
    if seed is not None:
        check_integer("seed", seed, 0, most)


def check_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raise ValueError unless `value` is one of the `allowed`."""
    if value not in allowed:
        *others, last = map(repr, allowed)
        choices = f"{', '.join(others)} or {last}" if others else last
        raise ValueError(f"{name} must be {choices}, got {value!r}")


def check_arguments(n_components: int, n_epochs: int, on_epoch: OnEpoch | None) -> None:
    """Check the arguments that all methods share, as `check_integer` and `check_callback` do."""
    check_integer("n_components", n_components, 1)
    check_integer("n_epochs", n_epochs, 0)
    check_callback(on_epoch)


def check_callback(on_epoch: OnEpoch | None) -> None:
    """Raise TypeError unless `on_epoch` is None or can be called."""
    if on_epoch is not None and not callable(on_epoch):
        raise TypeError(f"on_epoch must be callable or None, got {type(on_epoch).__name__}")


def check_features(X: Any) -> np.ndarray:
    """Return `X` as a finite, C-contiguous float32 array (n_samples, n_features).

    X: numbers or bools, as an array, a table or a list of rows. It is never modified; an array
        that already has this form is returned as it is.

    Raises TypeError when it does not contain numbers, and ValueError when it is not
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
    """Return a sparse matrix as finite float32 CSR (n_samples, n_features) with sorted indices.

    X: is never modified; a matrix that already has this form is not copied.

    Raises as `check_features` does.
    """
    if X.dtype.kind not in "biuf":
        raise TypeError(f"X must hold numbers, got {type(X).__name__} of {X.dtype}")
    _check_shape(X.shape)
    with np.errstate(over="ignore"):
        features = csr_matrix(X, dtype=np.float32)  # umap-learn accepts no other sparse format
    if not features.has_canonical_format:
        features = features.copy()
        features.sum_duplicates()
    if features.nnz and not _is_moderate(features.data):
        place = int(np.argmax(~(np.abs(features.data) <= LARGEST)))
        row = int(np.searchsorted(features.indptr, place, side="right")) - 1
        _refuse(features.data[place], row, int(features.indices[place]))
    return features


def to_features(table: pl.DataFrame, label: str | None = None) -> np.ndarray:
    """Return the columns of `table` as the features for a method, without the column `label`.

        X = to_features(df_digits, label="digit")

    Returns a C-contiguous float32 array (n_samples, n_features).
    Raises TypeError unless `table` is a Polars DataFrame of numeric columns, and what
    `check_features` raises.
    """
    if not isinstance(table, pl.DataFrame):
        kind = f"{type(table).__module__.partition('.')[0]}.{type(table).__name__}"
        raise TypeError(f"table must be a Polars DataFrame, got {kind}")
    return check_features(table.drop(label, strict=False) if label else table)


def to_numbers(table: pl.DataFrame) -> np.ndarray:
    """Return `table` as numbers of the smallest type that fits all columns, NaN where missing.

    Returns a C-contiguous array (n_rows, n_columns).
    Raises TypeError for a column that contains neither numbers nor bools.
    """
    for name, dtype in table.schema.items():
        if not dtype.is_numeric() and dtype != pl.Boolean:
            raise TypeError(
                f"column {shorten(name)} must be numeric, got {dtype.base_type()}: leave it out, "
                "or convert its values to numbers"
            )
    others = ~cs.by_dtype(NATIVE)
    return table.with_columns(others.cast(pl.Float64)).to_numpy(order="c")


def check_pca(X: np.ndarray, n_components: int, remedy: str = "") -> None:
    """Raise ValueError, with a `remedy` at its end, when `X` has no first embedding by PCA."""
    if min(X.shape) < n_components:
        needed, got = f"at least {n_components} samples and features", f"{X.shape}"
    elif np.ptp(X, axis=0).max() <= SMALLEST:
        needed, got = f"samples that differ by more than {SMALLEST:g}", f"{len(X)} that do not"
    else:
        return
    raise ValueError(f"X must have {needed} for a first embedding by PCA, got {got}{remedy}")


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or 0 in shape:
        remedy = ": X.reshape(-1, 1) makes it one feature" if len(shape) == 1 else ""
        remedy = ", but each must be at least 1" if 0 in shape else remedy
        raise ValueError(f"X must have shape (n_samples, n_features), got {shape}{remedy}")


def _to_array(X: Any) -> np.ndarray:
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
    """Return Python's numbers, which lists and tables of mixed columns contain, as float64."""
    import pandas as pd  # takes a fifth of a second to import, and few need it

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
        return bool(values.min() >= -LARGEST and values.max() <= LARGEST)  # False for NaN


def _refuse(value: Any, row: int, column: int) -> NoReturn:
    place = f"got {value} in row {row}, column {column}"
    allowed, remedy = "finite", "leave such rows out or fill them in"
    if np.isfinite(value):
        allowed, remedy = f"between -{LARGEST:g} and {LARGEST:g}", "scale it"
    raise ValueError(f"X must be {allowed}, {place}: {remedy}, as load_dataset does")


def to_labels(name: str, values: Any, n_samples: int) -> pl.Series:
    """Return one label for each sample as a Series of text, numbers or dates, null where missing.

    Raises TypeError for other or mixed kinds of values, and ValueError for too few or too many.
    """
    try:
        labels = pl.Series([] if isinstance(values, str) else values)
    except Exception:  # Polars raises many
        got = type(values).__name__
        raise TypeError(f"{name} must be text, numbers or dates, not mixed, got {got}") from None
    _check_kind(name, labels)
    if len(labels) != n_samples:
        raise ValueError(f"{name} must have {n_samples} values, one per sample, got {len(labels)}")
    return labels.fill_nan(None) if labels.dtype.is_float() else labels


def to_enum(labels: pl.Series) -> pl.Series:
    """Return `labels` as an Enum with sorted categories, so that colours agree in all plots.

    A Categorical would sort by first appearance. Numbers are sorted as numbers, and an Enum keeps
    the categories that it has, used or not.

    Raises TypeError unless `labels` is a Polars Series of text, numbers or dates.
    """
    if not isinstance(labels, pl.Series):
        raise TypeError(f"labels must be a Polars Series, got {type(labels).__name__}")
    _check_kind("labels", labels)
    if labels.dtype == pl.Enum:
        names = cast(pl.Enum, labels.dtype).categories.sort()
    elif labels.dtype == pl.Categorical:
        names = labels.cast(pl.String).unique().sort()
    else:
        names = labels.unique().sort().cast(pl.String)
    return labels.cast(pl.String).cast(pl.Enum(names.drop_nulls()))


def _check_kind(name: str, labels: pl.Series) -> None:
    if labels.dtype.is_nested() or labels.dtype in NAMELESS:
        raise TypeError(f"{name} must be text, numbers or dates, got {labels.dtype.base_type()}")
