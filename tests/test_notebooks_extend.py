"""The notebooks that go further run from top to bottom on few rows, in a copy of the repository."""

import shutil

import numpy as np
import polars as pl
import pytest
from notebook_kernel import Kernel, check_outputs, copy_repository
from test_movie import decode

# explore.ipynb shows in the fast tier that a chapter finds the repository and what all share.
pytestmark = pytest.mark.slow

# What comes from the network, made of the digits of the repository.
FAKES = """
import polars as pl
from animated.datasets import mnist

def load_mnist(cache=None):
    return pl.concat([pl.read_parquet("data/digits.parquet")] * 3)

def load_fashion(cache=None):
    names = dict(zip(mnist.DIGITS, mnist.ARTICLES, strict=True))
    article = pl.col("digit").cast(pl.String).replace(names).cast(pl.Enum(sorted(mnist.ARTICLES)))
    return load_mnist().select(pl.exclude("digit"), article=article)

mnist.load_mnist, mnist.load_fashion = load_mnist, load_fashion
"""
# How many frames each film has besides the rest at the end.
FILMS = {
    "transform": {"both": 4, "unseen": 4, "labels": 4},
    "metrics": {"mixed": 4, "distances": 4},
    "parameters": {"sweeps": 4, "seeds": 5},
}
# The kinds of files that each stores in data/cache.
STORED = {
    "transform": {".npz", ".parquet", ".json"},
    "metrics": {".parquet", ".json"},
    "parameters": {".npz", ".parquet", ".json"},
}
# Where each notebook is started: in its own folder, in the root, and elsewhere in the clone.
STARTS = {"transform": "notebooks", "metrics": ".", "parameters": "data"}
SIZES = {
    "transform": {
        **{"num_compared": 120, "num_seen": 400, "num_unseen": 60, "num_flying": 30},
        **{"num_drawn": 100, "num_epochs": 10, "num_tsne_epochs": 9, "num_frames": 4},
        "num_rest": 2,
    },
    "metrics": {
        **{"num_diamonds": 300, "num_digits": 300, "num_epochs": 10, "num_diamond_epochs": 10},
        **{"num_frames": 4, "num_seeds": 1},
    },
    "parameters": {
        **{"num_digits": 200, "num_epochs": 10, "num_sweep_epochs": 10, "num_settings": 5},
        **{"most_neighbors": 30, "num_dists": 3, "num_seeds": 3, "num_frames": 4},
        **{"num_pause": 1, "num_travel": 1},
    },
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return copy_repository(tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def kernel(copy):
    kernel = Kernel(copy)
    yield kernel
    kernel.stop()


@pytest.fixture(scope="module", params=SIZES)
def executed(request, copy, kernel):
    """Each notebook finds an empty cache, as no chapter needs another one."""
    name = request.param
    shutil.rmtree(copy / "data/cache", ignore_errors=True)
    return name, kernel.run(f"notebooks/{name}.ipynb", STARTS[name], FAKES, **SIZES[name])


def test_no_warnings_and_no_errors(copy, executed):
    check_outputs(executed[1], copy)


def test_films(copy, executed):
    for name, n_frames in FILMS[executed[0]].items():
        metadata, decoded = decode(copy / f"movies/{name}.mp4")
        assert all(side % 2 == 0 for side in metadata["size"]), name
        assert len(decoded) == n_frames + 60, name
        assert np.abs(decoded[0] - decoded[-1]).mean() > 0.1, name


def test_seen_points_stay(copy, executed):
    if executed[0] != "transform":
        return
    table = pl.read_parquet(copy / "data/cache/unseen.parquet")
    assert table.filter(epoch=0)["seen"].to_list() == [True] * 400 + [False] * 60
    moved = (
        table.filter(pl.col("epoch").is_in([0, 3]))
        .group_by("index", "seen")
        .agg(pl.col("x").n_unique())
    )
    assert moved.filter("seen")["x"].max() == 1, "the embedding of the fit has moved"
    assert moved.filter(~pl.col("seen"))["x"].mean() > 1.9


def test_nothing_but_results_is_left(copy, executed):
    assert sorted(path.name for path in (copy / "data").iterdir()) == ["cache", "digits.parquet"]
    assert {path.suffix for path in (copy / "notebooks").iterdir()} == {".ipynb"}
    suffixes = {path.suffix for path in (copy / "data/cache").iterdir()}
    assert suffixes == STORED[executed[0]]
