"""Neighbours are exact to the last digit, the same on any number of cores, and cached."""

import inspect

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits
from umap import umap_ as stock
from umap.distances import named_distances as umap_metrics

from animated.neighbors import approximate, exact, search
from animated.neighbors.search import Neighbors, cut_neighbors, find_neighbors

RANDOM = np.random.default_rng(0)
# Whole numbers, so that many distances and many samples are equal.
TIES = RANDOM.integers(0, 3, size=(400, 6)).astype(np.float32)
NOISE = RANDOM.normal(size=(300, 20)).astype(np.float32)


def search_plainly(X, n_neighbors):
    """All distances in float64, sorted by distance, then by index, the sample itself first."""
    X = X.astype(np.float64)
    squares = np.array([((X - row) ** 2).sum(axis=1) for row in X])
    np.fill_diagonal(squares, -1)
    indices = np.argsort(squares, axis=1, kind="stable")[:, :n_neighbors]
    distances = np.sqrt(np.maximum(np.take_along_axis(squares, indices, axis=1), 0))
    return indices, distances.astype(np.float32)


def assert_same(found, expected):
    for array, wanted in zip(found, expected, strict=True):
        assert_array_equal(array, wanted)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(exact, "BLOCK", 64)


@pytest.fixture
def no_search(monkeypatch):
    """After a call, finding neighbours again fails."""

    def forbid():
        for module in (exact, approximate):
            monkeypatch.setattr(module, "search", lambda *_: pytest.fail("neighbours are searched"))

    return forbid


def test_digits(X):
    found = find_neighbors(X, 15)
    assert found.indices.dtype == np.int32 and found.distances.dtype == np.float32
    assert found.indices.shape == found.distances.shape == (2_000, 15)
    search = NearestNeighbors(n_neighbors=15, algorithm="brute").fit(X.astype(np.float64))
    distances, indices = search.kneighbors()  # which leaves out the sample itself
    assert_array_equal(found.distances[:, 1:], distances[:, :14].astype(np.float32))
    assert_array_equal(found.indices[:, 1:], indices[:, :14])
    assert_array_equal(found.indices[:, 0], np.arange(2_000))


@pytest.mark.parametrize(
    "data",
    [
        TIES,
        np.zeros((70, 3)),
        np.repeat(NOISE, 2, axis=0),
        NOISE + 30_000,  # products in float32 would lose all distances
        NOISE + 1e7,  # products in float64 lose digits
        3e7 + 2 * RANDOM.integers(0, 3, size=(300, 100)),  # and more than the smallest difference
        NOISE * 1e-25,  # squares too small for float32
        NOISE * 1e25,  # or too large
        np.concatenate([NOISE, [[1e30] * 20]]),
        np.concatenate([[[1e30] * 20, [-1e30] * 20], NOISE * 1e8]),
        np.float32(3e37) * np.sign(NOISE),
        np.sort(NOISE, axis=0)[::-1],
    ],
    ids=[
        "ties",
        "same",
        "twins",
        "offset",
        "far",
        "farther",
        "tiny",
        "huge",
        "outlier",
        "ends",
        "largest",
        "sorted",
    ],
)
@pytest.mark.filterwarnings("error")  # nothing may overflow
def test_hard_data(small_blocks, data):
    data = data.astype(np.float32)
    assert_same(exact.search(data, 12, "euclidean"), search_plainly(data, 12))


@pytest.mark.parametrize("n_samples", [63, 64, 65, 128, 129])
@pytest.mark.parametrize("n_neighbors", [2, 62])
def test_ends_of_blocks(small_blocks, n_samples, n_neighbors):
    data = NOISE[:n_samples]
    assert_same(find_neighbors(data, n_neighbors), search_plainly(data, n_neighbors))


@pytest.mark.parametrize("n_features", [1, 3, 1_000])
def test_numbers_of_features(small_blocks, n_features):
    data = RANDOM.integers(0, 256, size=(200, n_features)).astype(np.float32)
    assert_same(find_neighbors(data, 5), search_plainly(data, 5))


def test_any_number_of_threads(small_blocks, X):
    results = []
    before = numba.get_num_threads()
    for n_threads in sorted({1, before}):
        numba.set_num_threads(n_threads)
        try:
            with threadpool_limits(n_threads):
                results.append(find_neighbors(X[:700]))
        finally:
            numba.set_num_threads(before)
    assert_same(results[0], results[-1])


@pytest.mark.parametrize("n_shares", [1, 2, 3, 7])
def test_any_number_of_shares(small_blocks, monkeypatch, n_shares):
    expected = search_plainly(TIES[:150], 9)
    monkeypatch.setattr(exact.numba, "get_num_threads", lambda: n_shares)
    assert_same(find_neighbors(TIES[:150], 9), expected)


