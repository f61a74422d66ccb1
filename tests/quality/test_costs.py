"""The losses equal their formulas, and umap-learn's steps descend the one called cost."""

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from umap import UMAP
from umap.layouts import optimize_layout_euclidean
from umap.umap_ import make_epochs_per_sample, simplicial_set_embedding

from animated.neighbors.search import find_neighbors
from animated.quality import costs, pair_sums
from animated.quality.costs import UmapLoss, make_graph
from animated.quality.pair_sums import draw_pairs

RANDOM = np.random.default_rng(0)
N_FEW = 300


# The warning that a model with given neighbours cannot transform new samples.
pytestmark = pytest.mark.filterwarnings(r"ignore:precomputed_knn\[2\]")


@pytest.fixture(scope="module")
def few(X):
    return X[:N_FEW]


@pytest.fixture(scope="module")
def loss(few):
    """Exact, as all pairs of so few samples are used."""
    return UmapLoss(few, n_epochs=100)


@pytest.fixture(scope="module")
def many(X):
    """300,000 of 2 million pairs are used."""
    return UmapLoss(X, n_pairs=300_000)


@pytest.fixture(scope="module")
def embedding(X):
    """About as wide as embeddings by UMAP."""
    embedding = PCA(3, random_state=0).fit_transform(X)
    return embedding / np.abs(embedding).max() * 8


def compute_plainly(X, embedding, n_epochs, m=5, min_dist=0.1, spread=1.0, n_neighbors=15):
    """The formulas of the module, with matrices of all pairs."""
    model = UMAP(n_neighbors, n_epochs=0, min_dist=min_dist, spread=spread, init="random")
    model.precomputed_knn = (*find_neighbors(X, n_neighbors), None)
    w = model.fit(X).graph_.toarray().astype(np.float64)
    w[w < w.max() / n_epochs] = 0
    d, n = w.sum(axis=1), len(X)
    squares = ((embedding[:, None].astype(np.float64) - embedding) ** 2).sum(axis=-1)
    a, b = model._a, model._b
    attraction = -np.log(1 / (1 + a * squares**b))
    repulsion = -np.log(1 - 1 / (1 + a * (squares + 0.001) ** b))
    i, j = np.triu_indices(n, 1)
    first = (w * attraction)[i, j].sum()
    second = ((1 - w) * repulsion)[i, j].sum()
    weights = m * (d[:, None] + d) / (4 * n)
    return {
        "attraction": first,
        "repulsion": second,
        "cross_entropy": first + second,
        "cost": first + (weights * repulsion)[i, j].sum(),
    }


def assert_close(found, expected, rtol):
    assert [*found] == [*expected]
    assert_allclose([*found.values()], [*expected.values()], rtol=rtol)


@pytest.mark.parametrize("n_axes", [2, 3])
def test_all_pairs(few, embedding, loss, n_axes):
    embedding = embedding[:N_FEW, :n_axes]
    assert_close(loss(embedding), compute_plainly(few, embedding, 100), 1e-9)


def test_other_parameters(few, embedding):
    embedding = embedding[:N_FEW, :2]
    parameters = {"min_dist": 0.5, "spread": 2.0, "n_neighbors": 7}
    loss = UmapLoss(few, n_epochs=30, negative_sample_rate=9, **parameters)
    assert_close(loss(embedding), compute_plainly(few, embedding, 30, 9, **parameters), 1e-9)


@pytest.mark.parametrize("n_axes, error", [(2, 0.003), (3, 0.006)])
def test_random_pairs(X, embedding, many, n_axes, error):
    """Without the grid, 300,000 pairs would have errors four times as large."""
    embedding = embedding[:, :n_axes]
    found, expected = many(embedding), compute_plainly(X, embedding, 500)
    assert found["attraction"] == pytest.approx(expected["attraction"], rel=1e-9)
    assert found["repulsion"] != expected["repulsion"]
    assert_close(found, expected, error)


def test_pairs():
    heads, tails = draw_pairs(50, 1_000, seed=0)
    assert len(heads) == 1_000 and (heads != tails).all()
    counts = np.bincount(np.r_[heads, tails], minlength=50)
    assert counts.min() > 15 and len(counts) == 50
    assert_array_equal(draw_pairs(50, 1_000, seed=0)[0], heads)
    assert not np.array_equal(draw_pairs(50, 1_000, seed=1)[0], heads)
    assert len(draw_pairs(50, 1_225, seed=0)[0]) == 1_225


