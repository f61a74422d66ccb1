"""Embedding unseen points, sharing neighbours and joining models: what stock umap-learn does."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import umap as stock
from numpy.testing import assert_array_equal
from pynndescent import NNDescent
from scipy.spatial.distance import cdist
from sklearn.exceptions import NotFittedError
from umap_models import N_EPOCHS, Recorder, fit, fit_stock, vary

from animated.methods import _umap_model, join_models
from animated.methods._umap_model import ObservableUMAP
from animated.neighbors.search import find_neighbors

OPERATORS = {"*": stock.UMAP.__mul__, "+": stock.UMAP.__add__, "-": stock.UMAP.__sub__}
N_SAMPLES = 300

pytestmark = pytest.mark.filterwarnings(
    "ignore:gradient function|using precomputed|Combined graph|custom distance"
)


@pytest.fixture(scope="module")
def train(X):
    return X[:N_SAMPLES]


@pytest.fixture(scope="module")
def new(X):
    return X[1_000:1_050]


@pytest.fixture(scope="module")
def model(train):
    return fit(train)


@pytest.fixture(scope="module")
def halves(train):
    """The left half of each digit."""
    return np.ascontiguousarray(train[:, :392])


@pytest.fixture(scope="module")
def other(halves):
    return fit(halves, n_epochs=20, y=np.arange(N_SAMPLES) % 7)


@pytest.fixture(scope="module")
def joined(model, other):
    return join_models(model, other, "*")


def test_points_start_at_the_mean_of_their_neighbors(train, new, model):
    shown = Recorder()
    model.transform(new, on_epoch=shown)
    distances = cdist(new, train)
    nearest = model.embedding_[np.argsort(distances)[:, :15]]
    weights = 1 / np.sort(distances)[:, :15] ** 4  # not UMAP's, but nearer neighbours weigh more
    means = (weights[..., None] * nearest).sum(axis=1) / weights.sum(axis=1, keepdims=True)
    apart = np.linalg.norm(shown[0] - means, axis=1)
    assert np.median(apart) < 0.1 * np.median(np.ptp(nearest, axis=1))


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_components": 3},
        {"y": np.arange(N_SAMPLES) % 10},
        {"metric": "cosine"},
        {"unique": True},
        {"output_metric": "l2"},
    ],
    ids=lambda parameters: "-".join(parameters),
)
def test_other_models_embed_points_as_stock_umap(train, new, parameters):
    data = np.concatenate([train[:-20], train[:20]])  # with duplicates, for unique
    expected = fit_stock(data, **parameters)
    model, shown = fit(data, **parameters), Recorder()
    placed = model.transform(new, on_epoch=shown)
    assert_array_equal(model.embedding_, expected.embedding_)
    assert_array_equal(placed, expected.transform(new))
    assert_array_equal(placed, shown[-1])
    assert len(shown) == N_EPOCHS // 3 + 1


class ExactIndex(NNDescent):
    """A search index as umap-learn uses it, without the minute that pynndescent's compiles."""

    _angular_trees = False

    def __init__(self, X):
        self.X = X

    def query(self, queries, k, epsilon):
        distances = cdist(queries, self.X)
        order = np.argsort(distances, axis=1)[:, :k]
        return order.astype(np.int32), np.take_along_axis(distances, order, axis=1)


@pytest.fixture(scope="module")
def indexed(train):
    """A model with a search index, as those of large data have."""
    return fit(train, precomputed_knn=(*find_neighbors(train, 15), ExactIndex(train)))


def check_index(train, new, model, expected):
    """Check a model with a search index, and one that shares it, against stock umap-learn."""
    shown = Recorder()
    placed = model.transform(new, on_epoch=shown)
    assert_array_equal(model.embedding_, expected.embedding_)
    assert_array_equal(placed, expected.transform(new))
    assert_array_equal(placed, shown[-1])

    index = (model._knn_indices, model._knn_dists, model._knn_search_index)
    labels = np.arange(N_SAMPLES) % 10
    expected = fit_stock(train, labels, precomputed_knn=index)
    sharing = fit(train, y=labels, neighbors=model)
    assert_array_equal(sharing.embedding_, expected.embedding_)
    assert_array_equal(sharing.transform(new), expected.transform(new))
    assert sharing._knn_search_index is model._knn_search_index

    few = fit(train, n_neighbors=10, neighbors=model)
    assert few._knn_indices.shape == (N_SAMPLES, 10)
    with pytest.raises(ValueError, match="at least 20 columns, got 15"):
        fit(train, n_neighbors=20, neighbors=model)


