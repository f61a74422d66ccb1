"""The callback shows what stock umap-learn does, bit for bit, and changes nothing."""

import numpy as np
import polars as pl
import pytest
import umap as stock
from numpy.testing import assert_array_equal

from animated.methods import _umap, umap
from animated.neighbors.search import Neighbors, find_neighbors

FOUR = Neighbors(np.zeros((4, 3), dtype=np.int32), np.zeros((4, 3), dtype=np.float32))


class Recorder(list):
    """A callback that keeps what it is handed, without copying it."""

    def __call__(self, epoch, embedding):
        assert epoch == len(self)
        self.append(embedding)


def fit_stock(X, n_epochs, y=None, **parameters):
    return stock.UMAP(n_epochs=n_epochs, n_jobs=1, **parameters).fit(X, y)


def test_every_epoch_is_stock_umap(X, monkeypatch):
    initial = []
    optimize = stock.umap_.optimize_layout_euclidean

    def record(head_embedding, *args, **kwargs):
        initial.append(head_embedding.copy())
        return optimize(head_embedding, *args, **kwargs)

    few = X[:500]
    with monkeypatch.context() as patch:
        patch.setattr(stock.umap_, "optimize_layout_euclidean", record)
        plain = fit_stock(few, 99, random_state=42)
    snapshots = fit_stock(few, list(range(100)), random_state=42).embedding_list_
    shown = Recorder()
    embedding = umap(few, n_epochs=99, seed=42, on_epoch=shown)

    assert len(shown) == 100
    assert_array_equal(shown[0], initial[0])
    # Stock umap-learn's own snapshots start after the first step and repeat the last one.
    for k, snapshot in enumerate(snapshots[:99]):
        assert_array_equal(shown[k + 1], snapshot)
    assert_array_equal(embedding, plain.embedding_)
    assert_array_equal(embedding, shown[-1])
    assert_array_equal(shown[0], shown[1])
    assert not np.array_equal(shown[1], shown[2])
    assert embedding.dtype == np.float32 and embedding.shape == (500, 2)


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_components": 3},
        {"y": np.arange(400) % 10},
        {"densmap": True},
        {"metric": "cosine"},
        {"unique": True},
        {"init": "random", "n_neighbors": 5},
    ],
    ids=lambda parameters: "-".join(parameters),
)
def test_result_is_that_of_stock_umap(X, parameters):
    data = np.concatenate([X[:380], X[:20]])  # with duplicates, for unique
    expected = fit_stock(data, 20, random_state=1, **parameters).embedding_
    shown = Recorder()
    embedding = umap(data, n_epochs=20, seed=1, on_epoch=shown, **parameters)
    assert_array_equal(embedding, expected)
    assert_array_equal(embedding, shown[-1])
    assert_array_equal(embedding, umap(data, n_epochs=20, seed=1, **parameters))
    assert len(shown) == 21


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"n_components": 3, "min_dist": 0.5},
        {"y": np.arange(400) % 10},
        {"densmap": True},
        {"metric": "cosine"},
        {"n_neighbors": 5},
        {"init": "random", "random_state": None},
        {"disconnection_distance": 2_000.0},
    ],
    ids=lambda parameters: "-".join(parameters) or "default",
)
@pytest.mark.filterwarnings("ignore:.*search_index|.*disconnected|Graph is not fully")
def test_neighbors_are_those_of_stock_umap(X, parameters):
    parameters = {"random_state": 1} | parameters
    found = find_neighbors(X[:400], 20, metric=parameters.get("metric", "euclidean"))
    copy = Neighbors(*(array.copy() for array in found))
    k = parameters.get("n_neighbors", 15)
    given = tuple(np.ascontiguousarray(array[:, :k]) for array in found)
    expected = fit_stock(X[:400], 20, precomputed_knn=given, **parameters).embedding_
    seed = parameters.pop("random_state")
    shown = Recorder()
    embedding = umap(
        X[:400], n_epochs=20, seed=seed, neighbors=found, on_epoch=shown, n_jobs=1, **parameters
    )
    if seed is not None:
        assert_array_equal(embedding, expected)
        plain = umap(X[:400], n_epochs=20, seed=seed, neighbors=found, **parameters)
        assert_array_equal(embedding, plain)
    assert_array_equal(embedding, shown[-1])
    assert len(shown) == 21
    for array, before in zip(found, copy, strict=True):
        assert_array_equal(array, before)


def test_neighbors_are_used(X, monkeypatch, recwarn):
    def forbid(*args, **kwargs):
        pytest.fail("distances are computed")

    monkeypatch.setattr(stock.umap_, "nearest_neighbors", forbid)
    monkeypatch.setattr(stock.umap_, "pairwise_distances", forbid)
    umap(X[:500], n_epochs=3, seed=1, neighbors=find_neighbors(X[:500]))
    assert not [str(warning.message) for warning in recwarn]


def test_kernels_are_kept_on_disk(X):
    umap(X[:200], n_epochs=1, seed=1, neighbors=find_neighbors(X[:200]))
    for kernel in _umap.KERNELS:
        used = kernel.stats.cache_hits.total() + kernel.stats.cache_misses.total()
        assert kernel.stats.cache_path and used, kernel


def test_labels_may_be_strings(X):
    numbers = np.array([0, 1, -1, 2] * 50)
    strings = pl.Series(["a", "b", None, "c"] * 50)
    options = {"n_epochs": 5, "seed": 1}
    assert_array_equal(umap(X[:200], y=strings, **options), umap(X[:200], y=numbers, **options))


def test_disconnected_points_have_no_place_in_any_epoch(X):
    lonely = X[:300].copy()
    lonely[7] = 1e6
    shown = Recorder()
    with pytest.warns(UserWarning, match="disconnected"):
        embedding = umap(lonely, n_epochs=3, seed=1, on_epoch=shown, disconnection_distance=1e5)
    assert np.isnan(embedding[7]).all()
    assert all(np.isnan(layout[7]).all() and np.isfinite(layout[8]).all() for layout in shown)
    assert_array_equal(embedding, shown[-1])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"y": [1, 2]}, ValueError, "one label for each of the 2000 samples, got 2"),
        ({"perplexity": 30}, TypeError, "perplexity"),
        ({"neighbors": FOUR}, ValueError, "one row for each of 2000 samples, got 4"),
        ({"neighbors": FOUR, "X": np.eye(4)}, ValueError, "at least 15 columns, got 3"),
        ({"neighbors": FOUR, "unique": True}, ValueError, "unique cannot be given together with"),
        ({"neighbors": FOUR, "precomputed_knn": FOUR}, ValueError, "precomputed_knn cannot be"),
    ],
)
def test_bad_input_is_refused_before_any_work(X, monkeypatch, change, error, message):
    monkeypatch.setattr(stock.UMAP, "fit", lambda *args, **kwargs: pytest.fail("work started"))
    arguments = {"X": X, "n_epochs": 5, "seed": 1} | change
    with pytest.raises(error, match=message):
        umap(arguments.pop("X"), **arguments)
