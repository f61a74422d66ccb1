"""The callback shows what stock openTSNE does, bit for bit, and the loss is the one it descends."""

import logging

import numba
import numpy as np
import openTSNE
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from openTSNE.affinity import PerplexityBasedNN
from openTSNE.nearest_neighbors import PrecomputedNeighbors
from openTSNE.tsne import kl_divergence_bh
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from animated.methods._tsne import find_affinities, kl_divergence, tsne
from animated.neighbors.search import Neighbors, find_neighbors

FOUR = Neighbors(np.zeros((4, 3), dtype=np.int32), np.zeros((4, 3), dtype=np.float32))
TEN = Neighbors(np.zeros((300, 10), dtype=np.int32), np.zeros((300, 10), dtype=np.float32))


@pytest.fixture(autouse=True)
def _one_blas_thread():
    """So few digits are done before several threads have agreed on who does what."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def affinities(X):
    return find_affinities(X[:300], 20)


@pytest.fixture(scope="module")
def layout(X):
    return tsne(X[:300], n_epochs=100, seed=1, perplexity=20, n_jobs=1)


class Recorder(list):
    """A callback that keeps what it is handed, without copying it."""

    def __call__(self, epoch, embedding):
        assert epoch == len(self)
        self.append(embedding)


def fit_stock(X, n_early, n_late, seed=1, affinities=None, **parameters):
    model = openTSNE.TSNE(
        early_exaggeration_iter=n_early, n_iter=n_late, random_state=seed, **parameters
    )
    return np.asarray(model.fit(X, affinities))


def test_every_epoch_is_stock_opentsne(X):
    shown = Recorder()
    embedding = tsne(X[:500], n_epochs=30, seed=1, on_epoch=shown)
    # Stock openTSNE's own callbacks see the layout before a step, and count each phase anew.
    before = []

    def record(iteration, error, embedding):
        before.append(np.array(embedding))

    expected = fit_stock(X[:500], 10, 20, callbacks=record, callbacks_every_iters=1)
    assert len(shown) == 31
    for layout, stock in zip(shown, before, strict=False):
        assert_array_equal(layout, stock)
    assert_array_equal(shown[-1], expected)
    assert_array_equal(embedding, expected)
    assert_array_equal(embedding, fit_stock(X[:500], 10, 20))
    assert type(embedding) is np.ndarray and type(shown[3]) is np.ndarray
    assert embedding.dtype == np.float64 and embedding.shape == (500, 2)


def test_early_exaggeration_is_a_phase(X):
    shown = Recorder()
    tsne(X[:300], n_epochs=12, seed=1, on_epoch=shown, early_exaggeration_iter=4)
    embedding = openTSNE.TSNE(random_state=1).prepare_initial(X[:300])
    assert_array_equal(shown[0], embedding)
    assert_allclose(shown[0][:, 0].std(), 1e-4, rtol=1e-2)
    embedding.optimize(4, exaggeration=12, momentum=0.8, inplace=True)
    assert_array_equal(shown[4], embedding)
    embedding.optimize(3, momentum=0.8, inplace=True)
    assert_array_equal(shown[7], embedding)


@pytest.mark.parametrize(("n_epochs", "early"), [(30, 10), (2, 0), (900, 250)])
def test_early_exaggeration_takes_a_third_but_250_at_most(X, monkeypatch, n_epochs, early):
    def fit(model, X, affinities):
        assert (model.early_exaggeration_iter, model.n_iter) == (early, n_epochs - early)
        raise KeyboardInterrupt

    monkeypatch.setattr(openTSNE.TSNE, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        tsne(X[:300], n_epochs=n_epochs, seed=1)


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_components": 1},
        {"n_components": 3},
        {"negative_gradient_method": "fft"},
        {"n_components": 1, "negative_gradient_method": "fft"},
        {"perplexity": 5.5, "exaggeration": 2},
        {"initialization": "random", "metric": "cosine"},
        {"initialization": "spectral", "seed": 7},
        {"verbose": True, "n_jobs": 2},
    ],
    ids=lambda parameters: "-".join(parameters),
)
def test_result_is_that_of_stock_opentsne(X, parameters):
    expected = fit_stock(X[:300], 20, 40, **parameters)
    options = {"n_epochs": 60, "seed": 1} | parameters
    shown = Recorder()
    embedding = tsne(X[:300], on_epoch=shown, **options)
    assert_array_equal(embedding, expected)
    assert_array_equal(embedding, shown[-1])
    assert_array_equal(embedding, tsne(X[:300], **options))
    assert len(shown) == 61


@pytest.mark.parametrize("n_components", [2, 3])
def test_result_is_that_of_stock_opentsne_for_many_samples(n_components):
    many = np.random.default_rng(0).normal(size=(10_000, 3)).astype(np.float32)
    indices = (np.arange(len(many))[:, None] + np.arange(4)) % len(many)
    found = Neighbors(indices, np.arange(4.0) + np.zeros(indices.shape))
    index = PrecomputedNeighbors(found.indices[:, 1:], found.distances[:, 1:])
    # In 2-D openTSNE interpolates from here on, in 3-D it cannot.
    options = {
        "affinities": PerplexityBasedNN(perplexity=1, knn_index=index),
        "negative_gradient_method": {2: "fft", 3: "bh"}[n_components],
    }
    expected = fit_stock(many, 0, 2, n_components=n_components, **options)
    embedding = tsne(
        many, n_components=n_components, n_epochs=2, seed=1, neighbors=found, perplexity=1
    )
    assert_array_equal(embedding, expected)


def test_neighbors_are_those_of_stock_opentsne(X, monkeypatch):
    found = find_neighbors(X[:1_200], 70)
    copy = Neighbors(*(array.copy() for array in found))
    index = PrecomputedNeighbors(found.indices[:, 1:61], found.distances[:, 1:61])
    affinities = PerplexityBasedNN(perplexity=20, knn_index=index)
    expected = fit_stock(X[:1_200], 4, 8, affinities=affinities)
    monkeypatch.setattr(openTSNE.affinity, "get_knn_index", lambda *a, **k: pytest.fail("search"))
    for n_jobs in (1, 2, -1):
        shown = Recorder()
        options = {"n_epochs": 12, "seed": 1, "perplexity": 20, "n_jobs": n_jobs}
        embedding = tsne(X[:1_200], neighbors=found, on_epoch=shown, **options)
        assert_array_equal(embedding, expected)
        assert_array_equal(embedding, shown[-1])
    for array, before in zip(found, copy, strict=True):
        assert_array_equal(array, before)


def test_threads_by_default(X, monkeypatch):
    def fit(model, X, affinities):
        raise KeyError(model.n_jobs)

    monkeypatch.setattr(openTSNE.TSNE, "fit", fit)
    found = find_neighbors(X[:300], 91)
    for options, n_jobs in [
        ({"seed": 1}, 1),  # openTSNE's own search depends on the number of threads
        ({"seed": None}, -1),
        ({"seed": 1, "neighbors": found}, -1),
        ({"seed": 1, "n_jobs": 2}, 2),
    ]:
        with pytest.raises(KeyError, match=f"^{n_jobs}$"):
            tsne(X[:300], n_epochs=5, **options)


def test_same_seed_same_bytes(X):
    """With so many samples openTSNE's own search is approximate."""

    def fit(seed):
        return tsne(X[:1_100], n_epochs=5, seed=seed, initialization="random").tobytes()

    assert fit(1) == fit(1) != fit(2)


