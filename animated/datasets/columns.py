"""What the columns of a table are: features, pixels of images, a label."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from math import isqrt
from reprlib import repr as shorten
from typing import NamedTuple

import numpy as np
import polars as pl

from animated.validation import COLUMNS, NAMELESS, to_enum

KINDS = ("auto", "classes", "numbers")
# More colours than these nobody can tell apart.
MOST_CLASSES = 100
# Integers with no more different values than these are rather the names of classes.
FEW_VALUES = 20
# Up to here every whole number is a float64 of its own.
LARGEST_WHOLE = 2**53
# Of a name in a message.
LONGEST_NAME = 40


class ImageColumns(NamedTuple):
    """The columns of a table that are pixels, row by row from the top left."""

    columns: list[str]
    height: int
    width: int


def find_images(table: pl.DataFrame) -> ImageColumns | None:
    """Return which columns of `table` are the pixels of images, None when there are no images.

    They are the numeric ones that are called `pixel_<row>_<column>` and fill a rectangle, or else
    those called `pixel<number>` if they make a square.
    """
    placed = _match(r"pixel_(\d{1,6})_(\d{1,6})", table)
    if placed:
        places = np.array(list(placed.values()))
        height, width = (places.max(axis=0) - places.min(axis=0) + 1).tolist()
    else:
        placed = _match(r"pixel_?(\d{1,6})", table)
        height = width = isqrt(len(placed))
    is_whole = len(set(placed.values())) == height * width
    return (
        ImageColumns(sorted(placed, key=placed.get), height, width) if placed and is_whole else None
    )


def to_labels(column: pl.Series, kind: str = "auto") -> pl.Series:
    """Return a column as labels: Enum of its sorted classes, or Float32; null where missing.

    kind: "classes", "numbers", or "auto", which takes numeric columns for numbers if they have
        fractions or more than 20 different values.

    NaN and infinite numbers are missing, too.
    A name that an epoch store has for another column gets a `label_` before it.
    Raises ValueError when the label is missing everywhere, has more than 100 classes, is beyond
    float32, or is of a type that cannot be what is asked, and TypeError for what is no Series.
    """
    if not isinstance(column, pl.Series):
        raise TypeError(f"labels must be a Polars Series, got {type(column).__name__}")
    column = column.alias(f"label_{column.name}") if column.name in COLUMNS else column
    name, dtype = shorten(column.name), column.dtype
    if dtype.is_nested() or dtype in NAMELESS:
        raise ValueError(f"label {name} must hold words or numbers, got {dtype.base_type()}")
    if dtype.is_float():
        column = pl.select(pl.when(column.is_finite()).then(column)).to_series().alias(column.name)
    n_values = column.drop_nulls().n_unique()
    if not n_values:
        raise ValueError(f"label {name} must have values, got none in {len(column)} rows")
    if kind == "numbers" or (kind == "auto" and _is_number(column, n_values)):
        return _to_numbers(column)
    if n_values > MOST_CLASSES:
        raise ValueError(
            f"label {name} must have at most {MOST_CLASSES} classes, got {n_values}; "
            "labels that are numbers can be coloured by their value, as label_kind='numbers'"
        )
    return _to_classes(column)


def choose_features(
    table: pl.DataFrame, label: str | None, columns: Sequence[str] | None
) -> list[str]:
    """Return which columns of `table` are features.

    They are the given `columns`, or else the pixels of images, or else all that are numeric, or if
    none is, those that hold truth values. The label is none of them, nor is a column without a
    single finite number.
    Raises ValueError for a column that does not exist, is named twice or is not numeric, and when
    none is left, and TypeError for what are no names.
    """
    if label is not None:
        _check_name(label, table.columns)
    columns = [] if columns is None else _check_columns(columns, table.columns)
    for name in columns:
        if not _is_numeric(table[name].dtype):
            dtype = table[name].dtype.base_type()
            raise ValueError(f"column {shorten(name)} must be numeric, got {dtype}")
    images = find_images(table)
    names = columns or (images.columns if images else _find_numeric(table, label))
    features = [name for name in names if name != label and _has_numbers(table[name])]
    if not features:
        known = [(name, table[name].dtype.base_type()) for name in columns or table.columns]
        told = ", ".join(f"{_cut(name)} ({dtype})" for name, dtype in known[:10])
        raise ValueError(
            f"data must have numeric columns with values besides the label, got {told}"
        )
    return features


def _match(pattern: str, table: pl.DataFrame) -> dict[str, tuple[int, ...]]:
    """Return the numbers in the names of those numeric columns that match."""
    numeric = [name for name, dtype in table.schema.items() if dtype.is_numeric()]
    matches = {name: re.fullmatch(pattern, name) for name in numeric}
    return {name: tuple(map(int, match.groups())) for name, match in matches.items() if match}


def _is_number(column: pl.Series, n_values: int) -> bool:
    has_fractions = column.dtype.is_numeric() and not _is_whole(column)
    return has_fractions or (column.dtype.is_numeric() and n_values > FEW_VALUES)


def _is_whole(column: pl.Series) -> bool:
    return bool((column.drop_nulls() % 1 == 0).all())


def _to_numbers(column: pl.Series) -> pl.Series:
    name, dtype = shorten(column.name), column.dtype
    if not dtype.is_numeric():
        raise ValueError(f"label {name} must hold numbers, got {dtype.base_type()}")
    numbers = column.cast(pl.Float32)
    if numbers.is_infinite().any():
        largest = column.cast(pl.Float64).abs().max()
        raise ValueError(f"label {name} must hold numbers that fit float32, got {largest:g}")
    return numbers


def _to_classes(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Enum:  # an unused category would take a colour
        column = column.cast(pl.String)
    elif column.dtype.is_float() and _is_whole(column) and column.abs().max() < LARGEST_WHOLE:
        column = column.cast(pl.Int64)  # pandas makes floats of integers if some are missing
    return to_enum(column)


def _is_numeric(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype == pl.Boolean


def _find_numeric(table: pl.DataFrame, label: str | None) -> list[str]:
    schema = {name: dtype for name, dtype in table.schema.items() if name != label}
    numeric = [name for name, dtype in schema.items() if dtype.is_numeric()]
    return numeric or [name for name, dtype in schema.items() if dtype == pl.Boolean]


def _has_numbers(column: pl.Series) -> bool:
    return bool(column.is_finite().any()) if column.dtype.is_float() else column.count() > 0


def _check_columns(columns: Sequence[str], known: list[str]) -> list[str]:
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise TypeError(f"columns must be a list of names, got {shorten(columns)}")
    columns = list(columns)
    if not columns:
        raise ValueError("columns must name at least one, got none; None takes all of them")
    for name in columns:
        _check_name(name, known)
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise ValueError(f"columns must differ, got {shorten(twice)} more than once")
    return columns


def _check_name(name: str, known: list[str]) -> None:
    if not isinstance(name, str):
        raise TypeError(f"the name of a column must be text, got {shorten(name)}")
    if name not in known:
        near = get_close_matches(name, known, n=1)
        there = ", ".join(map(_cut, known[:10]))
        hint = f"did you mean {shorten(near[0])}?" if near else f"there are {there}"
        raise ValueError(f"there is no column {shorten(name)}; {hint}")


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
