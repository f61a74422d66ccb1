"""Runs are stored, and repeated only when something has changed."""

import json
import math
import os

import numpy as np
import polars as pl
import pytest

from animated.methods import mds
from animated.methods.declaration import declare
from animated.neighbors.distances import find_distances
from animated.neighbors.search import Neighbors
from animated.runs.run import run
from animated.runs.store import read_epoch, read_metadata
from animated.runs.writer import VERSIONS, recover


class Spy:
    """A method that counts its runs."""

    __name__ = "spy"

    def __init__(self):
        self.n_runs = 0

    def __call__(self, X, *, n_components, n_epochs, seed, on_epoch, fail_at=None, distances=None):
        self.n_runs += 1
        for epoch in range(n_epochs + 1):
            if epoch == fail_at:
                raise KeyboardInterrupt
            on_epoch(epoch, X[:, :n_components] * (1 + epoch))


@pytest.fixture
def spy():
    return Spy()


@pytest.fixture
def few(X):
    return X[:50] / 255 + np.arange(50)[:, None]


def test_store(tmp_path, few, digits):
    path = tmp_path / "mds.parquet"
    labels = digits["digit"][:50]
    distances = find_distances(few)
    done = run(
        mds,
        few,
        path,
        n_epochs=3,
        seed=1,
        n_components=3,
        labels=labels,
        data="MNIST",
        distances=distances,
    )
    assert done.path == path and done.seconds >= 0
    last = read_epoch(path, 3)
    assert last["digit"].equals(labels) and "z" in last.columns
    metadata = read_metadata(path)
    assert (metadata["method"], metadata["data"], metadata["seed"]) == ("mds", "MNIST", 1)
    assert metadata["parameters"] == {"n_components": 3, "n_epochs": 3, "distances": "given"}
    restored = last.select("x", "y", "z").to_numpy() * metadata["scale"] + metadata["offset"]
    expected = mds(few, n_epochs=3, seed=1, n_components=3)
    assert np.allclose(restored, expected, atol=1e-6 * metadata["scale"])


def test_a_run_is_not_repeated(tmp_path, spy, few):
    path = tmp_path / "spy.parquet"
    first = run(spy, few, path, n_epochs=2, seed=1)
    assert run(spy, few, path, n_epochs=2, seed=1) == first and spy.n_runs == 1


@pytest.mark.parametrize(
    "change",
    [
        {"n_epochs": 3},
        {"seed": 2},
        {"n_components": 3},
        {"data": "other"},
        {"distances": np.ones(3)},
        {"every": 2},
        {"labels": pl.Series("digit", ["a"] * 50)},
    ],
)
def test_another_run_is_made(tmp_path, spy, few, change):
    path = tmp_path / "spy.parquet"
    run(spy, few, path, n_epochs=2, seed=1)
    run(spy, few, path, **({"n_epochs": 2, "seed": 1} | change))
    assert spy.n_runs == 2


def test_versions_of_libraries(tmp_path, spy, few, monkeypatch):
    """Those that the method declares are stored, too, and other versions make another run."""
    path = tmp_path / "spy.parquet"
    declare(libraries=("polars",))(spy)
    run(spy, few, path, n_epochs=2, seed=1)
    assert read_metadata(path)["versions"]["polars"] == pl.__version__
    run(spy, few, path, n_epochs=2, seed=1)
    assert spy.n_runs == 1
    monkeypatch.setattr("animated.runs.writer.version", lambda _: "0.0")
    run(spy, few, path, n_epochs=2, seed=1)
    monkeypatch.setitem(VERSIONS, "numpy", "0.0")
    run(spy, few, path, n_epochs=2, seed=1)
    assert spy.n_runs == 3


def test_other_data_or_a_lost_store_make_another_run(tmp_path, spy, few, capsys):
    path = tmp_path / "spy.parquet"
    run(spy, few, path, n_epochs=2, seed=1)
    assert capsys.readouterr().out == ""
    run(spy, few + 1, path, n_epochs=2, seed=1)
    assert spy.n_runs == 2
    assert "replacing another run: the data differ" in capsys.readouterr().out
    for number, spoil in enumerate((path.unlink, lambda: os.truncate(path, 900))):
        spoil()
        run(spy, few + 1, path, n_epochs=2, seed=1)
        assert spy.n_runs == 3 + number


