"""Each method of the package resumes from its state, bit for bit, or is extended by more epochs."""

import re
from math import inf

import numpy as np
import polars as pl
import pytest
from random_walk import N_EPOCHS, interrupt_at, run_in_parts

from animated.methods import graph, mds, pacmap, pca, sammon, tsne, umap
from animated.neighbors.search import find_neighbors
from animated.runs import checkpoints
from animated.runs.run import run
from animated.runs.store import find_last_epoch, read_embedding, read_metadata

N_SAMPLES = 100
X = np.random.default_rng(0).normal(size=(N_SAMPLES, 8)).astype(np.float32)
LABELS = pl.Series("digit", ["a", "b", "c", "d"] * (N_SAMPLES // 4))
# With these umap-learn need not compile a search of its own.
NEIGHBORS = {"neighbors": find_neighbors(X)}
METHODS = {
    "umap": (umap, NEIGHBORS),
    "umap on a sphere": (umap, NEIGHBORS | {"output_metric": "haversine"}),
    "densmap": (umap, NEIGHBORS | {"densmap": True}),
    "umap from random": (umap, NEIGHBORS | {"init": "random"}),
    "tsne": (tsne, {}),
    "pacmap": (pacmap, {}),
    "pca": (pca, {}),
    "mds": (mds, {}),
    "sammon": (sammon, {}),
    "graph": (graph, {}),
}
# Within and after the early exaggeration of t-SNE, and the first and the last of all.
STOPS = ([1, 4, 7, 7, N_EPOCHS], [5])


@pytest.fixture(autouse=True)
def save_always(monkeypatch):
    monkeypatch.setattr(checkpoints, "SHARE", inf)


# These compile loops of their own.
SLOW = ("umap on a sphere", "densmap")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in METHODS]
)
def test_a_resumed_run_of_a_method_is_the_undisturbed_one(tmp_path, name, capsys):
    method, parameters = METHODS[name]
    options = {"n_epochs": N_EPOCHS, "seed": 3, "labels": LABELS, "data": "MNIST"} | parameters
    whole = run(method, X, tmp_path / "whole.parquet", **options).path
    assert capsys.readouterr().out == ""
    for number, stops in enumerate(STOPS):
        parts = tmp_path / f"{number}.parquet"
        run_in_parts(run, method, X, parts, stops, **options)
        assert parts.read_bytes() == whole.read_bytes(), stops
        said = re.findall(r"resuming from epoch (\d+)", capsys.readouterr().out)
        if name == "pca":  # it has no state, and starts over
            assert said == []
        else:  # from the state of the epoch at which it stopped, or of the one before
            gaps = {stop - int(epoch) for stop, epoch in zip(stops, said, strict=True)}
            assert gaps <= {0, 1}


def test_the_spectral_embedding_is_saved(tmp_path, monkeypatch):
    path, options = tmp_path / "umap.parquet", {"n_epochs": N_EPOCHS, "seed": 3} | NEIGHBORS
    whole = run(umap, X, tmp_path / "whole.parquet", **options).path
    with pytest.raises(KeyboardInterrupt):
        run(umap, X, path, on_epoch=interrupt_at(0), **options)
    # This would compute the eigenvectors.
    monkeypatch.setattr("umap.spectral._spectral_layout", None)
    run(umap, X, path, **options)
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", ["mds", "sammon", "graph", "tsne"])
def test_more_epochs_can_follow(tmp_path, name, capsys):
    method = METHODS[name][0]
    path, whole = tmp_path / "more.parquet", tmp_path / "whole.parquet"
    options = {"seed": 3} | ({"early_exaggeration_iter": 3} if name == "tsne" else {})
    run(method, X, whole, n_epochs=N_EPOCHS, **options)
    for n_epochs in (5, 7, N_EPOCHS):
        run(method, X, path, n_epochs=n_epochs, **options)
    said = re.findall(r"resuming from epoch (\d+)", capsys.readouterr().out)
    assert said == ["5", "7"]
    assert find_last_epoch(path) == N_EPOCHS
    assert read_metadata(path)["parameters"] == read_metadata(whole)["parameters"]
    atol = 1e-6 * read_metadata(whole)["scale"]
    for epoch in range(N_EPOCHS + 1):
        expected = read_embedding(whole, epoch)
        np.testing.assert_allclose(read_embedding(path, epoch), expected, atol=atol)


def test_fewer_epochs_are_another_run(tmp_path, capsys):
    path, whole = tmp_path / "mds.parquet", tmp_path / "whole.parquet"
    run(mds, X, path, n_epochs=7, seed=3)
    run(mds, X, path, n_epochs=5, seed=3)
    assert "replacing another run: n_epochs is 5, was 7" in capsys.readouterr().out
    run(mds, X, whole, n_epochs=5, seed=3)
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", ["umap", "tsne", "pacmap"])
def test_more_epochs_of_a_method_that_plans_its_steps_are_another_run(tmp_path, name, capsys):
    method, parameters = METHODS[name]
    path, whole = tmp_path / "more.parquet", tmp_path / "whole.parquet"
    run(method, X, path, n_epochs=5, seed=3, **parameters)
    run(method, X, path, n_epochs=9, seed=3, **parameters)
    assert "replacing another run: n_epochs is 9, was 5" in capsys.readouterr().out
    run(method, X, whole, n_epochs=9, seed=3, **parameters)
    assert path.read_bytes() == whole.read_bytes()
