"""Every epoch of umap-learn's optimisation is reported, and nothing else changes."""

import numba
import numpy as np
import pytest
import umap as stock
from conftest import run_python
from numpy.testing import assert_array_equal
from umap_models import N_EPOCHS, Recorder, fit, fit_stock, record_steps

from animated.methods import _umap_callback, join_models
from animated.methods._umap_model import ObservableUMAP

pytestmark = pytest.mark.filterwarnings("ignore:gradient function|custom distance")


@pytest.fixture(scope="module")
def train(X):
    return X[:300]


@pytest.fixture(scope="module")
def new(X):
    return X[1_000:1_050]


@pytest.fixture(scope="module")
def model(train):
    return fit(train)


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
    assert placed.dtype == np.float32 and placed.shape == (50, 2)


@pytest.mark.parametrize(
    "metric", ["haversine", pytest.param("hyperboloid", marks=pytest.mark.slow)]
)
def test_every_epoch_in_other_spaces(train, new, metric, monkeypatch):
    with monkeypatch.context() as patch:
        steps = record_steps(patch)
        expected = fit_stock(train, output_metric=metric)
        placed = expected.transform(new)
    fitting, placing = Recorder(), Recorder()
    model = fit(train, output_metric=metric, on_epoch=fitting)
    model.transform(new, on_epoch=placing)

    assert len(fitting) == N_EPOCHS + 1 and len(placing) == N_EPOCHS // 3 + 1
    assert_array_equal(fitting[1:], steps[:N_EPOCHS])
    assert_array_equal(placing[1:], steps[N_EPOCHS:])
    assert_array_equal(fitting[0], fitting[1])
    assert not np.array_equal(fitting[1], fitting[2])
    assert_array_equal(model.embedding_, fitting[-1])
    assert_array_equal(model.embedding_, expected.embedding_)
    assert_array_equal(placing[-1], placed)


@pytest.mark.parametrize("last", [0, 7])
@pytest.mark.parametrize("what", ["transform", "join", "haversine"])
def test_truthy_return_stops(train, new, model, what, last):
    shown = []

    def stop(epoch, embedding):
        shown.append(embedding)
        return epoch == last

    embedding = {
        "transform": lambda: model.transform(new, on_epoch=stop),
        "join": lambda: join_models(model, model, "+", on_epoch=stop).embedding_,
        "haversine": lambda: fit(train, output_metric="haversine", on_epoch=stop).embedding_,
    }[what]()
    assert len(shown) == last + 1
    assert_array_equal(embedding, shown[-1])


@pytest.mark.parametrize("what", ["transform", "join"])
def test_arrays_are_the_callees_to_keep(new, model, what):
    copies, shown = [], []

    def spoil(epoch, embedding):
        copies.append(embedding.copy())
        shown.append(embedding)
        if epoch == 5:
            embedding[:] = 0  # must not reach the algorithm

    work = {
        "transform": lambda on_epoch: model.transform(new, on_epoch=on_epoch),
        "join": lambda on_epoch: join_models(model, model, "*", on_epoch=on_epoch).embedding_,
    }[what]
    assert_array_equal(work(spoil), work(None))
    for epoch in (0, 1, 2, 8, -1):
        assert_array_equal(shown[epoch], copies[epoch])


def test_embedding_and_model_stay_as_they_are(new, model):
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
        (stock.UMAP, "_fit_embed_data"),
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


def test_graphs_have_no_epochs(train, new):
    model = ObservableUMAP(transform_mode="graph")
    for work in (model.fit, model.fit(train).transform):
        with pytest.raises(ValueError, match="transform_mode 'embedding', got 'graph'"):
            work(new, on_epoch=print)


@pytest.mark.parametrize("what", ["fit", "transform", "join"])
def test_changed_umap_learn_is_named_before_any_work(train, new, model, monkeypatch, what):
    def optimize_layout_generic(head_embedding, tail_embedding, head, tail, n_epochs):
        return head_embedding

    loops = (_umap_callback.LOOPS[0], optimize_layout_generic)
    monkeypatch.setattr(_umap_callback, "LOOPS", loops)
    monkeypatch.setattr(stock.UMAP, "fit", lambda *args, **kwargs: pytest.fail("work started"))
    work = {
        "fit": lambda: fit(train, on_epoch=print),
        "transform": lambda: model.transform(new, on_epoch=print),
        "join": lambda: join_models(model, model, "*", on_epoch=print),
    }[what]
    message = r"does not fit umap-learn \d.*optimize_layout_generic does not call tqdm"
    with pytest.raises(RuntimeError, match=message):
        work()


