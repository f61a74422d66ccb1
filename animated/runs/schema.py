"""The schema of an epoch store: its columns, their encoding, and the normalisation of positions."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from animated.validation import AXES, COLUMNS

# Positions are rounded to 1 / 16384 of the unit square, a twentieth of a pixel at 800 px. This is
# invisible, and it makes the file small.
STEPS = 16384
# The keys of a store's metadata that describe its run, and its positions.
ABOUT = ("method", "data", "parameters", "seed", "versions", "inputs", "exact")
SCALING = ("scale", "offset")


def get_axes(names: list[str]) -> list[str]:
    """Return the axes among column names, in the order x, y, z."""
    return [axis for axis in AXES if axis in names]


def make_template(
    embedding: np.ndarray, fixed: Mapping[str, pl.Series | np.ndarray]
) -> pa.RecordBatch:
    """Return a batch whose positions and epoch `fill_template` replaces.

    fixed: the columns that are the same at every epoch.
    """
    n_samples = len(embedding)
    columns = {"index": np.arange(n_samples, dtype=np.uint32), **_split(embedding), **fixed}
    columns |= {"epoch": np.zeros(n_samples, dtype=np.uint16)}
    # Polars adds metadata to the field of an Enum, so that it is read back as an Enum.
    return pl.DataFrame(columns).to_arrow().combine_chunks().to_batches()[0]


def fill_template(template: pa.RecordBatch, epoch: int, embedding: np.ndarray) -> pa.RecordBatch:
    """Return the rows of a raw epoch."""
    columns = {"epoch": np.full(len(embedding), epoch, dtype=np.uint16)}
    return _replace_columns(template, _split(embedding) | columns)


def measure(batches: Iterable[pa.RecordBatch]) -> tuple[float, np.ndarray] | None:
    """Return the scale and offset that map all epochs of a run into the unit square or cube.

    The whole run shares one scale and offset, and all axes share the scale. So the view never zooms
    and distances keep their proportions. Shorter axes are centred.

    Returns None when there are no epochs.
    """
    extremes = [(positions.min(axis=1), positions.max(axis=1)) for positions in map(_join, batches)]
    if not extremes:
        return None
    low, high = np.min(extremes, axis=(0, 1)), np.max(extremes, axis=(0, 1))
    # When all points of all epochs coincide, there is no extent to scale by.
    scale = float((high - low).max()) or 1.0
    return scale, (low + high - scale) / 2


def normalise(
    batch: pa.RecordBatch, scale: float, offset: np.ndarray, steps: int | None
) -> pa.RecordBatch:
    """Return the rows of an epoch with positions in [0, 1], rounded to 1 / `steps` unless None."""
    positions = (_join(batch) - offset[:, None]) / scale
    if steps is not None:
        positions = np.rint(positions * steps) / steps
    return _replace_columns(batch, _split(positions.T))


def describe_scaling(scale: float, offset: np.ndarray) -> dict[str, str]:
    """Return the metadata that undo the normalisation: position = x * scale + offset."""
    return {"scale": json.dumps(scale), "offset": json.dumps(offset.tolist())}


def choose_encoding(schema: pa.Schema) -> dict[str, Any]:
    """Return the options with which `pyarrow.parquet.ParquetWriter` encodes the columns."""
    labels = [name for name in schema.names if name not in COLUMNS]
    counters = {name: "DELTA_BINARY_PACKED" for name in ("index", "epoch")}
    floats = {axis: "BYTE_STREAM_SPLIT" for axis in get_axes(schema.names)}
    return {
        "compression": "zstd",
        "write_statistics": ["epoch"],  # they let a reader skip all other row groups
        "use_dictionary": labels,
        "column_encoding": counters | floats,
    }


def _split(embedding: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of an embedding, by axis."""
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
