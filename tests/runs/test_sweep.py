"""One embedding for each value of a parameter: in order, aligned, each started from the last."""

import os
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from scipy.stats import ortho_group

from animated.geometry import mean_displacement
from animated.methods import tsne, umap
from animated.neighbors.search import find_neighbors
from animated.runs.store import read_embedding, read_metadata
from animated.runs.sweep import sweep
from animated.runs.writer import recover

N = 60
PLANE = np.random.default_rng(0).normal(size=(N, 2)).astype(np.float32) * [3, 1]


class Spy:
    """A method whose embeddings differ only by a rotation, reflection, translation and scale."""

    __name__ = "spy"

    def __init__(self):
        self.calls = []

    def __call__(self, X, *, n_epochs, seed, n_components, on_epoch=None, init="own", **others):
        self.calls.append({"n_epochs": n_epochs, "seed": seed, "init": init, **others})
        self.hidden = os.environ.get("TQDM_DISABLE")
        if others.get("width") == "broken":
            raise KeyboardInterrupt
        number = len(self.calls)
        rotation = ortho_group.rvs(2, random_state=number)
        return (PLANE @ rotation * number + 100 * number).astype(np.float32)


@pytest.fixture
def spy():
    return Spy()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sweep.parquet"


X = np.ones((N, 3), dtype=np.float32)
WIDTHS = [5, 3, 8, 4]


def test_values_are_used_in_their_order(spy, path):
    sweep(spy, X, path, "width", WIDTHS, n_steps=7, seed=1, depth=2)
    assert [call["width"] for call in spy.calls] == WIDTHS
    assert {(call["n_epochs"], call["seed"], call["depth"]) for call in spy.calls} == {(7, 1, 2)}
    metadata = read_metadata(path)
    assert metadata["parameters"] == {
        "n_components": 2, "n_epochs": 3, "depth": 2, "n_steps": 7, "start": "init",
        "width": WIDTHS,
    }  # fmt: skip
    assert (metadata["method"], metadata["seed"]) == ("spy", 1)


def test_rotation_translation_and_scale_are_removed(spy, path):
    sweep(spy, X, path, "width", WIDTHS, n_steps=7, seed=1)
    embeddings = [read_embedding(path, number) for number in range(len(WIDTHS))]
    first = PLANE @ ortho_group.rvs(2, random_state=1) + 100
    for embedding in embeddings:
        assert np.abs(embedding - first).max() < 1e-4
    with pytest.raises(ValueError, match="0 to 3, got 4"):
        read_embedding(path, 4)


def test_each_fit_starts_from_the_embedding_before(spy, path):
    sweep(spy, X, path, "width", WIDTHS, n_steps=7, seed=1)
    starts = [call["init"] for call in spy.calls]
    assert starts[0] == "own"
    for number, start in enumerate(starts[1:]):
        assert np.abs(start - read_embedding(path, number)).max() < 1e-4


def test_the_initial_embedding_has_another_name_or_is_given_or_is_none(spy, path):
    sweep(spy, X, path, "width", WIDTHS, n_steps=7, seed=1, start="begin", init="random")
    assert ["begin" in call for call in spy.calls] == [False, True, True, True]
    assert {call["init"] for call in spy.calls} == {"random"}
    spy.calls.clear()
    sweep(spy, X, path, "seed", range(3), n_steps=7, start=None)
    assert [(call["seed"], call["init"]) for call in spy.calls] == [
        (0, "own"),
        (1, "own"),
        (2, "own"),
    ]
    assert read_metadata(path)["seed"] == [0, 1, 2]


def test_only_the_sweep_has_a_bar(spy, path, monkeypatch):
    for before in ("0", None):
        monkeypatch.delenv("TQDM_DISABLE", raising=False)
        if before:
            monkeypatch.setenv("TQDM_DISABLE", before)
        sweep(spy, X, path, "width", WIDTHS, n_steps=7, seed=len(before or ""))
        assert spy.hidden == "1" and os.environ.get("TQDM_DISABLE") == before


