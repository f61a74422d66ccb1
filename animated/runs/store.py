"""Read the epoch store: a Parquet file with every embedding of a run.

A row is a point at an epoch: `index` (u32, its row in the feature table), `x`, `y` and in 3-D `z`
(f32, in [0, 1]), the label (Enum, or f32 for numbers, under its own name), in the store of a
transform `seen` (whether the model was fitted to the point), and `epoch` (u16).
Rows are sorted by epoch, then by index; each epoch is one row group. The file carries a checksum,
so a damaged file raises an error and is never read as data.
`animated.runs.writer` writes it.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from animated.runs.schema import ABOUT, SCALING, get_axes
from animated.storage import checksums
from animated.validation import COLUMNS


def read_epoch(path: str | Path, epoch: int) -> pl.DataFrame:
    """Return one epoch of the store at `path`, reading only its row group.

        read_epoch("data/epochs.parquet", 199)

    Returns a table of n_samples rows with the columns of the store.
    Raises FileNotFoundError when there is no file, and ValueError when it is damaged or does not
    contain the epoch.
    """
    if not isinstance(epoch, int | np.integer):
        raise ValueError(f"epoch must be an integer, got {epoch!r}")
    file, groups = _open(path)
    if epoch in groups:
        with checksums.explaining_damage(path):
            group = file.read_row_group(groups[epoch], use_threads=False)
            return cast(pl.DataFrame, pl.from_arrow(group))
    table = _scan_epochs(path).filter(pl.col("epoch") == epoch).collect()
    if table.is_empty():
        last = find_last_epoch(path)
        raise ValueError(f"epoch must be one of the epochs in {path}, 0 to {last}, got {epoch}")
    return table


def read_embedding(path: str | Path, epoch: int) -> np.ndarray:
    """Return one epoch of the store at `path` in the units of the method, not normalised.

    Returns float64 (n_samples, n_components); exact up to the rounding of the store.
    Raises as `read_epoch` does.
    """
    metadata = read_metadata(path)
    return read_positions(path, epoch) * metadata["scale"] + metadata["offset"]


def read_positions(path: str | Path, epoch: int) -> np.ndarray:
    """Return the positions of one epoch of the store at `path`, in [0, 1] as they are stored.

    Returns float64 (n_samples, n_components).
    Raises as `read_epoch` does.
    """
    table = read_epoch(path, epoch)
    return table.select(get_axes(table.columns)).to_numpy().astype(np.float64)


def _open(path: str | Path) -> tuple[pq.ParquetFile, dict[int, int]]:
    """Return the file of a store, and the row group of each epoch."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no epoch store at {str(path)!r}")
    checksums.check_checksum(path)
    metadata, groups = _read_footer(str(path), *checksums.get_facts(path))
    return pq.ParquetFile(path, metadata=metadata), groups


@lru_cache(maxsize=8)
def _read_footer(path: str, *status: int) -> tuple[pq.FileMetaData, dict[int, int]]:
    """Read the footer of a store once, because it takes longer to read than an epoch.

    status: changes whenever the file does.
    """
    with checksums.explaining_damage(path):
        metadata = pq.read_metadata(path)
    facts = metadata.metadata or {}
    # Files written by other programs have metadata of their own and no checksum.
    checksums.check_checksum(path, is_ours=not facts or any(key.encode() in facts for key in ABOUT))
    return metadata, _find_groups(metadata)


def _find_groups(metadata: pq.FileMetaData) -> dict[int, int]:
    """Return the row group of each epoch, empty unless every row group is exactly one epoch."""
    if "epoch" not in metadata.schema.names:
        return {}
    column = metadata.schema.names.index("epoch")
    groups = {}
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(column).statistics
        if not statistics or not statistics.has_min_max or statistics.min != statistics.max:
            return {}
        groups[statistics.min] = group
    return groups if len(groups) == metadata.num_row_groups else {}


def scan(path: str | Path) -> pl.LazyFrame:
    """Return the store at `path` as a LazyFrame, for any query that Polars supports.

        scan("data/epochs.parquet").group_by("epoch").agg(pl.col("x").mean()).collect()

    Raises FileNotFoundError when there is no file, and ValueError when it is damaged.
    """
    _open(path)  # raises an error for a damaged file now, Polars only when it collects
    return pl.scan_parquet(path, glob=False)


def _scan_epochs(path: str | Path) -> pl.LazyFrame:
    table = scan(path)
    names = table.collect_schema().names()
    if "epoch" not in names:
        found = ", ".join(names[:10])
        raise ValueError(f"{str(path)!r} is not an epoch store: its columns are {found}")
    return table


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Return the metadata of the store at `path`, which describe its run.

    The keys are `method`, `data`, `parameters`, `seed`, `versions`, `inputs` (a hash of the data
    that the method was given, None if unknown), `exact` (whether positions are unrounded), `scale`
    (a length in the units of the embedding) and `offset` (one such length per axis).

    Raises FileNotFoundError when there is no file, and ValueError when it is damaged or is not an
    epoch store.
    """
    file, _ = _open(path)
    metadata = file.metadata.metadata or {}
    missing = [key for key in (*ABOUT, *SCALING) if key.encode() not in metadata]
    if missing:
        raise ValueError(f"{str(path)!r} is not an epoch store: its metadata lack {missing[0]!r}")
    return {key: json.loads(metadata[key.encode()]) for key in (*ABOUT, *SCALING)}


def list_epochs(path: str | Path) -> list[int]:
    """Return the epochs of the store at `path`, in increasing order."""
    _, groups = _open(path)
    if groups:
        return sorted(groups)
    return _scan_epochs(path).select(pl.col("epoch").unique().sort()).collect()["epoch"].to_list()


def find_last_epoch(path: str | Path) -> int:
    """Return the last epoch of the store at `path`."""
    return list_epochs(path)[-1]


def find_label(path: str | Path) -> str | None:
    """Return the name of the label column of the store at `path`, None if it has no labels."""
    names = [name for name in scan(path).collect_schema().names() if name not in COLUMNS]
    return names[0] if names else None
