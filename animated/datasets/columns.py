"""Decide what the columns of a table are: features, the pixels of images, or a label."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from math import isqrt
from reprlib import repr as shorten
from typing import NamedTuple

import numpy as np
import polars as pl
import polars.selectors as cs

from animated.validation import COLUMNS, NAMELESS, to_enum

KINDS = ("auto", "classes", "numbers")
# Nobody can tell more colours apart.
MOST_CLASSES = 100
# Integers with at most this many distinct values are more likely to number classes.
FEW_VALUES = 20
# Up to here float64 represents every integer exactly.
LARGEST_WHOLE = 2**53
# The longest name that an error message quotes in full, and the most names that it lists.
LONGEST_NAME, MOST_NAMES = 40, 10


class ImageColumns(NamedTuple):
    """The columns of a table that are pixels, row by row from the top left."""

    columns: list[str]
    height: int
    width: int


def find_images(table: pl.DataFrame) -> ImageColumns | None:
    """Return the columns of `table` that are the pixels of images, None when it has no images.

    They are the numeric columns named `pixel_<row>_<column>`, if they fill a rectangle, or else
    those named `pixel<number>`, if they make a square.
    """
    positions = _parse_names(r"pixel_(\d{1,6})_(\d{1,6})", table)
    if positions:
        corners = np.array(list(positions.values()))
        height, width = (corners.max(axis=0) - corners.min(axis=0) + 1).tolist()
    else:
        positions = _parse_names(r"pixel_?(\d{1,6})", table)
        height = width = isqrt(len(positions))
    if not positions or len(set(positions.values())) != height * width:
        return None
    return ImageColumns(sorted(positions, key=lambda name: positions[name]), height, width)


def to_labels(column: pl.Series, kind: str = "auto") -> pl.Series:
    """Return a column as labels: Enum of its sorted classes, or Float32; null where missing.

    kind: "classes", "numbers", or "auto", which treats a numeric column as numbers if it has
        fractions or more than 20 distinct values.

    NaN and infinite numbers count as missing.
    A name that is reserved for a column of the epoch store is prefixed with `label_`.

    >>> to_labels(pl.Series("kind", [10, 9, None, 10])).to_list()
    ['10', '9', None, '10']

    Raises ValueError when all values are missing, when there are more than 100 classes, when a
    number exceeds float32, and for a type that cannot be what `kind` says; TypeError when `column`
    is not a Polars Series.
    """
    if not isinstance(column, pl.Series):
        raise TypeError(f"labels must be a Polars Series, got {type(column).__name__}")
    column = column.alias(f"label_{column.name}") if column.name in COLUMNS else column
    _check_label_type(column)
    column = _drop_infinite(column)
    n_values = column.drop_nulls().n_unique()
    if not n_values:
        raise ValueError(
            f"label {shorten(column.name)} must have values, got none in {len(column)} rows"
        )
    if kind == "numbers" or (kind == "auto" and _is_number(column, n_values)):
        return _to_numbers(column)
    return _to_classes(column, n_values)


def choose_features(
    table: pl.DataFrame, label: str | None, columns: Sequence[str] | None
) -> list[str]:
    """Return the names of the features.

    They are the given `columns`, or else the pixels of images, or else all numeric columns, or, in
    a table without any, the Boolean ones. The label is never a feature, nor is a column without
    a single finite number.

    Raises ValueError for a column that does not exist, is listed twice or is not numeric, and when
    no feature remains; TypeError for names that are not strings.
    """
    if label is not None:
        _check_name(label, table.columns)
    if columns is not None:
        columns = _check_columns(columns, table)
    names = _find_features(table, label) if columns is None else columns
    features = [name for name in names if name != label and _has_numbers(table[name])]
    if not features:
        known = table.select(columns or pl.all())[:, :MOST_NAMES].schema.items()
        listed = ", ".join(f"{_cut(name)} ({_name_type(dtype)})" for name, dtype in known)
        raise ValueError(
            f"data must have numeric columns with values besides the label, got {listed}"
        )
    return features


def _check_name(name: str, known: list[str]) -> None:
    if not isinstance(name, str):
        raise TypeError(f"the name of a column must be text, got {shorten(name)}")
    if name not in known:
        similar = get_close_matches(name, known, n=1)
        columns = ", ".join(map(_cut, known[:MOST_NAMES]))
        hint = f"did you mean {shorten(similar[0])}?" if similar else f"the columns are {columns}"
        raise ValueError(f"there is no column {shorten(name)}; {hint}")


def _parse_names(pattern: str, table: pl.DataFrame) -> dict[str, tuple[int, ...]]:
    """Return the numbers in the names of the numeric columns that match, by name."""
    matches = {name: re.fullmatch(pattern, name) for name in table.select(cs.numeric()).columns}
    return {name: tuple(map(int, match.groups())) for name, match in matches.items() if match}


def _check_label_type(column: pl.Series) -> None:
    dtype = column.dtype
    if dtype.is_nested() or dtype in NAMELESS:
        name = shorten(column.name)
        raise ValueError(f"label {name} must hold text or numbers, got {_name_type(dtype)}")


def _drop_infinite(column: pl.Series) -> pl.Series:
    if not column.dtype.is_float():
        return column
    finite = pl.when(column.is_finite()).then(column)
    return pl.select(finite).to_series().alias(column.name)


def _is_number(column: pl.Series, n_values: int) -> bool:
    return column.dtype.is_numeric() and (n_values > FEW_VALUES or not _is_whole(column))


def _is_whole(column: pl.Series) -> bool:
    return bool((column.drop_nulls() % 1 == 0).all())


def _to_numbers(column: pl.Series) -> pl.Series:
    name, dtype = shorten(column.name), column.dtype
    if not dtype.is_numeric():
        raise ValueError(f"label {name} must hold numbers, got {_name_type(dtype)}")
    numbers = column.cast(pl.Float32)
    if numbers.is_infinite().any():
        largest = _find_largest(column)
        raise ValueError(f"label {name} must hold numbers that fit float32, got {largest:g}")
    return numbers


def _find_largest(column: pl.Series) -> float:
    """Return the largest absolute value, as float64."""
    return float(np.abs(column.cast(pl.Float64).drop_nulls().to_numpy()).max())


def _to_classes(column: pl.Series, n_values: int) -> pl.Series:
    if n_values > MOST_CLASSES:
        raise ValueError(
            f"label {shorten(column.name)} must have at most {MOST_CLASSES} classes, "
            f"got {n_values}; label_kind='numbers' colours a numeric label by its value"
        )
    if column.dtype == pl.Enum:  # an unused category would use up a colour
        column = column.cast(pl.String)
    elif column.dtype.is_float() and _is_whole(column) and _find_largest(column) < LARGEST_WHOLE:
        column = column.cast(pl.Int64)  # pandas turns integers into floats when some are missing
    return to_enum(column)


def _find_features(table: pl.DataFrame, label: str | None) -> list[str]:
    images = find_images(table)
    if images:
        return images.columns
    others = table.select(name for name in table.columns if name != label)
    return others.select(cs.numeric()).columns or others.select(cs.boolean()).columns


def _has_numbers(column: pl.Series) -> bool:
    return bool(column.is_finite().any()) if column.dtype.is_float() else column.count() > 0


def _check_columns(columns: Sequence[str], table: pl.DataFrame) -> list[str]:
    """Return the names as a list, of columns that exist, differ and are numeric."""
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise TypeError(f"columns must be a list of names, got {shorten(columns)}")
    columns = list(columns)
    if not columns:
        raise ValueError("columns must name at least one column, got none; None selects all")
    for name in columns:
        _check_name(name, table.columns)
        _check_numeric(table[name])
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise ValueError(f"columns must differ, got {shorten(twice)} more than once")
    return columns


def _check_numeric(column: pl.Series) -> None:
    if not column.dtype.is_numeric() and column.dtype != pl.Boolean:
        name, kind = shorten(column.name), _name_type(column.dtype)
        raise ValueError(f"column {name} must be numeric, got {kind}")


def _name_type(dtype: pl.DataType) -> str:
    return str(dtype.base_type())


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
