"""Convert tables and arrays of other libraries to Polars, or raise an error in one sentence."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from reprlib import repr as shorten
from typing import Any, cast

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from numpy.typing import DTypeLike
from pyarrow import types
from scipy.sparse import issparse

LONGEST_REASON = 200
FILE_HINT = "; it may be damaged, or of another kind than its name says"
PANDAS_HINT = "; the values of each column must be of one kind"


class DataError(ValueError):
    """An error in the data, whose message lacks the name of the file: `explaining` adds it."""


@contextmanager
def explaining(name: str, hint: str = "") -> Iterator[None]:
    """Turn any error of a library into a ValueError of one sentence that begins with `name`.

    hint: the end of the sentence.
    """
    try:
        yield
    except DataError as error:
        raise ValueError(f"{name} could not be read: {error}") from None
    # Every library raises errors of its own, and a panic of Polars is not even an Exception.
    except (Exception, pl.exceptions.PanicException) as error:
        reason = _condense(error)
        if reason.startswith(name):  # an inner block has explained it already
            raise
        reason = reason.partition(". ")[0].rstrip(".")
        reason = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}…"
        raise ValueError(f"{name} could not be read: {reason}{hint}") from None


def _condense(error: BaseException) -> str:
    """Return the first paragraph of an error as one line, its type if it has no message."""
    return " ".join(str(error).partition("\n\n")[0].split()) or type(error).__name__


def to_polars(source: Any) -> pl.DataFrame:
    """Return a Polars, pandas or Arrow table, or a NumPy array, as a Polars table.

    Raises TypeError for anything else, and ValueError for a table that cannot be converted.
    """
    kind = type(source).__name__
    if issparse(source):
        raise TypeError(f"data must be dense, got {kind}: data.toarray() makes it so")
    for known, convert in CONVERTERS.items():
        if isinstance(source, known):
            with explaining("data", PANDAS_HINT if known is pd.DataFrame else ""):
                return convert(source)
    raise TypeError(f"data must be a path or a table of Polars, pandas, Arrow or NumPy, got {kind}")


def _from_pandas(table: pd.DataFrame) -> pl.DataFrame:
    if any(isinstance(dtype, pd.SparseDtype) for dtype in table.dtypes):
        raise DataError("its columns must be dense: data.sparse.to_dense() makes them so")
    names = [
        "_".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in table.columns
    ]
    check_names(names)
    return pl.from_pandas(table.set_axis(names, axis="columns"))


def from_arrow(table: pa.Table) -> pl.DataFrame:
    """Return an Arrow table as a Polars table, with dictionaries decoded to their values.

    Raises DataError for two columns of one name and for a column of neither text nor numbers,
    and whatever Arrow raises for damaged data.
    """
    check_names(table.column_names)
    table.validate(full=True)
    columns = [_simplify(column) for column in table.columns]
    # Polars would rename a column whose name is empty.
    numbers = [str(number) for number in range(len(columns))]
    converted = cast(pl.DataFrame, pl.from_arrow(pa.Table.from_arrays(columns, numbers)))
    converted.columns = table.column_names
    return converted


def _simplify(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of a type in which Arrow has validated everything that Polars will read."""
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
    # Where a value is missing, a view is never validated, yet a cast may follow it.
    values = pa.array(column.to_pylist(), kind)
    return pa.chunked_array([values]) if isinstance(column, pa.ChunkedArray) else values


def _find_simple(kind: pa.DataType) -> pa.DataType:
    """Return the plain type to cast to; raise DataError for a type that has none."""
    for tests, simple in SIMPLE_TYPES.items():
        if any(test(kind) for test in tests):
            return simple(kind)
    if isinstance(kind, pa.BaseExtensionType):
        return _find_simple(kind.storage_type)
    raise DataError(f"columns must hold text or numbers, or lists of them, got {kind}")


def _simplify_vectors(kind: pa.FixedSizeListType) -> pa.DataType:
    return pa.list_(_find_simple(kind.value_type), kind.list_size)


def _simplify_struct(kind: pa.StructType) -> pa.DataType:
    return pa.struct([(field.name, _find_simple(field.type)) for field in kind])


# Tests of Arrow types, and the plain type of those that pass one.
SIMPLE_TYPES: dict[tuple[Callable, ...], Callable[[Any], pa.DataType]] = {
    (types.is_string, types.is_large_string, types.is_string_view): lambda kind: pa.large_string(),
    (types.is_binary, types.is_large_binary, types.is_binary_view): lambda kind: pa.large_binary(),
    (types.is_list, types.is_large_list): lambda kind: pa.large_list(_find_simple(kind.value_type)),
    (types.is_fixed_size_list,): _simplify_vectors,
    (types.is_struct,): _simplify_struct,
    (types.is_primitive, types.is_decimal128, types.is_null): lambda kind: kind,
}


