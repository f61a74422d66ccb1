"""The epoch store: every layout of a run in one Parquet file.

A row is a point at an epoch: `index` (u32, its row in the feature table), `x`, `y` and in 3-D `z`
(f32, in [0, 1]), the label (Enum or, if it is a number, f32, under its own name), in the store of a
transform `seen` (whether the point is one of the fit), `epoch` (u16).
Rows are sorted by epoch, then by index; one row group is one epoch. The file is sealed: what is
read from it is what was written, or an error says that it is damaged.
`animated.runs.writer` writes it.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from animated.runs.schema import ABOUT, COLUMNS, SCALING, get_axes
from animated.runs.writer import VERSIONS, EpochWriter, recover, working_path
from animated.storage import checksums

__all__ = [
    "VERSIONS",
    "EpochWriter",
    "find_label",
    "find_last_epoch",
    "list_epochs",
    "read_embedding",
    "read_epoch",
    "read_metadata",
    "read_positions",
    "recover",
    "scan",
    "working_path",
]


def read_epoch(path: str | Path, epoch: int) -> pl.DataFrame:
    """Return one epoch of the store at `path`, reading no more of the file than its row group.

    Returns a table of n_samples rows with the columns of the store.
    Raises ValueError when the store has no such epoch.
    """
    if not isinstance(epoch, int | np.integer):
        raise ValueError(f"epoch must be an integer, got {epoch!r}")
    file, groups = _open(path)
    if epoch in groups:
        with checksums.explaining_damage(path):
            return pl.from_arrow(file.read_row_group(groups[epoch], use_threads=False))
    table = _scan_epochs(path).filter(pl.col("epoch") == epoch).collect()
    if table.is_empty():
        last = find_last_epoch(path)
        raise ValueError(f"epoch must be one of those in {path}, 0 to {last}, got {epoch}")
    return table


def read_embedding(path: str | Path, epoch: int) -> np.ndarray:
    """Return one epoch of the store at `path` as the method made it, without normalisation.

    Returns float64 (n_samples, n_components); exact but for the rounding of the store.
    Raises ValueError when the store has no such epoch.
    """
    metadata = read_metadata(path)
    return read_positions(path, epoch) * metadata["scale"] + metadata["offset"]


def read_positions(path: str | Path, epoch: int) -> np.ndarray:
    """Return the positions of one epoch of the store at `path`, normalised as they are there.

    Returns float64 (n_samples, n_components).
    Raises ValueError when the store has no such epoch.
    """
    table = read_epoch(path, epoch)
    return table.select(get_axes(table.columns)).to_numpy().astype(np.float64)


def _open(path: str | Path) -> tuple[pq.ParquetFile, dict[int, int]]:
    """Return the file of a store, and which row group holds which epoch."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no epoch store at {str(path)!r}")
    checksums.check_checksum(path)
    metadata, groups = _read_footer(str(path), *checksums.get_facts(path))
    return pq.ParquetFile(path, metadata=metadata), groups


@lru_cache(maxsize=8)
def _read_footer(path: str, *status: int) -> tuple[pq.FileMetaData, dict[int, int]]:
    """Read the footer of a store once; it takes longer than an epoch.

    status: what changes when the file does.
    """
    with checksums.explaining_damage(path):
        metadata = pq.read_metadata(path)
    facts = metadata.metadata or {}
    # Those of others have no seal, but they have facts of their own, and not ours.
    checksums.check_checksum(path, is_ours=not facts or any(key.encode() in facts for key in ABOUT))
    names = metadata.schema.names
    if "epoch" not in names:
        return metadata, {}
    column = names.index("epoch")
    ranges = [
        metadata.row_group(group).column(column).statistics
        for group in range(metadata.num_row_groups)
    ]
    # In a file that something else has written, a row group need not be an epoch.
    is_ours = all(one and one.has_min_max and one.min == one.max for one in ranges)
    groups = {one.min: group for group, one in enumerate(ranges)} if is_ours else {}
    return metadata, groups if len(groups) == len(ranges) else {}


def scan(path: str | Path) -> pl.LazyFrame:
    """Return the store at `path` as a LazyFrame, for any question that Polars can answer.

    Raises FileNotFoundError when there is no file, and ValueError when it is damaged.
    """
    _open(path)  # which tells a damaged file, whereas Polars would do so only when it collects
    return pl.scan_parquet(path, glob=False)


def _scan_epochs(path: str | Path) -> pl.LazyFrame:
    table = scan(path)
    names = table.collect_schema().names()
    if "epoch" not in names:
        told = ", ".join(names[:10])
        raise ValueError(f"{str(path)!r} is no epoch store: it has the columns {told}")
    return table


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Return what the store at `path` tells about its run.

    The keys are `method`, `data`, `parameters`, `seed`, `versions`, `inputs` (a hash of the data
    that the method was given, None if unknown), `scale` (a length in the units of the embedding)
    and `offset` (one such length an axis).

    Raises FileNotFoundError when there is no file, and ValueError when it is damaged or tells
    nothing of the kind.
    """
    file, _ = _open(path)
    metadata = file.metadata.metadata or {}
    missing = [key for key in (*ABOUT, *SCALING) if key.encode() not in metadata]
    if missing:
        raise ValueError(f"{str(path)!r} is no epoch store: it does not tell its {missing[0]}")
    return {key: json.loads(metadata[key.encode()]) for key in (*ABOUT, *SCALING)}


def list_epochs(path: str | Path) -> list[int]:
    """Return the epochs of the store at `path`, ascending."""
    _, groups = _open(path)
    if groups:
        return sorted(groups)
    return _scan_epochs(path).select(pl.col("epoch").unique().sort()).collect()["epoch"].to_list()


def find_last_epoch(path: str | Path) -> int:
    """Return the last epoch of the store at `path`."""
    return list_epochs(path)[-1]


def find_label(path: str | Path) -> str | None:
    """Return the name of the label column of the store at `path`, None when it has no labels."""
    names = [name for name in scan(path).collect_schema().names() if name not in COLUMNS]
    return names[0] if names else None
