"""From a damaged file come the right data or an error that names it, but never wrong data."""

import numpy as np
import polars as pl

from animated.epochs import (
    EpochWriter,
    find_label,
    find_last_epoch,
    read_epoch,
    read_metadata,
    scan,
)
from animated.tables import load_table, write_table

N = 40


def write_store(path):
    rng = np.random.default_rng(0)
    labels = pl.Series("digit", rng.integers(0, 3, N).astype(str))
    with EpochWriter(path, labels=labels, method="UMAP", parameters={"a": 1}, seed=42) as write:
        for epoch in range(3):
            write(epoch, rng.normal(size=(N, 2)))


def read_store(path):
    epochs = [read_epoch(path, epoch) for epoch in range(find_last_epoch(path) + 1)]
    return read_metadata(path), find_label(path), pl.concat(epochs), scan(path).collect()


def write_rows(path):
    pixels = np.random.default_rng(0).integers(0, 256, (N, 2), dtype=np.uint8)
    labels = pl.Series("digit", ["a", "b"] * (N // 2), dtype=pl.Enum(["a", "b"]))
    write_table(pl.from_numpy(pixels, ["p", "q"]).with_columns(labels), path)


def read_rows(path):
    return (load_table(path),)


FILES = {"store": (write_store, read_store), "table": (write_rows, read_rows)}
