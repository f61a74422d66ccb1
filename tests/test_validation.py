"""What is checked before any work starts, as far as test_bad_input.py does not show it."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from animated import validation
from animated.validation import (
    check_choice,
    check_features,
    check_integer,
    check_pca,
    check_seed,
    to_enum,
    to_features,
    to_labels,
    to_numbers,
)


def test_features(digits):
    X = to_features(digits, label="digit")
    assert X.dtype == np.float32 and X.shape == (2_000, 784) and X.flags.c_contiguous
    assert X.max() == 255
    assert check_features(X) is X


def test_no_column_is_left_out_unasked():
    table = pl.DataFrame({"digit": [1, 2], "size": [3, 4], "label": [5, 6]})
    assert to_features(table).tolist() == [[1, 3, 5], [2, 4, 6]]
    assert to_features(table, label="label").tolist() == [[1, 3], [2, 4]]
    assert to_features(table, label="no such column").shape == (2, 3)


def test_numbers_have_the_smallest_type():
    table = pl.DataFrame({"a": [1, 2], "b": [True, None]}, schema_overrides={"a": pl.UInt8})
    assert to_numbers(table.select("a")).dtype == np.uint8
    numbers = to_numbers(table)
    assert numbers.dtype == np.float64 and numbers.flags.c_contiguous
    np.testing.assert_array_equal(numbers, [[1, 1], [2, np.nan]])


@pytest.mark.parametrize("value", [1, 7, np.int8(3), np.uint64(7)])
def test_integers(value):
    check_integer("n", value, 1, 7)
    check_seed(value)
    check_seed(None)


@pytest.mark.parametrize("value", [0, 8, True, 2.0, "2", None, np.float32(2)])
def test_no_integers(value):
    with pytest.raises(ValueError) as caught:
        check_integer("n", value, 1, 7)
    assert str(caught.value) == f"n must be an integer from 1 to 7, got {value!r}"


def test_choices():
    for value in ("a", "b", "c"):
        check_choice("kind", value, ("a", "b", "c"))
    with pytest.raises(ValueError, match=r"^kind must be 'a', 'b' or 'c', got 'd'$"):
        check_choice("kind", "d", ("a", "b", "c"))
    with pytest.raises(ValueError, match=r"^kind must be 'a', got None$"):
        check_choice("kind", None, ["a"])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            np.eye(3)[:, :1],
            r"^X must have at least 2 samples .*, got \(3, 1\); or not$",
        ),
        (np.ones((4, 3)), r"^X must have samples that differ by more than 1e-15 .*, got 4 that do"),
    ],
)
def test_first_embedding_by_pca(X, message):
    check_pca(np.eye(3), 2)
    with pytest.raises(ValueError, match=message):
        check_pca(X, 2, "; or not")


@pytest.mark.parametrize("kind", [pl.String, pl.Categorical, pl.Enum(["b", "a"])])
def test_enum_is_sorted(kind):
    enum = to_enum(pl.Series(["b", "a", None, "b"], dtype=kind))
    assert enum.dtype == pl.Enum(["a", "b"])
    assert enum.to_list() == ["b", "a", None, "b"]


def test_enum_of_numbers_is_sorted_by_value():
    assert to_enum(pl.Series([10, 9, 1])).dtype.categories.to_list() == ["1", "9", "10"]


DAYS = [datetime.date(2024, 1, 1), None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["b", None], ["b", None]),
        ((1, 2), [1, 2]),
        (np.array([1.5, np.nan]), [1.5, None]),
        (pd.Series(["b", "a"], index=[7, 8]), ["b", "a"]),
        (pl.Series("kind", ["b", "a"]), ["b", "a"]),
        (DAYS, DAYS),
    ],
)
def test_labels(values, expected):
    labels = to_labels("labels", values, 2)
    assert isinstance(labels, pl.Series) and labels.to_list() == expected
    assert labels.name == ("kind" if isinstance(values, pl.Series) else labels.name)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (["b"], ValueError, "y must have 2 values, one per sample, got 1"),
        ("bb", ValueError, "y must have 2 values, one per sample, got 0"),
        (["b", 1], TypeError, "y must be text, numbers or dates, not mixed, got list"),
        ([[1], [2]], TypeError, "y must be text, numbers or dates, got List"),
        ([b"a", b"b"], TypeError, "y must be text, numbers or dates, got Binary"),
    ],
)
def test_no_labels(values, error, message):
    with pytest.raises(error) as caught:
        to_labels("y", values, 2)
    assert str(caught.value) == message


def test_names_of_an_epoch_store():
    assert validation.COLUMNS == ("index", "x", "y", "z", "seen", "epoch")
    assert validation.AXES == ("x", "y", "z")
