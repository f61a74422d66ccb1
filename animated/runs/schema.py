"""What an epoch store holds: its columns, and how raw positions become those of a store."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

AXES = ("x", "y", "z")
COLUMNS = ("index", *AXES, "seen", "epoch")
# Positions are rounded to this fraction of the unit square, a twentieth of a pixel at 800 px:
# it cannot be seen, and it is what makes the file small.
STEPS = 16384
# What a store tells about its run, and about its positions.
ABOUT = ("method", "data", "parameters", "seed", "versions", "inputs", "exact")
SCALING = ("scale", "offset")


def get_axes(names: list[str]) -> list[str]:
    """Return those of the `names` that are axes, in their order."""
    return [axis for axis in AXES if axis in names]


def make_template(
    embedding: np.ndarray, facts: dict[str, pl.Series | np.ndarray]
) -> pa.RecordBatch:
    """Return a batch of raw epochs, in which positions and epoch are still to be set."""
    n_samples = len(embedding)
    columns = {"index": np.arange(n_samples, dtype=np.uint32), **_split(embedding), **facts}
    columns |= {"epoch": np.zeros(n_samples, dtype=np.uint16)}
    # Polars notes in a field's metadata what lets it read an Enum back as Enum.
    return pl.DataFrame(columns).to_arrow().combine_chunks().to_batches()[0]


def fill_template(template: pa.RecordBatch, epoch: int, embedding: np.ndarray) -> pa.RecordBatch:
    """Return the rows of an epoch as the method made them."""
    columns = {"epoch": np.full(len(embedding), epoch, dtype=np.uint16)}
    return _replace_columns(template, _split(embedding) | columns)


def measure(batches: Iterable[pa.RecordBatch]) -> tuple[float, np.ndarray] | None:
    """Return the scale and offset that put all epochs of a run into the unit square or cube.

    Positions are moved and scaled by one rule for the whole run and by one scale for all axes, so
    that nothing zooms while it moves and distances are true; shorter axes are centred.
    None when there are no epochs.
    """
    extremes = [(positions.min(axis=1), positions.max(axis=1)) for positions in map(_join, batches)]
    if not extremes:
        return None
    low, high = np.min(extremes, axis=(0, 1)), np.max(extremes, axis=(0, 1))
    # A run in which no point ever differs from another has no extent of its own.
    scale = float((high - low).max()) or 1.0
    return scale, (low + high - scale) / 2


def normalise(
    batch: pa.RecordBatch, scale: float, offset: np.ndarray, steps: int | None
) -> pa.RecordBatch:
    """Return the rows of an epoch as a store has them, rounded to 1 / `steps`."""
    positions = (_join(batch) - offset[:, None]) / scale
    if steps is not None:
        positions = np.rint(positions * steps) / steps
    return _replace_columns(batch, _split(positions.T))


def describe_scaling(scale: float, offset: np.ndarray) -> dict[str, str]:
    """Return what undoes the normalisation as metadata: position = x * scale + offset."""
    return {"scale": json.dumps(scale), "offset": json.dumps(offset.tolist())}


def choose_encoding(schema: pa.Schema) -> dict[str, Any]:
    """Return how Parquet keeps the columns."""
    labels = [name for name in schema.names if name not in COLUMNS]
    counters = {name: "DELTA_BINARY_PACKED" for name in ("index", "epoch")}
    floats = {axis: "BYTE_STREAM_SPLIT" for axis in get_axes(schema.names)}
    return {
        "compression": "zstd",
        "write_statistics": ["epoch"],  # by which a reader skips the other row groups
        "use_dictionary": labels,
        "column_encoding": counters | floats,
    }


def _split(embedding: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of an embedding by the names of their axes."""
    columns = np.asarray(embedding, dtype=np.float32).T
    return {axis: np.ascontiguousarray(column) for axis, column in zip(AXES, columns, strict=False)}


def _replace_columns(batch: pa.RecordBatch, columns: dict[str, np.ndarray]) -> pa.RecordBatch:
    arrays = [
        pa.array(columns[name]) if name in columns else batch.column(name)
        for name in batch.schema.names
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _join(batch: pa.RecordBatch) -> np.ndarray:
    """Return the positions of a batch as an array (n_components, n_samples) of float64."""
    return np.array([batch.column(axis) for axis in get_axes(batch.schema.names)], dtype=np.float64)
