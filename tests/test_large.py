"""Large data: memory does not grow with the epochs, and benchmarks/large.py reports the truth."""

import json
import re
import subprocess
import sys

import large
import numpy as np
import polars as pl
import pytest
from conftest import ROOT, run_python
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from animated.datasets.load import load_dataset
from animated.motion.timing import measure_displacements
from animated.neighbors.search import find_neighbors
from animated.runs.store import read_epoch, scan
from animated.runs.writer import EpochWriter
from animated.storage.tables import write_table

MB = 1_000_000
N_ROWS = 20_000
FEW, MANY = 4, 300
FIGURE = re.compile(r"^(?P<name>.+): (?P<seconds>[\d.]+) s, (?P<memory>[\d.]+) GB$", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with runs of few and of many epochs of the same points."""
    folder = tmp_path_factory.mktemp("large")
    for name in ("data", "images"):
        (folder / name).mkdir()
    random = np.random.default_rng(0)
    labels = pl.Series("kind", random.integers(10, size=N_ROWS).astype(str))
    embedding = random.uniform(size=(N_ROWS, 2))
    for name, n_epochs in {"few": FEW, "many": MANY}.items():
        write_table(labels.to_frame(), folder / f"data/{name}-rows.parquet")
        with EpochWriter(
            folder / f"data/{name}-epochs.parquet", labels=labels, method="UMAP", data=name
        ) as write:
            for epoch in range(n_epochs):
                write(
                    epoch, embedding + random.exponential(0.01, size=embedding.shape) / (epoch + 1)
                )
    return folder


# All cells of visualize.ipynb but those that draw frames.
VISUALIZE = r"""
    import json, re, resource, sys
    from pathlib import Path
    import matplotlib
    matplotlib.use("agg")
    sys.path.insert(0, str(Path(sys.argv[1]).parent))  # as for a notebook that runs where it is

    def visualize(name):
        names = {"display": str, "__name__": "visualize"}
        for cell in json.load(open(sys.argv[1]))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and not re.search(r"frames[,.]|Video\(", source):
                exec(source.replace('name = "mnist"', f"name = {name!r}"), names)
        assert names["results"].epochs == f"data/{name}-epochs.parquet"
        return names["num_epochs"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    print(json.dumps([visualize("few"), visualize("many")]))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_epochs(folder):
    done = run_python(VISUALIZE, ROOT / "visualize.ipynb", cwd=folder)
    assert done.returncode == 0, done.stderr
    (few, before), (many, after) = json.loads(done.stdout.splitlines()[-1])
    assert (few, many) == (FEW, MANY)
    # The long table of these epochs alone has 114 MB.
    assert after - before < 80 * MB


def test_median_displacement(folder):
    path = folder / "data/few-epochs.parquet"
    moves = (
        scan(path)
        .collect()
        .with_columns(pl.col("x", "y").cast(pl.Float64).diff().over("index"))
        .group_by("epoch", maintain_order=True)
        .agg(distance=(pl.col("x") ** 2 + pl.col("y") ** 2).sqrt().median())
    )
    medians = measure_displacements(path, np.median)
    assert medians.shape == (FEW - 1,) and (medians > 0).all()
    assert np.allclose(medians, moves["distance"][1:], rtol=1e-12)
    assert (medians < measure_displacements(path)).all()


def test_an_average_that_is_not_a_function(folder):
    message = "^average must be a function such as np.median, got 'median'$"
    with pytest.raises(TypeError, match=message):
        measure_displacements(folder / "data/few-epochs.parquet", "median")


def test_rows_of_the_benchmark(tmp_path, monkeypatch):
    monkeypatch.setattr(large, "BLOCK", 700)
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path in paths:
        large.write_rows(path, 2_000)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    dataset = load_dataset(paths[0], "kind")
    assert dataset.X.shape == (2_000, 50) and dataset.labels.dtype.categories.len() == 12
    indices = find_neighbors(dataset.X, 15).indices
    edges = np.ones(indices.size), (np.arange(2_000).repeat(15), indices.ravel())
    assert connected_components(coo_matrix(edges))[0] == 1
    near = dataset.labels.to_physical().to_numpy()[indices]
    assert (near[:, 1:] == near[:, :1]).mean() > 0.8


# The child starts before its parent is large: a fork shares, and seems to double, the memory.
CHILD = "import time; time.sleep(1.5); filled = bytearray(100 * 10**6); time.sleep(1)"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}])
filled = bytearray(200 * 10**6)
child.wait()
"""


def test_memory_is_that_of_all_processes():
    process = subprocess.Popen([sys.executable, "-c", PARENT])
    samples = large.watch(process)
    assert process.returncode == 0
    assert 300 * MB < max(sample.memory for sample in samples) < 380 * MB
    first = [sample.memory for sample in samples if sample.time < samples[0].time + 0.9]
    assert 200 * MB < max(first) < 280 * MB


@pytest.mark.slow
def test_figures(tmp_path, capsys):
    """Both notebooks are run, and times and sizes are those of their cells: this takes a minute."""
    large.main(400, 4, str(tmp_path))
    printed = capsys.readouterr().out
    figures = {one["name"]: one for one in FIGURE.finditer(printed)}
    assert len(figures) == 10
    memory = [float(one["memory"]) for one in figures.values()]
    assert min(memory) > 0.2 and max(memory) < 2
    whole = float(figures["all of prepare.ipynb with 400 rows"]["seconds"])
    parts = [float(one["seconds"]) for name, one in figures.items() if "400 rows of" in name]
    assert len(parts) == 4 and sum(parts) < whole
    assert read_epoch(tmp_path / "data/large-epochs.parquet", 3).height == 400
    assert len([*(tmp_path / "frames").iterdir()]) == 4