def test_without_seed(X):
    shown = Recorder()
    embedding = tsne(X[:300], n_epochs=6, seed=None, on_epoch=shown)
    assert len(shown) == 7
    assert_array_equal(embedding, shown[-1])


def test_no_steps(X):
    shown = Recorder()
    embedding = tsne(X[:300], n_epochs=0, seed=1, on_epoch=shown)
    assert len(shown) == 1
    assert_array_equal(embedding, shown[0])
    assert_array_equal(embedding, openTSNE.TSNE(random_state=1).prepare_initial(X[:300]))


@pytest.mark.parametrize("last", [0, 2, 3, 7, 9])
def test_truthy_return_stops(X, last):
    shown = []

    def stop(epoch, embedding):
        shown.append(embedding)
        return epoch == last

    embedding = tsne(X[:300], n_epochs=9, seed=1, on_epoch=stop)
    assert len(shown) == last + 1
    assert_array_equal(embedding, shown[-1])
    assert type(embedding) is np.ndarray


def test_clean_run_is_quiet(X, capfd, caplog, recwarn, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    with caplog.at_level(logging.WARNING):
        tsne(X[:300], n_epochs=2, seed=1, n_components=3)
    assert not caplog.messages
    assert capfd.readouterr() == ("", "")
    assert not [str(warning.message) for warning in recwarn]


def test_progress_bar_counts_epochs(X, capfd):
    tsne(X[:300], n_epochs=6, seed=1)
    last = capfd.readouterr().err.split("\r")[-1]
    assert "t-SNE: 100%" in last and "6/6" in last


def test_optimiser_that_no_longer_asks_is_noticed(X, monkeypatch):
    def descend(self, embedding, P, n_iter, objective_function, **parameters):
        return 0, embedding

    monkeypatch.setattr(openTSNE.tsne.gradient_descent, "__call__", descend)
    with pytest.raises(RuntimeError, match=r"does not fit openTSNE \d.*it showed 0 of 9 steps"):
        tsne(X[:300], n_epochs=9, seed=1)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n_components": 4}, ValueError, "n_components must be an integer from 1 to 3, got 4"),
        ({"seed": -1}, ValueError, "seed must be an integer from 0 to 4294967295, got -1"),
        ({"perplexity": 100}, ValueError, "perplexity must be a number from 1 to 99.67, got 100"),
        ({"perplexity": 0.5}, ValueError, "perplexity must be .* got 0.5"),
        ({"perplexity": [5, 30]}, ValueError, r"perplexity must be .* got \[5, 30\]"),
        ({"perplexity": float("nan")}, ValueError, "perplexity must be .* got nan"),
        ({"early_exaggeration_iter": 6}, ValueError, "an integer from 0 to 5, got 6"),
        ({"early_exaggeration_iter": 2.0}, ValueError, "an integer from 0 to 5, got 2.0"),
        ({"neighbors": FOUR}, ValueError, "one row for each of 300 samples, got 4"),
        ({"neighbors": ()}, ValueError, r"two arrays of the same shape, got shapes \[\]"),
        ({"neighbors": TEN.indices}, ValueError, "neighbors must be two arrays of the same shape"),
        ({"neighbors": TEN}, ValueError, "at least 91 columns, got 10"),
        ({"neighbors": TEN, "perplexity": 3.5}, ValueError, "at least 11 columns, got 10"),
        ({"negative_gradient_method": "fft", "n_components": 3}, ValueError, "'bh' in 3-D, got 'f"),
        ({"callbacks": print}, TypeError, "callbacks"),
        ({"n_neighbors": 30}, TypeError, "n_neighbors"),
    ],
)
def test_bad_input_is_refused_before_any_work(X, monkeypatch, change, error, message):
    monkeypatch.setattr(openTSNE.TSNE, "fit", lambda *args: pytest.fail("work started"))
    arguments = {"X": X[:300], "n_epochs": 5, "seed": 1} | change
    with pytest.raises(error, match=message):
        tsne(arguments.pop("X"), **arguments)


