"""Tables and arrays of other libraries as Polars tables, or a sentence on why they cannot be."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from reprlib import repr as shorten
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from scipy.sparse import issparse

LONGEST_REASON = 200
PANDAS_HINT = "; the values of each column must be of one kind"


class Refusal(ValueError):
    """What is wrong with data, in words of ours; `explaining` adds whose it is."""


@contextmanager
def explaining(name: str, hint: str = "") -> Iterator[None]:
    """Turn whatever a library says about what is called `name` into one sentence.

    hint: ends the sentence.
    Raises ValueError.
    """
    try:
        yield
    except Refusal as error:
        raise ValueError(f"{name} could not be read: {error}") from None
    # Every library has errors of its own, and those of Polars' panics are not even an Exception.
    except (Exception, pl.exceptions.PanicException) as error:
        reason = " ".join(str(error).partition("\n\n")[0].split()) or type(error).__name__
        if reason.startswith(name):  # it has been explained
            raise
        reason = reason.partition(". ")[0].rstrip(".")
        reason = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}…"
        raise ValueError(f"{name} could not be read: {reason}{hint}") from None


def to_polars(source: Any) -> pl.DataFrame:
    """Return a Polars, pandas or Arrow table, or a NumPy array, as a Polars table.

    Raises TypeError for what is no table, and ValueError for one that cannot be converted.
    """
    kind = type(source).__name__
    if issparse(source):
        raise TypeError(f"data must be dense, got {kind}: data.toarray() makes it so")
    with explaining("data", PANDAS_HINT if isinstance(source, pd.DataFrame) else ""):
        if isinstance(source, pl.DataFrame | pl.LazyFrame):
            return source.lazy().collect()
        if isinstance(source, np.ndarray):
            return from_array(source, "column")
        if isinstance(source, pd.DataFrame):
            return _from_pandas(source)
        if isinstance(source, pa.Table):
            return from_arrow(source)
    raise TypeError(f"data must be a path or a table of Polars, pandas, Arrow or NumPy, got {kind}")


def _from_pandas(table: pd.DataFrame) -> pl.DataFrame:
    if any(isinstance(dtype, pd.SparseDtype) for dtype in table.dtypes):
        raise Refusal("its columns must be dense: data.sparse.to_dense() makes them so")
    names = [
        "_".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in table.columns
    ]
    check_names(names)
    return pl.from_pandas(table.set_axis(names, axis="columns"))


def from_arrow(table: pa.Table) -> pl.DataFrame:
    """Return an Arrow table, classes as words; raise what Arrow raises when it is damaged.

    Raises Refusal for two columns of one name and for what are neither words nor numbers.
    """
    check_names(table.column_names)
    table.validate(full=True)
    columns = [_simplify(column) for column in table.columns]
    # Polars would give a column whose name is empty another one.
    numbers = [str(number) for number in range(len(columns))]
    converted = pl.from_arrow(pa.Table.from_arrays(columns, numbers))
    converted.columns = table.column_names
    return converted


def _simplify(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of a type of which Arrow has validated all that Polars will look at."""
    if not pa.types.is_dictionary(column.type):
        return _cast(column)
    parts = [
        pa.DictionaryArray.from_arrays(part.indices, _cast(part.dictionary))
        for part in column.chunks
    ]
    kind = _find_simple(column.type.value_type)
    return pa.chunked_array([part.dictionary_decode() for part in parts], kind)