def from_array(array: np.ndarray, name: str) -> pl.DataFrame:
    """Return an array of one, two or three dimensions, or of records, as columns.

    One dimension becomes the column `name`, two become the columns `<name>_1`, `<name>_2` and so
    on, and three are images, whose pixels become the columns `pixel_<row>_<column>`.

    >>> from_array(np.eye(2), "a").columns, from_array(np.ones((5, 2, 1)), "a").columns
    (['a_1', 'a_2'], ['pixel_0_0', 'pixel_1_0'])

    Raises DataError for any other array.
    """
    if array.dtype.names:
        return join_tables([from_array(array[field], field) for field in array.dtype.names])
    if array.ndim not in (1, 2, 3) or 0 in array.shape:
        raise DataError(
            f"arrays must have 1 to 3 dimensions, none of them 0, got {array.dtype} {array.shape}"
        )
    if array.ndim == 1:
        return pl.DataFrame({name: array.tolist() if array.dtype.kind == "O" else _convert(array)})
    names = _name_columns(array.shape, name)
    # Polars stores columns, so transpose the array once.
    rows = np.asfortranarray(_convert(array).reshape(len(array), -1))
    return pl.from_numpy(rows, names, orient="row")


def _name_columns(shape: tuple[int, ...], name: str) -> list[str]:
    """Return the names of the columns of an array of two or three dimensions."""
    if len(shape) == 2:
        return [f"{name}_{number}" for number in range(1, shape[1] + 1)]
    return [f"pixel_{row}_{column}" for row in range(shape[1]) for column in range(shape[2])]


def _convert(array: np.ndarray) -> np.ndarray:
    """Return an array of a type that Polars has, NaN where it is masked."""
    is_masked = np.ma.is_masked(array)
    kind = array.dtype.kind
    if kind not in ("biuf" if is_masked else "biufUSMm"):
        remedy = ": make a table of it" if kind == "O" else ""
        raise DataError(f"arrays must hold real numbers or text, got {array.dtype}{remedy}")
    if is_masked:
        return np.ma.filled(array.astype(np.float64), np.nan)
    return np.asarray(array, dtype=_find_polars_type(array.dtype))


def _find_polars_type(dtype: np.dtype) -> DTypeLike | None:
    """Return the type of an array that Polars reads, None for its own."""
    if dtype.kind in "Mm":
        return f"{dtype.kind}8[us]"
    if dtype.kind == "b":
        return np.uint8
    return np.float64 if dtype.kind == "f" and dtype.itemsize not in (4, 8) else None


def join_tables(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """Return tables side by side; raise DataError when two columns have the same name."""
    check_names([name for table in tables for name in table.columns])
    return pl.concat(tables, how="horizontal")


def check_names(names: list[str]) -> None:
    """Raise DataError when two of the names are the same."""
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(f"columns must have different names, got {shorten(name)} twice")


def spread_vectors(table: pl.DataFrame) -> pl.DataFrame:
    """Return `table` with every column of vectors, or of images, split into columns of numbers.

    Raises DataError when two columns would then have the same name.
    """
    parts = [_spread(table[name]) for name in table.columns]
    return table if all(part.width == 1 for part in parts) else join_tables(parts)


def _spread(column: pl.Series) -> pl.DataFrame:
    vectors = _to_array(column)
    if vectors is None or not vectors.size or vectors.dtype.kind not in "biuf":
        return column.to_frame()
    return from_array(vectors, column.name)


def _to_array(column: pl.Series) -> np.ndarray | None:
    """Return a column of vectors as an array, None when it has no vectors of one length."""
    if column.null_count():
        return None
    if isinstance(column.dtype, pl.List) and column.dtype.inner.is_numeric():
        lengths = column.list.len()
        is_even = lengths.n_unique() == 1 and lengths[0]
        return column.list.to_array(lengths[0]).to_numpy() if is_even else None
    return column.to_numpy() if isinstance(column.dtype, pl.Array) else None


CONVERTERS: dict[Any, Callable[[Any], pl.DataFrame]] = {
    pl.DataFrame: lambda table: table,
    pl.LazyFrame: lambda table: table.collect(),
    np.ndarray: lambda array: from_array(array, "column"),
    pd.DataFrame: _from_pandas,
    pa.Table: from_arrow,
}
