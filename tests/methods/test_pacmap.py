"""The callback shows what stock PaCMAP does, bit for bit, and changes nothing."""

import logging
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from threadpoolctl import threadpool_limits

from animated.methods._pacmap import pacmap


@pytest.fixture(scope="module", autouse=True)
def library():
    """The package, imported only by the process that runs these tests: at first it compiles."""
    return pytest.importorskip("pacmap.pacmap")


@pytest.fixture(autouse=True)
def _one_blas_thread():
    """So few digits are done before several threads have agreed on who does what."""
    with threadpool_limits(1):
        yield


class Recorder(list):
    """A callback that keeps what it is handed, without copying it."""

    def __call__(self, epoch, embedding):
        assert epoch == len(self)
        self.append(embedding)


def fit_stock(X, num_iters, seed=1, init=None, **parameters):
    from pacmap import PaCMAP

    model = PaCMAP(num_iters=num_iters, random_state=seed, **parameters)
    return model.fit_transform(X, init=init)


def test_every_epoch_is_stock_pacmap(X):
    snapshots = fit_stock(
        X[:500], (10, 10, 25), intermediate=True, intermediate_snapshots=[*range(46), -1]
    )
    shown = Recorder()
    embedding = pacmap(X[:500], n_epochs=45, seed=1, on_epoch=shown)
    assert len(shown) == 46
    for layout, snapshot in zip(shown, snapshots, strict=False):
        assert_array_equal(layout, snapshot)
    assert_array_equal(embedding, shown[-1])
    assert_array_equal(embedding, fit_stock(X[:500], (10, 10, 25)))
    assert embedding.dtype == np.float32 and embedding.shape == (500, 2)


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_components": 1},
        {"n_components": 3},
        {"init": "random"},
        {"apply_pca": False},
        {"distance": "angular", "n_neighbors": 5},
        {"seed": 7},
    ],
    ids=lambda parameters: "-".join(parameters),
)
def test_result_is_that_of_stock_pacmap(X, parameters):
    expected = fit_stock(X[:300], (2, 2, 5), **parameters)
    options = {"n_epochs": 9, "seed": 1} | parameters
    shown = Recorder()
    embedding = pacmap(X[:300], on_epoch=shown, **options)
    assert_array_equal(embedding, expected)
    assert_array_equal(embedding, shown[-1])
    assert_array_equal(embedding, pacmap(X[:300], **options))
    assert len(shown) == 10


@pytest.mark.parametrize(
    ("n_epochs", "phases"), [(450, (100, 100, 250)), (199, (44, 44, 111)), (4, (0, 0, 4))]
)
def test_phases_keep_their_proportion(library, X, monkeypatch, n_epochs, phases):
    def stop(model, *args):
        assert model.num_iters == phases
        raise KeyboardInterrupt

    monkeypatch.setattr(library.PaCMAP, "sample_pairs", stop)
    with pytest.raises(KeyboardInterrupt):
        pacmap(X[:300], n_epochs=n_epochs, seed=1)


def test_phases_may_be_given(X):
    embedding = pacmap(X[:300], n_epochs=9, seed=1, num_iters=[4, 3, 2])
    assert_array_equal(embedding, fit_stock(X[:300], (4, 3, 2)))
    assert_array_equal(embedding, pacmap(X[:300], n_epochs=9, seed=1, num_iters=np.r_[4, 3, 2]))
    assert not np.array_equal(embedding, pacmap(X[:300], n_epochs=9, seed=1))


def test_without_seed(X):
    shown = Recorder()
    embedding = pacmap(X[:300], n_epochs=5, seed=None, on_epoch=shown)
    assert len(shown) == 6
    assert_array_equal(embedding, shown[-1])


def test_nothing_stays_patched_or_changed(library, X, caplog):
    def look():
        functions = library.pacmap, library.update_embedding_adam, library.PaCMAP.fit
        return *functions, library.logger.level

    given = X[:300].copy()
    with caplog.at_level(logging.INFO, library.logger.name):
        before = look()
        pacmap(given, n_epochs=2, seed=1, on_epoch=lambda epoch, embedding: epoch == 1)
        assert look() == before
    assert_array_equal(given, X[:300])


def test_clean_run_is_quiet(X, capfd, caplog, recwarn, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    with caplog.at_level(logging.WARNING):
        pacmap(X[:300], n_epochs=2, seed=1, n_components=3)
    assert not caplog.messages
    assert capfd.readouterr() == ("", "")
    assert not [str(warning.message) for warning in recwarn]


def test_progress_bar_counts_epochs(X, capfd):
    pacmap(X[:300], n_epochs=6, seed=1)
    last = capfd.readouterr().err.split("\r")[-1]
    assert "PaCMAP: 100%" in last and "6/6" in last


def test_loop_that_no_longer_asks_is_noticed(library, X, monkeypatch):
    def loop(X, n_dims, pair_neighbors, pair_MN, pair_FP, *args):
        if not n_dims:
            pacmap_grad(), update_embedding_adam()  # noqa: F821
        return X[:, :n_dims], None, pair_neighbors, pair_MN, pair_FP

    monkeypatch.setattr(library, "pacmap", loop)
    with pytest.raises(RuntimeError, match=r"does not fit pacmap \d.*it showed 0 of 9 steps"):
        pacmap(X[:300], n_epochs=9, seed=1)


def test_changed_pacmap_is_named_before_any_work(library, X, monkeypatch):
    def loop(X, n_dims, *args):
        return pacmap_grad(X)  # noqa: F821

    monkeypatch.setattr(library, "pacmap", loop)
    monkeypatch.setattr(library.PaCMAP, "sample_pairs", lambda *args: pytest.fail("work started"))
    message = r"does not fit pacmap \d.*loop does not call update_embedding_adam"
    with pytest.raises(RuntimeError, match=message):
        pacmap(X[:300], n_epochs=9, seed=1)


def test_missing_package_says_how_to_get_it(X, monkeypatch):
    monkeypatch.setitem(sys.modules, "pacmap", None)
    with pytest.raises(ImportError, match=r"pip install 'dimensionality-reduction-animated\[pacm"):
        pacmap(X[:300], n_epochs=9, seed=1)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"seed": -1}, ValueError, "seed must be an integer from 0 to 4294967295, got -1"),
        ({"seed": 1.5}, ValueError, "seed must be an integer .* got 1.5"),
        ({"num_iters": (1, 2)}, ValueError, r"three integers whose sum is n_epochs 5, got \(1, 2"),
        ({"num_iters": (1, 2, 3)}, ValueError, r"n_epochs 5, got \(1, 2, 3\)"),
        ({"num_iters": (-1, 2, 4)}, ValueError, r"n_epochs 5, got \(-1, 2, 4\)"),
        ({"num_iters": 5}, ValueError, "n_epochs 5, got 5"),
        ({"perplexity": 30}, TypeError, "perplexity"),
        ({"distance": "cosine"}, NotImplementedError, "`distance` must be one of"),
    ],
)
def test_bad_input_is_refused_before_any_work(library, X, monkeypatch, change, error, message):
    monkeypatch.setattr(library.PaCMAP, "fit", lambda *args, **kwargs: pytest.fail("work started"))
    arguments = {"X": X[:300], "n_epochs": 5, "seed": 1} | change
    with pytest.raises(error, match=message):
        pacmap(arguments.pop("X"), **arguments)
