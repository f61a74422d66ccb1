"""Measures agree with scikit-learn, on any number of threads, wherever the points are."""

import numba
import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as stock_trustworthiness
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from animated.geometry import mean_displacement
from animated.neighbors.ranks import rank_samples
from animated.neighbors.search import find_neighbors
from animated.quality.epochs import Quality, measure_epochs
from animated.quality.measures import (
    label_accuracy,
    neighborhood_preservation,
    preserved_neighbors,
    search_embedding,
    trustworthiness,
)
from animated.runs.store import read_embedding, read_epoch, read_metadata

RANDOM = np.random.default_rng(0)
EMBEDDINGS = {
    "2-D": RANDOM.normal(size=(700, 2)),
    "3-D": RANDOM.normal(size=(700, 3)),
    "float32": RANDOM.normal(size=(700, 2)).astype(np.float32),
    "raster": RANDOM.integers(0, 8, size=(700, 2)),
    "raster in 3-D": RANDOM.integers(0, 3, size=(700, 3)),
    "one place": np.zeros((300, 2)),
    "line": np.c_[np.arange(300.0), np.zeros(300)],
    "heap": np.concatenate([np.zeros((500, 2)), RANDOM.normal(size=(200, 2))]),
    "far away": RANDOM.normal(size=(300, 2)) + 1e9,
    "smallest": RANDOM.normal(size=(16, 2)),
}


def search_plainly(points, n_neighbors):
    """All distances in float64, sorted by distance, then by index, without the point itself."""
    points = points.astype(np.float64)
    squares = sum((axis[:, None] - axis) ** 2 for axis in points.T)
    np.fill_diagonal(squares, -1)
    return np.argsort(squares, axis=1, kind="stable")[:, 1 : n_neighbors + 1]


@pytest.fixture(scope="module")
def embedding(X):
    return PCA(2, random_state=0).fit_transform(X)


@pytest.fixture(scope="module")
def quality(X, digits):
    return Quality(X, digits["digit"], n_queries=2_000)


@pytest.mark.parametrize("points", EMBEDDINGS.values(), ids=EMBEDDINGS)
def test_search(points):
    """The neighbours are as near as the nearest; equally near points are interchangeable."""
    found = search_embedding(points, 15)
    assert found.shape == (len(points), 15)
    assert (found != np.arange(len(points))[:, None]).all()
    assert all(len(set(row)) == 15 for row in found.tolist())
    points = points.astype(np.float64)
    seen, expected = (
        np.linalg.norm(points[places] - points[:, None], axis=2)
        for places in (found, search_plainly(points, 15))
    )
    assert_allclose(seen, expected, rtol=1e-12)


@pytest.mark.parametrize("n_features", [2, 784])
def test_measures_are_scikit_learns(X, digits, embedding, quality, n_features):
    """784 features are UMAP's data; 2 are the embedding itself, which loses nothing."""
    if n_features == 2:
        quality = Quality(embedding, digits["digit"], n_queries=2_000)
    measures = quality(embedding)
    data = embedding if n_features == 2 else X.astype(np.float64)
    inner = NearestNeighbors(n_neighbors=15).fit(data).kneighbors(return_distance=False)
    outer = NearestNeighbors(n_neighbors=15).fit(embedding).kneighbors(return_distance=False)
    kept = np.mean([len(set(a) & set(b)) / 15 for a, b in zip(inner, outer, strict=True)])
    vote = KNeighborsClassifier(15).fit(embedding, digits["digit"].to_numpy())
    assert set(measures) == {"preservation", "trustworthiness", "accuracy"}
    assert measures["preservation"] == pytest.approx(kept, abs=1e-6)
    assert measures["accuracy"] == vote.score(None, digits["digit"].to_numpy())
    assert measures["trustworthiness"] == pytest.approx(
        stock_trustworthiness(data, embedding, n_neighbors=15), abs=1e-6
    )
    if n_features == 2:
        assert measures["preservation"] == measures["trustworthiness"] == 1
    else:
        assert 0.01 < measures["preservation"] < 0.2 and 0.2 < measures["accuracy"] < 0.7


def test_trustworthiness_without_ties(X, embedding):
    # scikit-learn ranks tied digits in any order; noise breaks all ties.
    data = X[:800] + RANDOM.normal(size=(800, 784))
    ranks = rank_samples(data, np.arange(800))
    value = trustworthiness(ranks, search_embedding(embedding[:800], 20))
    expected = stock_trustworthiness(data, embedding[:800], n_neighbors=20)
    assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["digits", "raster"])