def test_the_duration_of_a_run_may_be_lost(tmp_path, spy, few):
    path = tmp_path / "spy.parquet"
    note = path.with_suffix(".json")
    done = run(spy, few, path, n_epochs=2, seed=1)
    assert json.loads(note.read_text())["seconds"] == done.seconds >= 0
    of_another = note.read_text().replace('"run": "', '"run": "0')
    for spoil in (note.unlink, lambda: note.write_text("{"), lambda: note.write_text(of_another)):
        spoil()
        assert math.isnan(run(spy, few, path, n_epochs=2, seed=1).seconds)
    assert spy.n_runs == 1


def test_an_interrupted_run_is_not_finished(tmp_path, spy, few):
    path = tmp_path / "spy.parquet"
    with pytest.raises(KeyboardInterrupt):
        run(spy, few, path, n_epochs=2, seed=1, fail_at=1)
    assert not path.exists() and not path.with_suffix(".json").exists()
    run(spy, few, path, n_epochs=2, seed=1)
    assert pl.read_parquet(path)["epoch"].max() == 2


def test_every_third_epoch_is_stored(tmp_path, spy, few):
    path = tmp_path / "spy.parquet"
    run(spy, few, path, n_epochs=7, seed=1, every=3)
    assert pl.read_parquet(path)["epoch"].unique().to_list() == [0, 3, 6, 7]
    with pytest.raises(ValueError, match="every must be an integer of at least 1, got 0"):
        run(spy, few, path, n_epochs=7, seed=1, every=0)


def test_a_recovered_run_is_not_taken_for_the_one_before(tmp_path, spy, few):
    path = tmp_path / "spy.parquet"
    run(spy, few, path, n_epochs=2, seed=1)
    with pytest.raises(KeyboardInterrupt):
        run(spy, few, path, n_epochs=9, seed=1, fail_at=1)
    recover(path)
    run(spy, few, path, n_epochs=2, seed=1)
    assert spy.n_runs == 3 and pl.read_parquet(path)["epoch"].max() == 2


def test_a_run_that_never_starts_preserves_the_one_before(tmp_path, spy, few):
    path = tmp_path / "spy.parquet"
    run(spy, few, path, n_epochs=2, seed=1)
    with pytest.raises(KeyboardInterrupt):
        run(spy, few, path, n_epochs=9, seed=1, fail_at=0)
    run(spy, few, path, n_epochs=2, seed=1)
    assert spy.n_runs == 2


def test_numbers_of_numpy(tmp_path, spy, few):
    path = tmp_path / "spy.parquet"
    run(spy, few, path, n_epochs=np.int64(2), seed=np.uint8(1), distances=np.float32(0.5))
    metadata = read_metadata(path)
    assert metadata["seed"] == 1
    assert metadata["parameters"] == {"n_components": 2, "n_epochs": 2, "distances": 0.5}
    run(spy, few, path, n_epochs=2, seed=1, distances=0.5)
    assert spy.n_runs == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_components": 1}, "n_components must be an integer from 2 to 3, got 1"),
        ({"n_epochs": 70_000}, "n_epochs must be an integer from 0 to 65535, got 70000"),
        ({"labels": pl.Series("digit", ["a"] * 49)}, "labels must have 50 values, got 49"),
    ],
)
def test_bad_arguments_are_refused_before_the_run(tmp_path, spy, few, change, message):
    with pytest.raises(ValueError, match=message):
        run(spy, few, tmp_path / "spy.parquet", **({"n_epochs": 2, "seed": 1} | change))
    assert spy.n_runs == 0


def test_a_run_is_recognised_wherever_its_classes_are_defined(tmp_path, spy):
    """The hash is that of stores made when `Neighbors` was in another module of its wing."""
    X, path = np.arange(12, dtype=np.float32).reshape(6, 2), tmp_path / "spy.parquet"
    indices, distances = np.arange(6, dtype=np.int32).reshape(3, 2), np.ones((3, 2), np.float32)
    labels = pl.Series("label", list("abcabc"))
    options = {"labels": labels, "distances": Neighbors(indices, distances)}
    run(spy, X, path, n_epochs=1, seed=1, **options)
    assert read_metadata(path)["inputs"] == "e45a76edd940f06c8506d42f64118703"
