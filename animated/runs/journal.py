"""The working file of a run: its raw epochs, appended one by one as the method produces them.

It is an Arrow IPC stream; a resumed run appends a second stream to the first. Arrow has no
checksums, so every epoch carries one. Reading stops at the first damaged or incomplete epoch.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from zlib_ng import zlib_ng

# The marker that ends an Arrow IPC stream.
END = b"\xff\xff\xff\xff\0\0\0\0"
KEY = b"crc32"


class Entry(NamedTuple):
    """An epoch of a journal.

    batch: its rows.
    checksum: the checksum of the rows and of their schema.
    end: the position in the file, in bytes, at which the next epoch begins.
    """

    batch: pa.RecordBatch
    checksum: bytes
    end: int


class Journal:
    """A working file to which epochs are appended."""

    def __init__(self, path: str | Path, schema: pa.Schema, start: int = 0):
        """Open the file and continue it at byte `start`; what follows that byte is discarded."""
        self._file = Path(path).open("r+b" if start else "wb")  # noqa: SIM115, closed by `close`
        self._file.truncate(start)
        self._file.seek(start)
        self._file.write(END if start else b"")
        self._stream = pa.ipc.new_stream(self._file, schema)

    def append(self, batch: pa.RecordBatch) -> bytes:
        """Append an epoch and return its checksum; the epoch survives the end of the process."""
        checksum = compute_checksum(batch)
        self._stream.write_batch(batch, custom_metadata={KEY: checksum})
        self._file.flush()
        return checksum

    def sync(self) -> None:
        """Wait until all epochs so far are on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """End the stream and close the file.

        A full disk may prevent the end marker; the epochs can be read without it.
        """
        with suppress(OSError):
            self._stream.close()
        with suppress(OSError):
            self._file.close()


def working_path(output_path: str | Path) -> Path:
    """Return the path of the working file of a run whose store is to be `output_path`."""
    return Path(output_path).with_suffix(".arrow")


def read_journal(path: str | Path) -> Iterator[Entry]:
    """Yield the epochs of a working file, up to the first damaged or incomplete one."""
    with pa.OSFile(str(path)) as file:
        while (reader := _try(pa.ipc.open_stream, file)) is not None:
            while (entry := _try(_read, reader, file)) is not None:
                yield entry


def compute_checksum(batch: pa.RecordBatch) -> bytes:
    """Return the checksum of an epoch: of its schema, its rows and the names of its labels."""
    checksum = zlib_ng.crc32(batch.schema.serialize())
    checksum = zlib_ng.crc32(batch.serialize(), checksum)
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):  # a serialised batch omits its dictionaries
            names = pa.record_batch([column.dictionary], ["names"])
            checksum = zlib_ng.crc32(names.serialize(), checksum)
    return b"%08x" % checksum


def _read(reader: pa.RecordBatchStreamReader, file: pa.NativeFile) -> Entry:
    batch, metadata = reader.read_next_batch_with_custom_metadata()
    batch.validate()
    checksum = compute_checksum(batch)
    if metadata[KEY] != checksum:
        raise ValueError("an epoch is damaged")
    return Entry(batch, checksum, file.tell())


def _try(read: Callable[..., Any], *args: Any) -> Any:
    try:
        return read(*args)
    except Exception:  # StopIteration at the end of a stream; a damaged one fails in many ways
        return None