def test_ranks(X, name):
    """On the raster many points are equally near; the first of them ranks first."""
    points = X[:300] if name == "digits" else EMBEDDINGS["raster"][:300]
    queries = np.array([3, 150, 299])
    ranks = rank_samples(points, queries)
    squares = ((points[queries, None].astype(np.float64) - points) ** 2).sum(axis=-1)
    squares[np.arange(3), queries] = -1
    expected = np.argsort(np.argsort(squares, axis=1, kind="stable"), axis=1)
    assert_array_equal(ranks, expected)
    assert ranks.dtype == np.uint16 and ranks[0, 3] == 0


def test_ranks_of_numbers_far_from_zero(X):
    """float64 cannot separate neighbours by such large squares unless the data are centred."""
    queries = np.arange(0, 300, 10)
    near = X[:300].astype(np.float64)
    assert_array_equal(rank_samples(near + 1e9, queries), rank_samples(near, queries))


def test_few_queries_estimate_all(X, embedding, quality):
    few = Quality(X, n_queries=300, seed=1)
    again = Quality(X, n_queries=300, seed=1)
    measures = few(embedding)
    assert measures == again(embedding) and "accuracy" not in measures
    assert len(few.queries) == 300
    exact = quality(embedding)["trustworthiness"]
    assert measures["trustworthiness"] == pytest.approx(exact, abs=0.02)
    assert measures["trustworthiness"] != exact
    assert not np.array_equal(few.queries, Quality(X, n_queries=300, seed=2).queries)


def test_given_neighbors(X, embedding, quality):
    given = Quality(X, neighbors=find_neighbors(X, 20), n_queries=2_000)
    assert_array_equal(given.neighbors, quality.neighbors)
    assert given(embedding)["preservation"] == quality(embedding)["preservation"]


def test_votes_that_tie():
    # The neighbours of the first are two "b" and two "a": the smallest label wins.
    neighbors = np.array([[1, 2, 3, 4], [0, 2, 3, 4], [1, 0, 3, 4], [0, 1, 2, 4], [1, 2, 3, 0]])
    labels = ["a", "b", "b", "a", "a"]
    assert label_accuracy(labels, neighbors) == 3 / 5
    as_numbers = [10 if label == "a" else 20 for label in labels]
    for other in (
        np.array(labels),
        as_numbers,
        pl.Series(labels[::-1], dtype=pl.Categorical)[::-1],
    ):
        assert label_accuracy(other, neighbors) == 3 / 5
    swapped = ["b" if label == "a" else "a" for label in labels]
    assert label_accuracy(swapped, neighbors) == 0


def test_preservation_ignores_order():
    before = np.array([[1, 2, 3], [0, 2, 3]])
    after = np.array([[3, 1, 9], [3, 2, 0]])
    assert neighborhood_preservation(before, after) == 5 / 6
    assert preserved_neighbors(before, after).tolist() == [2 / 3, 1]


def test_displacement():
    before = np.array([[0, 0], [1, 1]], dtype=np.float32)
    assert mean_displacement(before, before + np.array([[3, 4], [0, 1]])) == 3


def test_two_pixels_as_axes(X, digits, quality):
    """Most digits coincide in a few places; none may be its own neighbour."""
    embedding = X[:, [0, 400]]
    _, counts = np.unique(embedding, axis=0, return_counts=True)
    assert counts.max() > 500
    assert (search_embedding(embedding, 15) != np.arange(2_000)[:, None]).all()
    measures = quality(embedding)
    assert measures == quality(embedding)
    assert measures["preservation"] < 0.02 and measures["accuracy"] < 0.4
    assert 0.4 < measures["trustworthiness"] < 0.65


def test_any_number_of_threads(X, embedding, digits, quality):
    before = numba.get_num_threads()
    results = []
    try:
        for n_threads in sorted({1, before}):
            numba.set_num_threads(n_threads)
            results.append((quality(embedding), rank_samples(X, np.arange(0, 2_000, 10))))
    finally:
        numba.set_num_threads(before)
    assert results[0][0] == results[-1][0]
    assert_array_equal(results[0][1], results[-1][1])


def test_cost(project, X):
    path, quality = project / "data/epochs.parquet", Quality(X[:600], n_queries=10)
    number = measure_epochs(path, quality, [2], cost=lambda embedding: float(embedding.sum()))
    assert number["cost"].item() == pytest.approx(read_embedding(path, 2).sum())
    several = measure_epochs(path, quality, [2], cost=lambda _: {"loss": 1.0, "size": 2.0})
    assert several.columns[-3:] == ["loss", "size", "displacement"]
    with pytest.raises(TypeError, match="cost must be callable or None, got int"):
        measure_epochs(path, quality, cost=1)