def test_order_of_candidates_does_not_matter(small_blocks, monkeypatch):
    """scikit-learn returns equally near samples in any order."""
    search_brute = NearestNeighbors.kneighbors

    def search_reversed(self, X, **options):
        assert not options.pop("return_distance") and len(X) <= 64
        candidates = search_brute(self, X, return_distance=False)
        return np.ascontiguousarray(candidates[:, ::-1])

    monkeypatch.setattr(NearestNeighbors, "kneighbors", search_reversed)
    for data in (TIES, NOISE):
        assert_same(find_neighbors(data, 9), search_plainly(data, 9))


def test_candidates_are_enough_for_most_samples(monkeypatch, X):
    """Only samples with many ties need all pairs, which is slow."""
    monkeypatch.setattr(exact, "select_nearest", exact.select_nearest.py_func)
    sizes = []

    def count(X, i, others):
        sizes.append(len(others))
        return np.where(others == i, -1, ((X[others].astype(float) - X[i]) ** 2).sum(axis=1))

    monkeypatch.setattr(exact, "_measure", count)
    assert_same(find_neighbors(X[:300], 15), search_plainly(X[:300], 15))
    assert sizes == [15 + exact.N_SPARE] * 300


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_angles(small_blocks, metric):
    data = np.concatenate([NOISE, np.full((2, 20), 0), 3 * NOISE[:2]]).astype(np.float32)
    found = find_neighbors(data, 10, metric=metric)
    directions = data.astype(np.float64)
    if metric == "correlation":
        directions -= directions.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    expected = 1 - (directions / np.maximum(lengths, 1e-9)) @ (directions / lengths.clip(1e-9)).T
    expected[300:302, 300:302] = 0  # both without a direction
    nearest = np.sort(expected, axis=1)[:, :10]
    assert_allclose(found.distances, nearest, atol=1e-6)
    assert_allclose(np.take_along_axis(expected, found.indices, axis=1), nearest, atol=1e-6)
    assert found.indices[0, 1] == 302 and found.indices[300, 1] == 301


@numba.njit
def city_block(a, b):
    return np.abs(a - b).sum()


@pytest.fixture
def calls(monkeypatch):
    """The calls of NN-descent, which is replaced, as its compilation takes seconds."""
    calls = []

    def fake(*arguments, **named):
        call = signature.bind(*arguments, **named)
        call.apply_defaults()
        calls.append(call.arguments)
        found = search_plainly(call.arguments["X"], call.arguments["n_neighbors"])
        return *found, None

    signature = inspect.signature(approximate.nearest_neighbors)
    monkeypatch.setattr(approximate, "nearest_neighbors", fake)
    return calls


@pytest.mark.parametrize(
    ("metric", "passed", "angular"),
    [
        ("manhattan", "manhattan", False),
        ("jaccard", "jaccard", True),
        ("ll_dirichlet", umap_metrics["ll_dirichlet"], True),
        (city_block, city_block, False),
    ],
)
def test_other_metrics_are_left_to_nn_descent(calls, metric, passed, angular):
    found = find_neighbors(NOISE, 10, metric=metric)
    assert_same(found, search_plainly(NOISE, 10))
    assert found.indices.dtype == np.int32 and found.distances.dtype == np.float32
    (call,) = calls
    assert call["metric"] is passed and call["angular"] == angular
    assert call["n_jobs"] == -1 and call["low_memory"] is True


def test_nn_descent_is_called_as_umap_learn_does(calls, monkeypatch, X):
    monkeypatch.setattr(search, "EXACT_LIMIT", 299)
    monkeypatch.setattr(stock, "nearest_neighbors", approximate.nearest_neighbors)
    find_neighbors(X[:300], 5)
    model = stock.UMAP(n_neighbors=5, n_epochs=0, n_jobs=1, random_state=approximate.SEED)
    model.set_params(force_approximation_algorithm=True).fit(X[:300])
    ours, theirs = calls
    for name in set(ours) - {"X", "random_state", "n_jobs"}:
        assert ours[name] == theirs[name], name
    assert_array_equal(ours["X"], theirs["X"])


def test_many_samples_are_left_to_nn_descent(calls, tmp_path, monkeypatch, no_search):
    monkeypatch.setattr(search, "EXACT_LIMIT", 299)
    find_neighbors(NOISE[:299], 5, folder=tmp_path)
    assert not calls
    for n_neighbors in (5, 6):  # more neighbours are another search
        find_neighbors(NOISE, n_neighbors, folder=tmp_path)
    assert_array_equal(*(call["random_state"].get_state()[1] for call in calls))
    assert len(calls) == 2 and len([*tmp_path.iterdir()]) == 3
    no_search()
    assert_same(find_neighbors(NOISE, 5, folder=tmp_path), search_plainly(NOISE, 5))


