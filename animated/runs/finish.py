"""Finish a run: normalise the raw epochs of its working file and write them as Parquet.

All epochs share one scale and offset, which are known only once the last epoch is. So the working
file is read twice, one epoch in memory at a time.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from animated.runs.journal import read_journal, working_path
from animated.runs.schema import STEPS, choose_encoding, describe_scaling, measure, normalise
from animated.storage import checksums
from animated.storage.atomic import replacing


def write_store(output_path: str | Path, expected: int | None = None) -> int:
    """Write the epoch store of a run from its working file, and return the number of epochs.

    expected: the number of epochs in the working file, None if it is not known.

    Raises ValueError when there is no complete epoch, and RuntimeError when fewer epochs than
    expected can be read.
    """
    source = working_path(output_path)
    scaling = measure(_read_batches(source))
    if scaling is None:
        raise ValueError(f"there is no run to recover: {source} has no complete epoch")
    with replacing(output_path) as temporary:
        n_epochs = _write_parquet(source, temporary, *scaling)
        if n_epochs != (expected or n_epochs):
            raise RuntimeError(f"{source} is damaged: {n_epochs} of {expected} epochs can be read")
        checksums.add_checksum(temporary)
    return n_epochs


def _write_parquet(source: Path, path: Path, scale: float, offset: np.ndarray) -> int:
    """Write the normalised epochs, one row group each, with room for the checksum."""
    schema = next(_read_batches(source)).schema
    steps = None if json.loads(schema.metadata[b"exact"]) else STEPS
    schema = schema.with_metadata(schema.metadata | describe_scaling(scale, offset))
    n_epochs = 0
    with pq.ParquetWriter(path, schema, **choose_encoding(schema)) as writer:
        for batch in _read_batches(source):
            writer.write_batch(normalise(batch, scale, offset, steps), row_group_size=len(batch))
            n_epochs += 1
        writer.add_key_value_metadata({checksums.KEY: checksums.BLANK})
    return n_epochs


def _read_batches(source: Path) -> Iterator[pa.RecordBatch]:
    return (entry.batch for entry in read_journal(source))
