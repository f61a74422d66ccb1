"""More data than fits in memory: the lines of the README, run on a local cluster."""

import logging
import os
import re

import cloudpickle
import numpy as np
import polars as pl
import psutil
import pytest
from conftest import ROOT
from distributed import LocalCluster, wait

from animated.methods._umap import fit_umap
from animated.validation import to_features

SIZE = 150
SMALLER = {
    "gather_every(100)": "gather_every(4)",
    "n_epochs=200": "n_epochs=30",
    "100_000": str(SIZE),
    "n_workers=8, threads_per_worker=1": "cluster",
}


def find_lines(folder):
    """Return the lines of the README, with paths and sizes for the few rows in a folder."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (lines,) = [block for block in blocks if 'parallel_config("dask"' in block]
    for large, small in (SMALLER | {"s3://bucket/flowers": str(folder)}).items():
        assert large in lines
        lines = lines.replace(large, small)
    return lines


@pytest.fixture(scope="module")
def placed(tmp_path_factory, digits):
    """The names that the lines of the README define, while the cluster runs."""
    folder = tmp_path_factory.mktemp("rows")
    pixels = digits.drop("digit")
    # No part ends where a file does.
    pixels[:1_130].write_parquet(folder / "rows-1.parquet")
    pixels[1_130:].write_parquet(folder / "rows-2.parquet")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options, silence_logs=logging.CRITICAL) as cluster:
        names = {"np": np, "pl": pl, "fit_umap": fit_umap, "to_features": to_features}
        names |= {"__name__": "__main__", "cluster": cluster}
        exec(find_lines(folder), names)
        yield names
        names["client"].close()


@pytest.mark.slow
def test_workers_embed_parts_as_one_process_does(placed, X):
    model, layout = placed["model"], placed["embedding"]
    assert model._raw_data.tobytes() == X[::4].tobytes()
    assert layout.dtype == np.float32 and layout.shape == (2_000, 2)
    assert [*placed["starts"]] == [*range(0, 2_000, SIZE)]
    for start in placed["starts"]:
        here = model.transform(X[start : start + SIZE])
        assert layout[start : start + SIZE].tobytes() == here.tobytes()


@pytest.mark.slow  # a leak shows only after several rounds
def test_workers_do_not_accumulate_memory(placed):
    client, place, rows = placed["client"], placed["place"], placed["rows"]
    workers = client.run(os.getpid)
    assert len({*workers.values()} - {os.getpid()}) == 2
    model = client.scatter(placed["model"], broadcast=True)
    parts = [rows.slice(start, SIZE) for start in placed["starts"]]

    def measure():
        return np.array([*client.run(lambda: psutil.Process().memory_info().rss).values()])

    sizes = []
    for _ in range(6):
        wait([client.submit(place, model, part, pure=False) for part in parts])
        sizes.append(measure())
    # In four rounds each worker has embedded some 28 parts, 17 MB in total.
    assert (sizes[-1] - sizes[1]).max() < 10_000_000


@pytest.mark.slow  # pynndescent compiles the search of every copy of its index
def test_a_model_with_an_index_survives_pickling(X):
    model = fit_umap(X[:500], n_epochs=30, seed=42, force_approximation_algorithm=True)
    assert model._knn_search_index is not None
    copy = cloudpickle.loads(cloudpickle.dumps(model))  # as clusters do
    parts = [X[1_000:1_300], X[1_300:1_450]]
    layouts = [model.transform(part) for part in parts]
    # Parts are independent of each other, so their order is irrelevant.
    for part, layout in zip(reversed(parts), reversed(layouts), strict=True):
        assert copy.transform(part).tobytes() == layout.tobytes()