@pytest.mark.parametrize("n_epochs", [None, 5, 20, 200])
def test_graph_is_umap_learns(few, monkeypatch, n_epochs):
    """The edges and their weights are those that umap-learn passes to its optimisation."""
    handed = {}

    def keep(embedding, _, head, tail, n_epochs, n_vertices, epochs_per_sample, *rest, **kwargs):
        handed.update(edges=(head, tail), epochs_per_sample=epochs_per_sample)
        return embedding

    monkeypatch.setitem(simplicial_set_embedding.__globals__, "optimize_layout_euclidean", keep)
    UMAP(n_epochs=n_epochs, init="random", random_state=0, n_jobs=1).fit(few)
    neighbors = find_neighbors(few)
    graph = make_graph(few, neighbors, n_epochs).tocoo()
    assert {*zip(graph.row, graph.col, strict=True)} == {*zip(*handed["edges"], strict=True)}
    weights = np.zeros((N_FEW, N_FEW))
    weights[handed["edges"]] = 1 / handed["epochs_per_sample"]
    assert_allclose(graph.toarray() / graph.max(), weights, rtol=1e-5, atol=1e-7)


def differentiate(function, embedding, n_points, step=1e-4):
    """Return the gradients of all values of `function`, for the first points."""
    slopes = []
    for index in np.ndindex(n_points, embedding.shape[1]):
        move = np.zeros_like(embedding)
        move[index] = step
        up, down = function(embedding + move), function(embedding - move)
        slopes.append([(up[name] - down[name]) / (2 * step) for name in up])
    return {
        name: np.reshape([slope[i] for slope in slopes], (n_points, -1))
        for i, name in enumerate(up)
    }


def move_by_umap_learn(embedding, graph, loss, gamma, n_runs, n_epochs=100, alpha=1e-3):
    """Return how far umap-learn's optimisation moves points on average, per unit of step.

    The steps are so small that the forces stay constant; they shrink to 0.
    """
    moved = np.zeros(embedding.shape)
    for seed in range(n_runs):
        state = np.random.RandomState(seed).randint(-(2**31) + 1, 2**31 - 2, 3).astype(np.int64)
        end = embedding.copy()
        optimize_layout_euclidean(
            *(end, end, graph.row, graph.col, n_epochs, len(embedding)),
            *(make_epochs_per_sample(graph.data, n_epochs), loss.a, loss.b, state, gamma, alpha),
            move_other=True,
            tqdm_kwds={"disable": True},
        )
        moved += (end.astype(np.float64) - embedding) / n_runs
    # An edge of weight w is sampled w / max(w) times per epoch, and again from its other end.
    return moved / (2 * alpha * (n_epochs + 1) / 2 / graph.data.max())


def test_umap_learn_descends_the_cost(few, monkeypatch):
    """On average umap-learn's own steps descend both parts of the cost.

    With the weights of Damrich and Hamprecht the slope of repulsion would be twice as steep,
    and with those of the cross-entropy 18 times.
    """
    monkeypatch.setitem(pair_sums.CELLS, 2, 8)  # all pairs are used, so this only saves time
    neighbors = find_neighbors(few)
    graph = make_graph(few, neighbors, 100).tocoo()
    loss = UmapLoss(few, n_epochs=100, neighbors=neighbors)
    # Far enough apart for no force to be clipped.
    raster = np.stack(np.meshgrid(np.arange(20), np.arange(15)), axis=-1).reshape(-1, 2) - [10, 7]
    random = np.random.default_rng(0)
    embedding = random.permutation(raster) * 1.5 + random.uniform(-0.3, 0.3, size=(N_FEW, 2))
    embedding = embedding.astype(np.float32)
    n_points = 100
    slopes = differentiate(loss, embedding.astype(np.float64), n_points)
    attracted = move_by_umap_learn(embedding, graph, loss, gamma=0.0, n_runs=1)
    # Stronger, so that single precision does not lose the smallest steps.
    repelled = (move_by_umap_learn(embedding, graph, loss, gamma=4.0, n_runs=25) - attracted) / 4
    # The part without a loss: a point of higher degree is repelled more often than another.
    apart = embedding[:, None].astype(np.float64) - embedding
    squares = (apart**2).sum(axis=-1) + np.eye(N_FEW)
    forces = 2 * loss.b / (0.001 + squares) / (1 + loss.a * squares**loss.b)
    more = 5 / (4 * N_FEW) * (loss.degrees[:, None] - loss.degrees)
    rest = ((more * forces)[..., None] * apart).sum(axis=1)
    for moved, slope in (
        (attracted, slopes["attraction"]),
        (repelled - rest, slopes["cost"] - slopes["attraction"]),
        (attracted + repelled, slopes["cost"]),
    ):
        moved = moved[:n_points]
        assert -(moved * slope).sum() / (slope**2).sum() == pytest.approx(1, abs=0.1)
        assert np.corrcoef(moved.ravel(), -slope.ravel())[0, 1] > 0.98