def test_epochs(project, X, digits):
    path = project / "data/epochs.parquet"
    seen = []

    def cost(embedding):
        seen.append(embedding)
        return {"loss": len(seen)}

    quality = Quality(X[:600], digits["digit"][:600], n_queries=600)
    table = measure_epochs(path, quality, cost=cost)
    assert table.schema["epoch"] == pl.UInt16
    assert set(table.columns) == {
        *("epoch", "preservation", "trustworthiness", "accuracy", "displacement", "loss")
    }
    assert all(table[name].dtype == pl.Float64 for name in table.columns[1:])
    assert table["epoch"].to_list() == [0, 1, 2, 3]
    assert table["displacement"][0] is None and table["loss"].to_list() == [1, 2, 3, 4]
    # Each class has its own place, and the noise around it shrinks.
    assert table["accuracy"].is_sorted() and table["accuracy"][-1] == 1
    metadata, positions = read_metadata(path), read_epoch(path, 2).select("x", "y").to_numpy()
    assert_allclose(seen[2], positions * metadata["scale"] + metadata["offset"], atol=1e-5)
    assert table["preservation"][2] == quality(positions)["preservation"]
    earlier = read_epoch(path, 1).select("x", "y").to_numpy()
    moved = np.sqrt(((positions - earlier) ** 2).sum(axis=1)).mean()
    assert table["displacement"][2] == pytest.approx(moved, rel=1e-5)


def test_some_epochs(project, X):
    path = project / "data/epochs.parquet"
    quality = Quality(X[:600], n_queries=50)
    every, some = measure_epochs(path, quality), measure_epochs(path, quality, [0, 3])
    assert some["epoch"].to_list() == [0, 3]
    assert some["preservation"].to_list() == every["preservation"].gather([0, 3]).to_list()
    first, last = (read_epoch(path, epoch).select("x", "y").to_numpy() for epoch in (0, 3))
    assert some["displacement"][1] == pytest.approx(mean_displacement(first, last), rel=1e-6)
    assert measure_epochs(path, quality, [2])["displacement"].to_list() == [None]


@pytest.mark.parametrize(("epochs", "got"), [([0, 1, 7], "7"), ([], "none"), ([0.5], "0.5")])
def test_epochs_that_are_missing(project, X, epochs, got):
    quality = Quality(X[:600], n_queries=10)
    with pytest.raises(ValueError, match=f"among those in the store, 0 to 3, got {got}$"):
        measure_epochs(
            project / "data/epochs.parquet", quality, epochs, cost=lambda _: pytest.fail("work")
        )


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"n_neighbors": 0}, ValueError, "n_neighbors must be an integer of at least 1, got 0"),
        ({"n_neighbors": 10}, ValueError, "less than half of the 20 samples, got 10"),
        ({"n_queries": 0}, ValueError, "n_queries must be an integer of at least 1, got 0"),
        ({"labels": ["a"] * 19}, ValueError, "labels must have 20 values, one per sample, got 19"),
        ({"labels": ["a"] * 19 + [None]}, ValueError, "must not be missing, got 1 missing"),
        ({"labels": np.r_[np.nan, np.ones(19)]}, ValueError, "must not be missing, got 1"),
        ({"X": "digits"}, TypeError, "X must be an array of numbers, got str"),
        ({"X": np.zeros(20)}, ValueError, r"X must have shape \(n_samples, n_features\)"),
    ],
)
def test_bad_arguments(monkeypatch, arguments, error, message):
    monkeypatch.setattr(
        "animated.quality.epochs.find_neighbors", lambda *_: pytest.fail("it searches")
    )
    X = np.zeros((20, 3), dtype=np.float32)
    with pytest.raises(error, match=message):
        Quality(**{"X": X, "n_neighbors": 5} | arguments)


def test_too_few_neighbors(X):
    with pytest.raises(ValueError, match="at least 16 columns, got 15"):
        Quality(X, neighbors=find_neighbors(X, 15))


def test_invalid_embeddings(quality, embedding):
    with pytest.raises(ValueError, match=r"shape \(2000, 2 or 3\), got \(1999, 2\)"):
        quality(embedding[:-1])
    with pytest.raises(ValueError, match="embedding must be finite, got 1 rows that are not"):
        quality(np.where(np.arange(2_000)[:, None] == 7, np.nan, embedding))
    with pytest.raises(ValueError, match=r"same .* shape, got \(2000, 2\) and \(1999, 2\)"):
        mean_displacement(embedding, embedding[:-1])
    with pytest.raises(ValueError, match="n_neighbors must be an integer from 1 to 1999, got 2000"):
        search_embedding(embedding, 2_000)
    with pytest.raises(ValueError, match="must have 3 rows like ranks, got 2"):
        trustworthiness(np.zeros((3, 9), dtype=int), np.zeros((2, 2), dtype=int))