def test_search_index(train, new, indexed):
    """The path of large data: neighbours of new points are found in the index of the fit."""
    index = (indexed._knn_indices, indexed._knn_dists, indexed._knn_search_index)
    check_index(train, new, indexed, fit_stock(train, precomputed_knn=index))


@pytest.mark.slow
def test_search_index_of_pynndescent(train, new):
    """The same with approximate neighbours, for which pynndescent compiles a minute."""
    model = fit(train, force_approximation_algorithm=True)
    check_index(train, new, model, fit_stock(train, force_approximation_algorithm=True))


def test_neighbors_of_a_small_model_are_all_pairs(train, new, model):
    sharing = fit(train, neighbors=model)
    assert_array_equal(sharing.embedding_, model.embedding_)
    assert_array_equal(sharing.transform(new), model.transform(new))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "cosine"}, "neighbors must be of metric 'cosine', got 'euclidean'"),
        ({"X": np.eye(N_SAMPLES, 784)}, "must be of a model that was fitted to the same X"),
        ({"unique": True}, "unique cannot be given together with neighbors"),
        ({"neighbors": "joined"}, "neighbors cannot be those of a joined model"),
        ({"neighbors": "unique"}, "neighbors cannot be those of a model fitted with unique=True"),
        ({"neighbors": "unfitted"}, "not fitted yet"),
    ],
)
def test_neighbors_of_another_model_are_refused(train, model, joined, change, message):
    given = {"joined": joined, "unfitted": ObservableUMAP(), "unique": vary(model, unique=True)}
    change = {"X": train, "neighbors": model} | change
    if isinstance(change["neighbors"], str):
        change["neighbors"] = given[change["neighbors"]]
    with pytest.raises(ValueError, match=message):
        fit(**change)


def test_without_seed(train, new):
    shown, placing = Recorder(), Recorder()
    model = fit(train, seed=None, on_epoch=shown)
    placed = model.transform(new, on_epoch=placing)
    assert len(shown) == N_EPOCHS + 1 and len(placing) == N_EPOCHS // 3 + 1
    assert_array_equal(model.embedding_, shown[-1])
    assert_array_equal(placed, placing[-1])


def test_points_of_the_fit_stay(train, model):
    shown = Recorder()
    placed = model.transform(train.copy(), on_epoch=shown)
    assert_array_equal(placed, model.embedding_)
    assert len(shown) == 1 and shown[0] is not model.embedding_
    assert_array_equal(shown[0], placed)


def test_two_threads_at_once(train, new, model):
    models = [model, fit(train, n_components=3)]
    expected = [model.transform(new) for model in models]
    shown = [Recorder(), Recorder()]
    with ThreadPoolExecutor(2) as pool:
        placed = pool.map(
            lambda model, recorder: model.transform(new, on_epoch=recorder), models, shown
        )
        for ours, recorder, theirs in zip(placed, shown, expected, strict=True):
            assert_array_equal(ours, theirs)
            assert_array_equal(recorder[-1], theirs)
            assert len(recorder) == N_EPOCHS // 3 + 1


@pytest.fixture(scope="module")
def stock_models(train, halves):
    return fit_stock(train), fit_stock(halves, np.arange(N_SAMPLES) % 7, n_epochs=20)


@pytest.mark.parametrize("operator", OPERATORS)
def test_joined_models_are_those_of_stock_umap(model, other, stock_models, operator):
    join = OPERATORS[operator]
    # umap-learn's own models can be joined, too, and keep their graphs, unlike by its own `-`.
    of_stock = join_models(*stock_models, operator)
    first, second = (vary(model, graph_=model.graph_.copy()) for model in stock_models)
    once = join(first, second)
    twice = join(once, second)

    shown, again = Recorder(), Recorder()
    joined = join_models(model, other, operator, on_epoch=shown)
    assert_array_equal(joined.embedding_, once.embedding_)
    assert_array_equal(joined.embedding_, shown[-1])
    assert_array_equal(joined.embedding_, join_models(model, other, operator).embedding_)
    assert len(shown) == N_EPOCHS + 1
    assert not np.array_equal(shown[1], shown[2])

    three = join_models(joined, other, operator, on_epoch=again)
    assert_array_equal(three.embedding_, twice.embedding_)
    assert_array_equal(three.embedding_, again[-1])
    assert len(again) == N_EPOCHS + 1
    assert_array_equal(of_stock.embedding_, once.embedding_)