def test_a_sweep_is_not_repeated(spy, path):
    labels = pl.Series("digit", ["a", "b"] * (N // 2))
    same = {"n_steps": 7, "seed": 1, "labels": labels}
    first = sweep(spy, X, path, "width", WIDTHS, **same)
    assert sweep(spy, X, path, "width", np.array(WIDTHS), **same) == first
    assert len(spy.calls) == len(WIDTHS)
    for change in ({"n_steps": 8}, {"start": None}, {"depth": 3}, {"seed": 2}):
        spy.calls.clear()
        sweep(spy, X, path, "width", WIDTHS, **(same | change))
        assert len(spy.calls) == len(WIDTHS), change
    spy.calls.clear()
    sweep(spy, X, path, "width", WIDTHS[::-1], **same)
    assert [call["width"] for call in spy.calls] == WIDTHS[::-1]


def test_an_interruption_preserves_the_old_file_and_the_embeddings_so_far(spy, path):
    sweep(spy, X, path, "width", WIDTHS, n_steps=7, seed=1)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        sweep(spy, X, path, "width", [1, 2, "broken"], n_steps=7, seed=1)
    assert path.read_bytes() == before
    assert recover(path) == 2
    assert pl.read_parquet(path)["epoch"].unique().to_list() == [0, 1]


@pytest.mark.parametrize(
    ("name", "values", "change", "message"),
    [
        ("width", [1], {}, "values must be two or more, got 1"),
        ("n_epochs", [1, 2], {}, "name must not be 'n_epochs' or 'n_components', got 'n_epochs'"),
        ("width", [1, 2], {"width": 3}, "width is swept and cannot be given as well, got 3"),
        ("seed", [1, 2], {"seed": 3}, "seed is swept and cannot be given as well, got 3"),
        ("width", [1, 2], {"n_steps": -1}, "n_steps must be an integer of at least 0, got -1"),
    ],
)
def test_bad_sweeps_are_refused_before_the_first_fit(spy, path, name, values, change, message):
    with pytest.raises(ValueError, match=message):
        sweep(spy, X, path, name, values, **({"n_steps": 7} | change))
    assert not spy.calls


def measure_path(path, n_embeddings):
    embeddings = [read_embedding(path, number) for number in range(n_embeddings)]
    return sum(mean_displacement(*pair) for pair in pairwise(embeddings)) / np.std(embeddings[0])


def test_points_of_umap_move_less(X, tmp_path):
    """Fits that start from the embedding before move the points less than independent fits."""
    few = X[:600] / 255
    neighbors = find_neighbors(few, 8)
    values, lengths, first = [5, 6, 7, 8], {}, {}
    for start in ("init", None):
        path = tmp_path / f"{start}.parquet"
        given = {"n_steps": 50, "seed": 1, "learning_rate": 0.25, "neighbors": neighbors}
        sweep(umap, few, path, "n_neighbors", values, start=start, **given)
        lengths[start], first[start] = measure_path(path, len(values)), read_embedding(path, 0)
    given["n_epochs"] = given.pop("n_steps")
    alone = umap(few, n_neighbors=5, **given)
    for embedding in first.values():
        assert np.allclose(embedding, alone, atol=1e-5 * np.ptp(alone))
    assert lengths["init"] < 0.6 * lengths[None], lengths


def test_other_methods_can_be_swept(X, tmp_path):
    path = tmp_path / "tsne.parquet"
    given = {"n_steps": 20, "seed": 1, "start": "initialization", "early_exaggeration_iter": 0}
    sweep(tsne, X[:100] / 255, path, "perplexity", [5, 10], **given)
    metadata = read_metadata(path)
    assert metadata["parameters"]["perplexity"] == [5, 10]
    assert "openTSNE" in metadata["versions"]