def test_affinities_are_those_of_stock_opentsne(X, affinities):
    # openTSNE itself looks at all pairs of so few samples.
    expected = openTSNE.affinity.MultiscaleMixture(X[:300], 20).P
    assert isinstance(affinities, csr_matrix) and affinities.dtype == np.float64
    assert_allclose(affinities.toarray(), expected.toarray(), rtol=1e-3, atol=1e-12)
    assert_allclose(affinities.sum(), 1, rtol=1e-12)
    assert_array_equal(affinities.toarray(), affinities.T.toarray())
    given = find_affinities(X[:300], 20, find_neighbors(X[:300], 70), n_jobs=1)
    assert_array_equal(given.toarray(), affinities.toarray())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((99.5,), "perplexity must be a number from 1 to 99.33, got 99.5"),
        ((0,), "perplexity must be a number from 1 to 99.33, got 0"),
        ((20, TEN), "at least 61 columns, got 10"),
    ],
)
def test_bad_affinities(X, arguments, message):
    with pytest.raises(ValueError, match=message):
        find_affinities(X[:300], *arguments)


def compute_kl(affinities, layout):
    """KL(P||Q), written as in the paper."""
    differences = layout[:, None] - layout[None]
    w = 1 / (1 + (differences**2).sum(axis=-1))
    np.fill_diagonal(w, 0)
    p, q = affinities.toarray(), w / w.sum()
    mask = p > 0
    return (p[mask] * np.log(p[mask] / q[mask])).sum()


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_kl_divergence_is_that_of_the_paper(affinities, n_components):
    points = np.random.default_rng(0).normal(scale=5, size=(300, n_components))
    expected = compute_kl(affinities, points)
    assert_allclose(kl_divergence(affinities, points), expected, rtol=1e-10)
    single = points.astype(np.float32)
    assert_allclose(kl_divergence(affinities, single), compute_kl(affinities, single * 1.0), 1e-7)