def test_changed_caller_is_named_before_any_work(train, monkeypatch):
    def simplicial_set_embedding():
        return another_optimizer()  # noqa: F821

    monkeypatch.setattr(_umap_callback, "simplicial_set_embedding", simplicial_set_embedding)
    monkeypatch.setattr(stock.UMAP, "fit", lambda *args, **kwargs: pytest.fail("work started"))
    with pytest.raises(RuntimeError, match=r"does not fit umap-learn \d.*does not call optimize"):
        fit(train, on_epoch=print)


def test_loop_with_other_arguments_is_named(new, model, monkeypatch):
    def optimize_layout_euclidean(embedding, n_epochs):
        return embedding

    monkeypatch.setattr(_umap_callback, "LOOPS", (optimize_layout_euclidean,))
    with pytest.raises(RuntimeError, match="takes embedding, n_epochs first"):
        model.transform(new, on_epoch=print)


def test_loop_that_no_longer_asks_is_noticed(train, monkeypatch):
    def optimize_layout_euclidean(
        head_embedding, tail_embedding, head, tail, n_epochs, *args, **kwargs
    ):
        return head_embedding if n_epochs else tqdm(range(n_epochs))  # noqa: F821

    loops = (optimize_layout_euclidean, _umap_callback.LOOPS[1])
    monkeypatch.setattr(_umap_callback, "LOOPS", loops)
    with pytest.raises(RuntimeError, match="optimize_layout_euclidean took 0 of 30 steps"):
        fit(train, on_epoch=lambda epoch, embedding: None)


class NoCheckpoint:
    """A checkpoint that has nothing, and must not be asked for anything."""

    epoch = 0


def test_step_without_its_state_is_named_before_any_work(train, monkeypatch):
    def step(head_embedding, n):
        pass

    monkeypatch.setattr(stock.layouts, "_optimize_layout_generic_single_epoch", step)
    monkeypatch.setattr(stock.UMAP, "fit", lambda *args, **kwargs: pytest.fail("work started"))
    message = "_optimize_layout_generic_single_epoch does not take epoch_of_next_negative_sample, e"
    with pytest.raises(RuntimeError, match=message):
        fit(train, checkpoint=NoCheckpoint())


# numba uses this threading layer where it has no other. It aborts a process in which two threads
# call parallel functions at once. Without a seed umap-learn's step is one of them.
AT_ONCE = """
    import os
    os.environ["NUMBA_THREADING_LAYER"] = "workqueue"
    from concurrent.futures import ThreadPoolExecutor
    import numpy as np
    from animated.methods import fit_umap

    X = np.random.default_rng(0).normal(size=(300, 8)).astype("f4")
    model, models = fit_umap(X, n_epochs=300, seed=None), [fit_umap(X, n_epochs=6, seed=0)] * 2
    parts = [X[start : start + 100] + 0.1 for start in range(0, 300, 100)]
    alone = [models[0].transform(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(models[0].transform, parts))
        fits = list(pool.map(lambda _: fit_umap(X, n_epochs=6, seed=0).embedding_, range(2)))
        loose = list(pool.map(model.transform, parts))
        loose += pool.map(lambda _: fit_umap(X, n_epochs=300, seed=None).embedding_, range(4))
    print(all(map(np.array_equal, alone, together)))
    print(all(np.array_equal(fit, models[0].embedding_) for fit in fits))
    print(np.isfinite(np.concatenate(loose)).all())
"""


@pytest.mark.slow
def test_threads_that_fit_and_transform_at_once():
    """They take turns; numba would end the process otherwise."""
    told = run_python(AT_ONCE)
    assert told.stdout.split() == ["True"] * 3, told.stderr


@pytest.mark.slow
def test_threads_that_search_at_once():
    """The same with so many samples that pynndescent searches, which takes a minute to compile."""
    told = run_python(AT_ONCE.replace("300, 8", "5_000, 8"))
    assert told.stdout.split() == ["True"] * 3, told.stderr
