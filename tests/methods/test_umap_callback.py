"""Placing unseen points and joining models: what stock umap-learn does, bit for bit, and shown."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numba
import numpy as np
import pytest
import umap as stock
from conftest import run_python
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

from animated.methods import _umap_callback, _umap_model
from animated.methods._umap import fit_umap, umap
from animated.methods._umap_model import ObservableUMAP, join_models
from animated.neighbors.search import find_neighbors

N_EPOCHS = 30
OPERATORS = {"*": stock.UMAP.__mul__, "+": stock.UMAP.__add__, "-": stock.UMAP.__sub__}

pytestmark = pytest.mark.filterwarnings(
    "ignore:gradient function|using precomputed|Combined graph|custom distance"
)


class Recorder(list):
    """A callback that keeps what it is handed, without copying it."""

    def __call__(self, epoch, embedding):
        assert epoch == len(self)
        self.append(embedding)


def fit(X, **parameters):
    return fit_umap(X, **{"n_epochs": N_EPOCHS, "seed": 1} | parameters)


def fit_stock(X, y=None, **parameters):
    options = {"n_epochs": N_EPOCHS, "random_state": 1, "n_jobs": 1} | parameters
    return stock.UMAP(**options).fit(X, y)


def record_steps(patch) -> list[np.ndarray]:
    """Let stock umap-learn keep the layout after each step, by other means than the callback's."""
    layouts, steps = stock.layouts, []

    def watch(step, position):
        def take(*arguments):
            done = step(*arguments)
            steps.append(arguments[position].copy())
            return done

        return take

    get_step = layouts._get_optimize_layout_euclidean_single_epoch_fn
    patch.setattr(
        layouts,
        "_get_optimize_layout_euclidean_single_epoch_fn",
        lambda parallel=False: watch(get_step(parallel), 0),
    )
    compile_step = SimpleNamespace(njit=lambda step, **options: watch(numba.njit(step), 4))
    patch.setattr(layouts, "numba", compile_step)
    return steps


@pytest.fixture(scope="module")
def train(X):
    return X[:600]


@pytest.fixture(scope="module")
def new(X):
    return X[1_000:1_100]


@pytest.fixture(scope="module")
def model(train):
    return fit(train)


@pytest.fixture(scope="module")
def other(X):
    """A model of the left half of the same digits."""
    return fit(np.ascontiguousarray(X[:600, :392]), n_epochs=20, y=np.arange(600) % 7)


@pytest.fixture(scope="module")
def joined(model, other):
    return join_models(model, other, "*")


