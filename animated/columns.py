"""What the columns of a table are: features, pixels of images, a label."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from math import isqrt
from typing import NamedTuple

import numpy as np
import polars as pl

from animated.epochs import COLUMNS
from animated.tables import to_enum

KINDS = ("auto", "classes", "numbers")
# More colours than these nobody can tell apart.
MOST_CLASSES = 100
# Integers with no more different values than these are rather the names of classes.
FEW_VALUES = 20


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
    placed = _match(r"pixel_(\d+)_(\d+)", table)
    if placed:
        places = np.array(list(placed.values()))
        height, width = (places.max(axis=0) - places.min(axis=0) + 1).tolist()
    else:
        placed = _match(r"pixel_?(\d+)", table)
        height = width = isqrt(len(placed))
    is_whole = len(set(placed.values())) == height * width
    return (
        ImageColumns(sorted(placed, key=placed.get), height, width) if placed and is_whole else None
    )


def to_labels(column: pl.Series, kind: str = "auto") -> pl.Series:
    """Return a column as labels: Enum of its sorted classes, or Float32; null where missing.

    kind: "classes", "numbers", or "auto", which takes numeric columns for numbers if they have
        fractions or more than 20 different values.

    A name that an epoch store has for another column gets a `label_` before it.
    Raises ValueError when the label is missing everywhere, has more than 100 classes, or is of a
    type that cannot be what is asked.
    """
    column = column.fill_nan(None) if column.dtype.is_float() else column
    column = column.alias(f"label_{column.name}") if column.name in COLUMNS else column
    name, dtype, n_values = column.name, column.dtype, column.drop_nulls().n_unique()
    if not n_values:
        raise ValueError(f"label {name!r} must have values, got none in {len(column)} rows")
    if kind == "numbers" or (kind == "auto" and _is_number(column, n_values)):
        if not dtype.is_numeric():
            raise ValueError(f"label {name!r} must hold numbers, got {dtype}")
        return column.cast(pl.Float32)
    if dtype.is_nested() or dtype in (pl.Object, pl.Binary):
        raise ValueError(f"label {name!r} must hold words or numbers, got {dtype}")
    if n_values > MOST_CLASSES:
        raise ValueError(
            f"label {name!r} must have at most {MOST_CLASSES} classes, got {n_values}; "
            "labels that are numbers can be coloured by their value, as label_kind='numbers'"
        )
    return _to_classes(column)


def choose_features(
    table: pl.DataFrame, label: str | None, columns: Sequence[str] | None
) -> list[str]:
    """Return which columns of `table` are features.

    They are the given `columns`, or else the pixels of images, or else all that are numeric. The
    label is none of them, nor is a column without a single finite number.
    Raises ValueError for a column that does not exist or is not numeric, and when none is left.
    """
    for name in [*filter(None, [label]), *(columns or [])]:
        _check_name(name, table.columns)
    for name in columns or []:
        if not table[name].dtype.is_numeric():
            raise ValueError(f"column {name!r} must be numeric, got {table[name].dtype}")
    images = find_images(table)
    names = list(columns or (images.columns if images else table.columns))
    features = [name for name in names if name != label and _is_feature(table[name])]
    if not features:
        told = ", ".join(f"{name} ({dtype})" for name, dtype in list(table.schema.items())[:10])
        raise ValueError(f"data must have a numeric column besides the label, got {told}")
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


def _to_classes(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Enum:  # an unused category would take a colour
        column = column.cast(pl.String)
    elif column.dtype.is_float() and _is_whole(column):
        column = column.cast(pl.Int64)  # pandas makes floats of integers if some are missing
    return to_enum(column)


def _is_feature(column: pl.Series) -> bool:
    if not column.dtype.is_numeric():
        return False
    return bool(column.is_finite().any()) if column.dtype.is_float() else column.count() > 0


def _check_name(name: str, known: list[str]) -> None:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known[:10])}"
        raise ValueError(f"there is no column {name!r}; {hint}")
