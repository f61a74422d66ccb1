"""A distance of your own finds the neighbours that a plain comparison of all pairs finds."""

import numba
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from animated.neighbors import custom, distances
from animated.neighbors.custom import search_pairs

RANDOM = np.random.default_rng(0)
# Whole numbers, so that many distances and many samples are equal.
TIES = RANDOM.integers(0, 3, size=(150, 4)).astype(np.float32)


@numba.njit
def city_block(a, b):
    return np.abs(a - b).sum()


@numba.njit
def lopsided(a, b):
    return np.maximum(a - b, 0).sum()


@numba.njit
def apart(a, b):
    return 1 + np.abs(a - b).sum()


@numba.njit
def negative(a, b):
    return -np.abs(a - b).sum()


@numba.njit
def halves(a, b):
    return a[:2] - b[:2]


@numba.njit
def undefined(a, b):
    """NaN for a pair that is not among the samples a metric is checked on."""
    return np.abs(a - b).sum() if a[0] + b[0] < 100 else np.nan


def search_plainly(X, n_neighbors):
    """All city-block distances, sorted by distance, then by index, the sample itself first."""
    lengths = np.abs(X[:, None] - X).sum(axis=2)
    np.fill_diagonal(lengths, -1)
    indices = np.argsort(lengths, axis=1, kind="stable")[:, :n_neighbors]
    return indices, np.maximum(np.take_along_axis(lengths, indices, axis=1), 0)


@pytest.mark.parametrize("block", [7, 75, 128])
@pytest.mark.parametrize("n_samples", [149, 150])
def test_neighbors_are_those_of_all_pairs(monkeypatch, block, n_samples):
    monkeypatch.setattr(custom, "BLOCK", block)
    found = search_pairs(TIES[:n_samples], 12, metric=city_block)
    assert found.indices.dtype == np.int32 and found.distances.dtype == np.float32
    for array, wanted in zip(found, search_plainly(TIES[:n_samples], 12), strict=True):
        assert_array_equal(array, wanted)


def test_any_number_of_threads():
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        alone = search_pairs(TIES, 9, metric=city_block)
    finally:
        numba.set_num_threads(before)
    assert_array_equal(alone, search_pairs(TIES, 9, metric=city_block))


@pytest.mark.parametrize(
    ("metric", "error", "words"),
    [
        ("euclidean", TypeError, "compiled by numba.njit, got 'euclidean'"),
        (city_block.py_func, TypeError, "compiled by numba.njit, got <function city_block"),
        (lopsided, ValueError, "symmetric"),
        (apart, ValueError, "0 from a sample to itself, got 1.0"),
        (negative, ValueError, "not negative, got -"),
        (halves, ValueError, "must return a number, got array"),
    ],
)
def test_invalid_metrics_are_refused_before_any_work(monkeypatch, metric, error, words):
    monkeypatch.setattr(custom, "track", lambda *_, **__: pytest.fail("pairs are compared"))
    with pytest.raises(error, match=words):
        search_pairs(TIES, 5, metric=metric)


def test_invalid_distances_of_later_samples():
    X = np.concatenate([TIES, np.full((1, 4), 100, dtype=np.float32)])
    with pytest.raises(ValueError, match="finite distances of at least 0, got nan to nan"):
        search_pairs(X, 5, metric=undefined)


@pytest.mark.parametrize("n_neighbors", [1, 150, 5.0])
def test_numbers_of_neighbors(n_neighbors):
    with pytest.raises(
        ValueError, match=f"n_neighbors must be .* from 2 to 149, got {n_neighbors}"
    ):
        search_pairs(TIES, n_neighbors, metric=city_block)


def test_too_many_samples(monkeypatch):
    monkeypatch.setattr(distances, "LIMIT", 149)
    with pytest.raises(ValueError, match="search_pairs compares all pairs"):
        search_pairs(TIES, 5, metric=city_block)