def test_every_epoch_of_transform_is_stock_umap(train, new, model, monkeypatch):
    starts = []
    start = stock.umap_.init_graph_transform

    def record(*arguments):
        starts.append(start(*arguments))
        return starts[0].copy()

    with monkeypatch.context() as patch:
        patch.setattr(stock.umap_, "init_graph_transform", record)
        steps = record_steps(patch)
        expected = fit_stock(train).transform(new)
    shown = Recorder()
    placed = model.transform(new, on_epoch=shown)

    assert len(shown) == N_EPOCHS // 3 + 1
    assert_array_equal(shown[0], starts[0])
    assert_array_equal(shown[1:], steps[-(N_EPOCHS // 3) :])
    assert_array_equal(shown[-1], placed)
    assert_array_equal(placed, expected)
    assert_array_equal(placed, model.transform(new))
    assert not np.array_equal(shown[1], shown[2])
    assert placed.dtype == np.float32 and placed.shape == (100, 2)


def test_points_start_at_the_mean_of_their_neighbors(train, new, model):
    shown = Recorder()
    model.transform(new, on_epoch=shown)
    distances = np.linalg.norm(new[:, None] - train[None], axis=-1)
    nearest = model.embedding_[np.argsort(distances)[:, :15]]
    weights = 1 / np.sort(distances)[:, :15] ** 4  # other ones than UMAP's, but nearer counts more
    means = (weights[..., None] * nearest).sum(axis=1) / weights.sum(axis=1, keepdims=True)
    apart = np.linalg.norm(shown[0] - means, axis=1)
    assert np.median(apart) < 0.1 * np.median(np.ptp(nearest, axis=1))


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_components": 3},
        {"y": np.arange(600) % 10},
        {"metric": "cosine"},
        {"unique": True},
        {"output_metric": "haversine"},
        {"output_metric": "hyperboloid"},
        {"output_metric": "l2"},
    ],
    ids=lambda parameters: "-".join(map(str, [*parameters, *parameters.values()]))[:24],
)
def test_other_models_place_points_as_stock_umap(train, new, parameters):
    data = np.concatenate([train[:580], train[:20]])  # with duplicates, for unique
    expected = fit_stock(data, **parameters).transform(new)
    model, shown = fit(data, **parameters), Recorder()
    placed = model.transform(new, on_epoch=shown)
    assert_array_equal(placed, expected)
    assert_array_equal(placed, shown[-1])
    assert_array_equal(placed, model.transform(new))
    assert len(shown) == N_EPOCHS // 3 + 1


def test_search_index(train, new):
    """The path of large data: NN-descent finds neighbours, and is asked for those of new points."""
    expected = fit_stock(train, force_approximation_algorithm=True)
    model = fit(train, force_approximation_algorithm=True)
    assert_array_equal(model.transform(new, on_epoch=Recorder()), expected.transform(new))

    labels = np.arange(600) % 10
    index = (expected._knn_indices, expected._knn_dists, expected._knn_search_index)
    expected = fit_stock(train, labels, precomputed_knn=index)
    sharing = fit(train, y=labels, neighbors=model)
    assert_array_equal(sharing.embedding_, expected.embedding_)
    assert_array_equal(sharing.transform(new), expected.transform(new))
    assert sharing._knn_search_index is model._knn_search_index

    few = fit(train, n_neighbors=10, neighbors=model)
    assert few._knn_indices.shape == (600, 10)
    with pytest.raises(ValueError, match="at least 20 columns, got 15"):
        fit(train, n_neighbors=20, neighbors=model)


def test_neighbors_of_a_small_model_are_all_pairs(train, new, model):
    sharing = fit(train, neighbors=model)
    assert_array_equal(sharing.embedding_, model.embedding_)
    assert_array_equal(sharing.transform(new), model.transform(new))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "cosine"}, "neighbors must be of metric 'cosine', got 'euclidean'"),
        ({"X": np.eye(600, 784)}, "neighbors must be of a model that was fitted to the same X"),
        ({"unique": True}, "unique cannot be given together with neighbors"),
        ({"neighbors": "joined"}, "neighbors cannot be those of a joined model"),
        ({"neighbors": "unique"}, "neighbors cannot be those of a model fitted with unique=True"),
        ({"neighbors": "unfitted"}, "not fitted yet"),
    ],
)
def test_neighbors_of_another_model_are_refused(train, model, joined, change, message):
    given = {
        "joined": joined,
        "unfitted": ObservableUMAP(),
        "unique": fit(train, unique=True, n_epochs=1),
    }
    change = {"X": train, "neighbors": model} | change
    change["neighbors"] = given.get(change["neighbors"], change["neighbors"])
    with pytest.raises(ValueError, match=message):
        fit(**change)


@pytest.mark.parametrize("metric", ["haversine", "hyperboloid"])
def test_every_epoch_in_other_spaces(train, metric, monkeypatch):
    with monkeypatch.context() as patch:
        steps = record_steps(patch)
        fit_stock(train, output_metric=metric)
    expected = fit_stock(train, output_metric=metric).embedding_
    shown = Recorder()
    embedding = umap(train, n_epochs=N_EPOCHS, seed=1, output_metric=metric, on_epoch=shown)
    assert_array_equal(embedding, expected)
    assert_array_equal(embedding, shown[-1])
    assert len(shown) == N_EPOCHS + 1
    # Those were compiled without fastmath, which the steps before the last need not tell.
    for k, step in enumerate(steps):
        np.testing.assert_allclose(shown[k + 1], step, rtol=0.05, atol=0.05)
    assert_array_equal(shown[0], shown[1])
    assert not np.array_equal(shown[1], shown[2])


def test_without_seed(train, new):
    shown, model = Recorder(), fit(train, seed=None)
    placed = model.transform(new, on_epoch=shown)
    assert len(shown) == N_EPOCHS // 3 + 1
    assert_array_equal(placed, shown[-1])


def test_points_of_the_fit_stay(train, model):
    shown = Recorder()
    placed = model.transform(train.copy(), on_epoch=shown)
    assert_array_equal(placed, model.embedding_)
    assert len(shown) == 1 and shown[0] is not model.embedding_
    assert_array_equal(shown[0], placed)


@pytest.mark.parametrize("last", [0, 7])
@pytest.mark.parametrize("what", ["transform", "join", "haversine"])
def test_truthy_return_stops(train, new, model, other, what, last):
    shown = []

    def stop(epoch, embedding):
        shown.append(embedding)
        return epoch == last

    embedding = {
        "transform": lambda: model.transform(new, on_epoch=stop),
        "join": lambda: join_models(model, other, "+", on_epoch=stop).embedding_,
        "haversine": lambda: fit(train, output_metric="haversine", on_epoch=stop).embedding_,
    }[what]()
    assert len(shown) == last + 1
    assert_array_equal(embedding, shown[-1])