@pytest.mark.parametrize("operator", OPERATORS)
def test_models_stay_as_they_are_when_joined(model, other, operator):
    before = [one.graph_.copy() for one in (model, other)]
    join_models(model, other, operator)
    for one, graph in zip((model, other), before, strict=True):
        assert_array_equal(one.graph_.data, graph.data)
        assert one.graph_.nnz == graph.nnz


def test_joins_differ(model, other):
    embeddings = [join_models(model, other, operator).embedding_ for operator in OPERATORS]
    swapped = join_models(other, model, "-").embedding_
    for k, embedding in enumerate([*embeddings, swapped]):
        assert all(not np.array_equal(embedding, one) for one in embeddings[:k])


def test_bars_of_joined_models_show_the_same(model, joined, other):
    assert joined.tqdm_kwds["desc"] == "UMAP"
    assert join_models(joined, other, "+").tqdm_kwds == model.tqdm_kwds


@pytest.mark.parametrize(
    ("second", "operator", "error", "message"),
    [
        ("other", "/", ValueError, "operator must be one of \\*, \\+, -, got '/'"),
        ("few", "*", ValueError, "models must be of the same samples, got 300 and 299"),
        ("array", "*", TypeError, "models must be of umap.UMAP, got ndarray"),
        ("unfitted", "*", NotFittedError, "not fitted yet"),
        ("densmap", "*", ValueError, "a model fitted with densmap=True cannot be joined"),
        ("unique", "+", ValueError, "a model fitted with unique=True cannot be joined"),
    ],
)
def test_what_cannot_be_joined(train, model, other, monkeypatch, second, operator, error, message):
    given = {
        "other": lambda: other,
        "few": lambda: vary(model, graph_=model.graph_[:-1, :-1]),
        "array": lambda: train,
        "unfitted": ObservableUMAP,
        "densmap": lambda: vary(model, densmap=True),
        "unique": lambda: vary(model, unique=True),
    }[second]()
    monkeypatch.setattr(_umap_model, "rebind", lambda *args, **names: pytest.fail("work started"))
    with pytest.raises(error, match=message):
        join_models(model, given, operator)
    if second != "other":
        with pytest.raises(error):
            join_models(given, model, operator)


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("joined", NotImplementedError, "a joined model cannot transform unseen points"),
        ("unfitted", NotFittedError, "not fitted yet"),
        ("densmap", NotImplementedError, "not supported for densMAP"),
        ("without index", NotImplementedError, "No search index available"),
        ("short", ValueError, "n_epochs // 3 steps, so .* at least 3, got 2"),
        # Positions that umap-learn would mistake from 4,096 samples on.
        ("unique", NotImplementedError, "unique=True cannot transform unseen points"),
    ],
)
def test_models_that_cannot_transform(train, new, model, joined, monkeypatch, kind, error, message):
    model = {
        "joined": lambda: joined,
        "unfitted": ObservableUMAP,
        "densmap": lambda: vary(model, densmap=True),
        "without index": lambda: fit(train, n_epochs=3, neighbors=find_neighbors(train)),
        "short": lambda: fit(train, n_epochs=2),
        "unique": lambda: vary(model, unique=True, _small_data=False),
    }[kind]()
    monkeypatch.setattr(stock.umap_, "pairwise_distances", lambda *_: pytest.fail("work started"))
    for on_epoch in (Recorder(), None):
        with pytest.raises(error, match=message):
            model.transform(new, on_epoch=on_epoch)
        assert not on_epoch


def test_bad_input_is_refused(new, model):
    with pytest.raises(ValueError, match=r"shape \(n_points, 784\), got \(50, 10\)"):
        model.transform(new[:, :10])
    with pytest.raises(ValueError, match=r"shape \(n_points, 784\), got \(784,\)"):
        model.transform(new[0])
    for work in (model.transform, ObservableUMAP().fit):
        with pytest.raises(TypeError, match="on_epoch must be callable or None, got int"):
            work(new, on_epoch=3)
    with pytest.raises(TypeError, match="on_epoch must be callable or None, got str"):
        join_models(model, model, "*", on_epoch="print")