def test_kl_divergence_skips_what_has_no_probability(affinities, layout):
    padded = affinities.copy()
    padded.data[:5] = 0
    without = padded.copy()
    without.eliminate_zeros()
    assert_allclose(kl_divergence(padded, layout), kl_divergence(without, layout), rtol=1e-12)


def test_kl_divergence_is_that_of_opentsne(X, affinities, layout):
    exact, _ = kl_divergence_bh(layout, affinities, 1, {"theta": 0.0}, should_eval_error=True)
    ours = kl_divergence(affinities, layout)
    assert_allclose(ours, exact, rtol=1e-9)
    # What a fit reports has the error of its approximation, too.
    model = openTSNE.TSNE(early_exaggeration_iter=33, n_iter=67, random_state=1, perplexity=20)
    assert_allclose(ours, model.fit(X[:300]).kl_divergence, rtol=2e-2)


def test_gradient_of_kl_divergence_is_that_of_opentsne(affinities, layout):
    _, gradient = kl_divergence_bh(layout, affinities, 1, {"theta": 0.0})
    gradient = 4 * gradient  # openTSNE leaves the factor to the learning rate
    step = 1e-5
    for i, axis in [(0, 0), (5, 1), (131, 0), (299, 1)]:
        there, back = layout.copy(), layout.copy()
        there[i, axis] += step
        back[i, axis] -= step
        slope = (kl_divergence(affinities, there) - kl_divergence(affinities, back)) / (2 * step)
        assert_allclose(slope, gradient[i, axis], rtol=1e-4)


def test_threads_do_not_change_kl_divergence(affinities, layout):
    before = numba.get_num_threads()
    losses = set()
    try:
        for threads in range(1, before + 1):
            numba.set_num_threads(threads)
            losses.add(kl_divergence(affinities, layout).hex())
    finally:
        numba.set_num_threads(before)
    assert len(losses) == 1


@pytest.mark.parametrize("shape", [(299, 2), (300, 4), (300,), (300, 0)])
def test_kl_divergence_of_another_shape(affinities, shape):
    with pytest.raises(ValueError, match=r"embedding must have shape \(300, 1 to 3\), got \("):
        kl_divergence(affinities, np.zeros(shape))