@pytest.mark.filterwarnings("error")
def test_coincident_points(few, loss):
    same = loss(np.ones((N_FEW, 2)))
    assert same["attraction"] == 0
    assert np.isfinite([*same.values()]).all()
    one = np.log1p(1 / (loss.a * 0.001**loss.b))
    pairs = N_FEW * (N_FEW - 1) / 2
    expected = (pairs - loss.weights.sum()) * one
    assert same["repulsion"] == pytest.approx(expected, rel=1e-9)
    # One place costs more than two, and two cost more than points apart.
    two = loss(np.arange(N_FEW)[:, None] % 2 * np.ones(2))
    apart = loss(RANDOM.normal(scale=5, size=(N_FEW, 2)))
    assert same["repulsion"] > two["repulsion"] > apart["repulsion"]


def test_far_outlier(few, embedding, loss):
    """All other points share one cell of the grid, and the pairs correct for it."""
    embedding = embedding[:N_FEW, :2].copy()
    embedding[0] = 1e6
    assert_close(loss(embedding), compute_plainly(few, embedding, 100), 1e-9)


def test_any_number_of_threads(many, embedding):
    before = numba.get_num_threads()
    try:
        results = []
        for n_threads in sorted({1, before}):
            numba.set_num_threads(n_threads)
            results.append(many(embedding[:, :2]))
    finally:
        numba.set_num_threads(before)
    assert results[0] == results[-1]


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7])
def test_any_number_of_shares(monkeypatch, many, embedding, n_threads):
    expected = many(embedding[:, :2])
    monkeypatch.setattr(pair_sums.numba, "get_num_threads", lambda: n_threads)
    assert many(embedding[:, :2]) == expected


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n_neighbors": 1}, "n_neighbors must be an integer from 2 to 19, got 1"),
        ({"n_neighbors": 20}, "n_neighbors must be an integer from 2 to 19, got 20"),
        ({"n_epochs": -1}, "n_epochs must be an integer of at least 0, got -1"),
        ({"n_pairs": 0}, "n_pairs must be an integer of at least 1, got 0"),
        ({"negative_sample_rate": 0.5}, "negative_sample_rate must be an integer .*, got 0.5"),
        ({"min_dist": 2.0}, "min_dist must be from 0 to spread, got min_dist 2.0 and spread 1.0"),
        ({"min_dist": -0.1}, "min_dist must be from 0 to spread, got min_dist -0.1"),
        ({"spread": 0.0, "min_dist": 0.0}, "got min_dist 0.0 and spread 0.0"),
        ({"X": np.full((20, 3), np.nan)}, "X must be finite, got nan in row 0, column 0"),
    ],
)
def test_bad_arguments(monkeypatch, arguments, message):
    monkeypatch.setattr(costs, "find_neighbors", lambda *_: pytest.fail("it searches"))
    with pytest.raises(ValueError, match=message):
        UmapLoss(**{"X": np.zeros((20, 3), dtype=np.float32), "n_neighbors": 5} | arguments)


def test_invalid_embeddings(loss, embedding):
    with pytest.raises(ValueError, match=r"shape \(300, 2 or 3\), got \(2000, 2\)"):
        loss(embedding[:, :2])
    with pytest.raises(ValueError, match="embedding must be finite, got 300 rows that are not"):
        loss(np.full((N_FEW, 2), np.inf))