def test_found_once(tmp_path, no_search):
    folder = tmp_path / "new/cache"
    found = find_neighbors(NOISE, 9, folder=folder)
    no_search()
    assert_same(find_neighbors(NOISE, 9, folder=folder), found)
    fewer = find_neighbors(NOISE, 4, folder=folder)
    assert_same(fewer, search_plainly(NOISE, 4))
    assert all(array.flags.c_contiguous and array.flags.writeable for array in fewer)


def test_more_neighbors_replace_fewer(tmp_path, no_search):
    find_neighbors(NOISE, 4, folder=tmp_path)
    assert_same(find_neighbors(NOISE, 9, folder=tmp_path), search_plainly(NOISE, 9))
    assert len([*tmp_path.iterdir()]) == 1
    no_search()
    find_neighbors(NOISE, 9, folder=tmp_path)


def test_other_data_and_metrics_are_other_files(tmp_path):
    changed = NOISE.copy()
    changed[-1, -1] += 1
    for data in (NOISE, changed, NOISE[:-1], NOISE.reshape(600, 10)):
        assert_same(find_neighbors(data, 5, folder=tmp_path), search_plainly(data, 5))
    found = find_neighbors(NOISE, 5, metric="cosine", folder=tmp_path)
    assert_same(found, find_neighbors(NOISE, 5, metric="cosine"))
    assert len([*tmp_path.iterdir()]) == 5


def test_damaged_file_is_replaced(tmp_path):
    data = NOISE[:40]
    expected = find_neighbors(data, 3, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= RANDOM.integers(1, 256)
        path.write_bytes(damaged)
        assert_same(find_neighbors(data, 3, folder=tmp_path), expected)
    for content in (b"", whole[:-1], whole[:100], b"not a file of arrays"):
        path.write_bytes(content)
        assert_same(find_neighbors(data, 3, folder=tmp_path), expected)
        assert path.read_bytes() == whole
    assert len([*tmp_path.iterdir()]) == 1


def test_array_is_not_trusted_to_be_as_its_header_says(tmp_path):
    find_neighbors(NOISE, 5, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes().replace(b"(300, 5)", b"(300, 3)"))
    assert_same(find_neighbors(NOISE, 3, folder=tmp_path), search_plainly(NOISE, 3))


def test_interrupted_search_leaves_nothing(tmp_path, monkeypatch, small_blocks):
    blocks, search_brute = [], NearestNeighbors.kneighbors

    def interrupt(self, X, **options):
        blocks.append(X)
        if len(blocks) == 2:
            raise KeyboardInterrupt
        return search_brute(self, X, **options)

    monkeypatch.setattr(NearestNeighbors, "kneighbors", interrupt)
    with pytest.raises(KeyboardInterrupt):
        find_neighbors(NOISE, 5, folder=tmp_path)
    assert len(blocks) == 2 and not [*tmp_path.iterdir()]


def test_cut_neighbors():
    found = find_neighbors(NOISE, 9)
    cut = cut_neighbors(found, 300, 4)
    assert_same(cut, (found.indices[:, :4], found.distances[:, :4]))
    cut.indices[:] = -1
    assert found.indices.min() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_neighbors": 1}, "n_neighbors must be an integer from 2 to 299, got 1"),
        ({"n_neighbors": 300}, "n_neighbors must be an integer from 2 to 299, got 300"),
        ({"n_neighbors": 2.5}, "n_neighbors must be .* got 2.5"),
        ({"n_neighbors": True}, "n_neighbors must be .* got True"),
        ({"metric": "euclid"}, "metric must be one of umap-learn's or .* got 'euclid'"),
        ({"metric": "precomputed"}, "metric must be one of umap-learn's or .* got 'precomputed'"),
        (
            {"metric": max},
            "metric must be one of .* compiled by numba, got <built-in function max>",
        ),
        ({"metric": city_block, "folder": "."}, "folder must be None if metric is a function"),
        ({"X": np.full((9, 2), np.nan)}, "finite, got nan in row 0, column 0"),
        ({"X": np.zeros((2, 2))}, "X must have at least 3 samples to have neighbours, got 2"),
        ({"folder": __file__}, "folder must not be a file, or in one, got "),
    ],
)
def test_bad_input_is_refused_before_any_work(no_search, change, message):
    no_search()
    with pytest.raises(ValueError, match=message):
        find_neighbors(**({"X": NOISE} | change))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((9, 4), (9, 4)), "neighbors must have one row for each of 10 samples, got 9"),
        (((10, 3), (10, 3)), "neighbors must have at least 4 columns, got 3"),
        (((10, 4), (10, 5)), r"two arrays of the same shape, got shapes \[\(10, 4\), \(10, 5\)\]"),
        (((10,), (10,)), r"two arrays of the same shape, got shapes \[\(10,\), \(10,\)\]"),
    ],
)
def test_neighbors_that_do_not_fit_are_refused(shapes, message):
    with pytest.raises(ValueError, match=message):
        cut_neighbors(Neighbors(*map(np.zeros, shapes)), 10, 4)