def _cast(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    kind = _find_simple(column.type)
    if "_view" not in str(column.type):
        return column.cast(kind)
    # What a view says where a value is missing nobody has validated, and a cast may look at it.
    values = pa.array(column.to_pylist(), kind)
    return pa.chunked_array([values]) if isinstance(column, pa.ChunkedArray) else values


def _find_simple(kind: pa.DataType) -> pa.DataType:
    known = pa.types
    if known.is_string(kind) or known.is_large_string(kind) or known.is_string_view(kind):
        return pa.large_string()
    if known.is_binary(kind) or known.is_large_binary(kind) or known.is_binary_view(kind):
        return pa.large_binary()
    if known.is_list(kind) or known.is_large_list(kind):
        return pa.large_list(_find_simple(kind.value_type))
    if known.is_fixed_size_list(kind):
        return pa.list_(_find_simple(kind.value_type), kind.list_size)
    if known.is_struct(kind):
        return pa.struct([(field.name, _find_simple(field.type)) for field in kind])
    if isinstance(kind, pa.BaseExtensionType):
        return _find_simple(kind.storage_type)
    if known.is_primitive(kind) or known.is_decimal128(kind) or known.is_null(kind):
        return kind
    raise Refusal(f"columns must hold words or numbers, or lists of them, got {kind}")


def from_array(array: np.ndarray, name: str) -> pl.DataFrame:
    """Return an array of one, two or three dimensions, or of records, as columns.

    Of one dimension it is the column `name`, of two the columns `<name>_1` and so on, of three
    images, whose pixels are called `pixel_<row>_<column>`.
    Raises Refusal for any other array.
    """
    if array.dtype.names:
        return join_tables([from_array(array[field], field) for field in array.dtype.names])
    if array.ndim not in (1, 2, 3) or 0 in array.shape:
        raise Refusal(
            f"arrays must have 1 to 3 dimensions, none of them 0, got {array.dtype} {array.shape}"
        )
    if array.ndim == 1 and array.dtype.kind == "O":
        return pl.DataFrame({name: array.tolist()})
    array = _convert(array)
    if array.ndim == 1:
        return pl.DataFrame({name: array})
    if array.ndim == 3:
        count, height, width = array.shape
        names = [f"pixel_{row}_{column}" for row in range(height) for column in range(width)]
        array = array.reshape(count, -1)
    else:
        names = [f"{name}_{i}" for i in range(1, array.shape[1] + 1)]
    # Polars keeps columns: turn the array once.
    return pl.from_numpy(np.asfortranarray(array), names, orient="row")


def _convert(array: np.ndarray) -> np.ndarray:
    """Return an array of a kind that Polars has, NaN where it is masked."""
    kind = array.dtype.kind
    if kind not in ("biuf" if np.ma.is_masked(array) else "biufUSMm"):
        remedy = ": make a table of it" if kind == "O" else ""
        raise Refusal(f"arrays must hold real numbers or words, got {array.dtype}{remedy}")
    if np.ma.is_masked(array):
        return array.astype(np.float64).filled(np.nan)
    if kind in "Mm":
        return np.asarray(array, dtype=f"{kind}8[us]")
    if kind == "b":
        return np.asarray(array, dtype=np.uint8)
    is_odd = kind == "f" and array.dtype.itemsize not in (4, 8)
    return np.asarray(array, dtype=np.float64 if is_odd else None)


def join_tables(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """Return tables side by side; raise Refusal when two columns have the same name."""
    check_names([name for table in tables for name in table.columns])
    return pl.concat(tables, how="horizontal")


def check_names(names: list[str]) -> None:
    """Raise Refusal when two of the names are the same."""
    for name, count in Counter(names).items():
        if count > 1:
            raise Refusal(f"columns must have different names, got {shorten(name)} twice")


def spread_vectors(table: pl.DataFrame) -> pl.DataFrame:
    """Return `table` with every column of vectors, or of images, as columns of numbers.

    Raises Refusal when two columns come to have the same name.
    """
    parts = [_spread(table[name]) for name in table.columns]
    return table if all(part.width == 1 for part in parts) else join_tables(parts)


def _spread(column: pl.Series) -> pl.DataFrame:
    if not isinstance(column.dtype, pl.List | pl.Array) or column.null_count():
        return column.to_frame()
    if isinstance(column.dtype, pl.List):
        lengths = column.list.len()
        if not column.dtype.inner.is_numeric() or lengths.n_unique() != 1 or not lengths[0]:
            return column.to_frame()
        column = column.list.to_array(lengths[0])
    array = column.to_numpy()
    is_plain = array.size and array.dtype.kind in "biuf"
    return from_array(array, column.name) if is_plain else column.to_frame()