@pytest.mark.parametrize("what", ["transform", "join", "haversine"])
def test_arrays_are_the_callees_to_keep(train, new, model, other, what):
    copies, shown = [], []

    def spoil(epoch, embedding):
        copies.append(embedding.copy())
        shown.append(embedding)
        if epoch == 5:
            embedding[:] = 0  # must not reach the algorithm

    work = {
        "transform": lambda on_epoch: model.transform(new, on_epoch=on_epoch),
        "join": lambda on_epoch: join_models(model, other, "*", on_epoch=on_epoch).embedding_,
        "haversine": lambda on_epoch: (
            fit(train, output_metric="haversine", on_epoch=on_epoch).embedding_
        ),
    }[what]
    assert_array_equal(work(spoil), work(None))
    for epoch in (0, 1, 2, 8, -1):
        assert_array_equal(shown[epoch], copies[epoch])


def test_map_and_model_stay_as_they_are(new, model):
    before = model.embedding_.copy()
    model.transform(new, on_epoch=lambda epoch, embedding: embedding.fill(0))
    assert_array_equal(model.embedding_, before)


def test_nothing_stays_patched_or_changed(train, new, model):
    names = (
        (stock.umap_, "optimize_layout_euclidean"),
        (stock.umap_, "optimize_layout_generic"),
        (stock.umap_, "simplicial_set_embedding"),
        (stock.umap_, "UMAP"),
        (stock.layouts, "tqdm"),
        (stock.UMAP, "transform"),
        (stock.UMAP, "__mul__"),
    )
    before = [getattr(owner, name) for owner, name in names]

    def check_and_fail(epoch, embedding):
        assert [getattr(owner, name) for owner, name in names] == before
        raise KeyboardInterrupt

    threads = numba.get_num_threads()
    for work in (
        lambda: model.transform(new, on_epoch=check_and_fail),
        lambda: join_models(model, model, "*", on_epoch=check_and_fail),
        lambda: ObservableUMAP(n_jobs=1, random_state=1).fit(train, on_epoch=check_and_fail),
    ):
        with pytest.raises(KeyboardInterrupt):
            work()
        assert [getattr(owner, name) for owner, name in names] == before
        assert numba.get_num_threads() == threads


def test_two_threads_at_once(train, new, model):
    models_ = [model, fit(train, n_components=3)]
    expected = [model.transform(new) for model in models_]
    shown = [Recorder(), Recorder()]
    with ThreadPoolExecutor(2) as pool:
        placed = pool.map(
            lambda model, recorder: model.transform(new, on_epoch=recorder), models_, shown
        )
        for ours, recorder, theirs in zip(placed, shown, expected, strict=True):
            assert_array_equal(ours, theirs)
            assert_array_equal(recorder[-1], theirs)
            assert len(recorder) == N_EPOCHS // 3 + 1


@pytest.mark.parametrize("operator", OPERATORS)
def test_joined_models_are_those_of_stock_umap(train, model, other, operator):
    halves = np.ascontiguousarray(train[:, :392])
    join = OPERATORS[operator]
    first, second = fit_stock(train), fit_stock(halves, np.arange(600) % 7, n_epochs=20)
    # Models of umap-learn itself can be joined, too, and keep their graphs, unlike by its own `-`.
    of_stock = join_models(first, second, operator)
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
    layouts = [join_models(model, other, operator).embedding_ for operator in OPERATORS]
    swapped = join_models(other, model, "-").embedding_
    for k, layout in enumerate([*layouts, swapped]):
        assert all(not np.array_equal(layout, one) for one in layouts[:k])


def test_bars_of_joined_models_show_the_same(model, joined, other):
    assert joined.tqdm_kwds["desc"] == "UMAP"
    assert join_models(joined, other, "+").tqdm_kwds == model.tqdm_kwds


@pytest.mark.parametrize(
    ("second", "operator", "error", "message"),
    [
        ("other", "/", ValueError, "operator must be one of \\*, \\+, -, got '/'"),
        ("few", "*", ValueError, "models must be of the same samples, got 600 and 599"),
        ("array", "*", TypeError, "models must be of umap.UMAP, got ndarray"),
        ("unfitted", "*", NotFittedError, "not fitted yet"),
        ("densmap", "*", ValueError, "a model fitted with densmap=True cannot be joined"),
        ("unique", "+", ValueError, "a model fitted with unique=True cannot be joined"),
    ],
)
def test_what_cannot_be_joined(train, model, other, monkeypatch, second, operator, error, message):
    given = {
        "other": lambda: other,
        "few": lambda: fit(train[:599], n_epochs=1),
        "array": lambda: train,
        "unfitted": ObservableUMAP,
        "densmap": lambda: fit(train, n_epochs=1, densmap=True),
        "unique": lambda: fit(train, n_epochs=1, unique=True),
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
    ],
)
def test_models_that_cannot_place_points(train, new, joined, monkeypatch, kind, error, message):
    model = {
        "joined": lambda: joined,
        "unfitted": ObservableUMAP,
        "densmap": lambda: fit(train, n_epochs=3, densmap=True),
        "without index": lambda: fit(train, n_epochs=3, neighbors=find_neighbors(train)),
        "short": lambda: fit(train, n_epochs=2),
    }[kind]()
    monkeypatch.setattr(stock.umap_, "pairwise_distances", lambda *_: pytest.fail("work started"))
    for on_epoch in (Recorder(), None):
        with pytest.raises(error, match=message):
            model.transform(new, on_epoch=on_epoch)
        assert not on_epoch


def test_graphs_have_no_epochs(train, new):
    model = ObservableUMAP(transform_mode="graph")
    for work in (model.fit, model.fit(train).transform):
        with pytest.raises(ValueError, match="transform_mode 'embedding', got 'graph'"):
            work(new, on_epoch=print)


def test_positions_that_umap_learn_would_mistake(train, new):
    model = fit(np.concatenate([train, train[:20]]), unique=True, n_epochs=3)
    model._small_data = False  # as with 4,096 samples
    with pytest.raises(NotImplementedError, match="unique=True cannot transform unseen points"):
        model.transform(new)


def test_bad_input_is_refused(train, new, model):
    with pytest.raises(ValueError, match=r"shape \(n_points, 784\), got \(100, 10\)"):
        model.transform(new[:, :10])
    with pytest.raises(ValueError, match=r"shape \(n_points, 784\), got \(784,\)"):
        model.transform(new[0])
    for work in (model.transform, ObservableUMAP().fit):
        with pytest.raises(TypeError, match="on_epoch must be callable or None, got int"):
            work(new, on_epoch=3)
    with pytest.raises(TypeError, match="on_epoch must be callable or None, got str"):
        join_models(model, model, "*", on_epoch="print")


@pytest.mark.parametrize("what", ["fit", "transform", "join"])
def test_changed_umap_learn_is_named_before_any_work(train, new, model, monkeypatch, what):
    def optimize_layout_generic(head_embedding, tail_embedding, head, tail, n_epochs):
        return head_embedding

    monkeypatch.setattr(_umap_callback, "LOOPS", (_umap_callback.LOOPS[0], optimize_layout_generic))
    monkeypatch.setattr(stock.UMAP, "fit", lambda *args, **kwargs: pytest.fail("work started"))
    work = {
        "fit": lambda: fit(train, on_epoch=print),
        "transform": lambda: model.transform(new, on_epoch=print),
        "join": lambda: join_models(model, model, "*", on_epoch=print),
    }[what]
    with pytest.raises(RuntimeError, match="optimize_layout_generic does not call tqdm"):
        work()


def test_loop_with_other_arguments_is_named(new, model, monkeypatch):
    def optimize_layout_euclidean(embedding, n_epochs):
        return embedding

    monkeypatch.setattr(_umap_callback, "LOOPS", (optimize_layout_euclidean,))
    with pytest.raises(RuntimeError, match="takes embedding, n_epochs first"):
        model.transform(new, on_epoch=print)


def test_threads_that_fit_and_place_at_once():
    """They take turns; numba would end the process otherwise."""
    told = run_python(
        """
        from concurrent.futures import ThreadPoolExecutor
        import numpy as np
        from animated.methods._umap import fit_umap

        X = np.random.default_rng(0).normal(size=(5_000, 8)).astype("f4")
        model = fit_umap(X, n_epochs=6, seed=0)
        parts = [X[start : start + 500] + 0.1 for start in range(0, 2_000, 500)]
        alone = [model.transform(part) for part in parts]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(model.transform, parts))
            fits = list(pool.map(lambda _: fit_umap(X, n_epochs=6, seed=0).embedding_, range(2)))
        print(all(map(np.array_equal, alone, together)))
        print(all(np.array_equal(fit, model.embedding_) for fit in fits))
        """
    )
    assert told.stdout.split() == ["True", "True"], told.stderr
