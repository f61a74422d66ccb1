"""The working file of a run: its raw epochs, one after another, as they come.

It is an Arrow IPC stream, and after an interruption another one behind the first. Arrow has no
checksums, so every epoch has one beside it; what follows a damaged or incomplete epoch is lost.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from zlib_ng import zlib_ng

# With this a stream ends.
END = b"\xff\xff\xff\xff\0\0\0\0"
KEY = b"crc32"


class Entry(NamedTuple):
    """An epoch of a journal.

    batch: its rows.
    check: the checksum of the rows and of the schema.
    end: where in the file the next one begins.
    """

    batch: pa.RecordBatch
    check: bytes
    end: int


class Journal:
    """A working file that epochs are appended to."""

    def __init__(self, path: str | Path, schema: pa.Schema, start: int = 0):
        """Open the file, to go on from byte `start`; what is behind it is forgotten."""
        self._file = Path(path).open("r+b" if start else "wb")  # noqa: SIM115, closed by `close`
        self._file.truncate(start)
        self._file.seek(start)
        self._file.write(END if start else b"")
        self._stream = pa.ipc.new_stream(self._file, schema)

    def append(self, batch: pa.RecordBatch) -> bytes:
        """Write an epoch, which no end of the process can then take away; return its checksum."""
        check = compute_check(batch)
        self._stream.write_batch(batch, custom_metadata={KEY: check})
        self._file.flush()
        return check

    def sync(self) -> None:
        """Wait until the disk has all epochs so far."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """End the stream, unless the disk is full: what it has of it can be read all the same."""
        with suppress(OSError):
            self._stream.close()
        with suppress(OSError):
            self._file.close()


def read_journal(path: str | Path) -> Iterator[Entry]:
    """Yield the epochs of a working file up to its end, or to where it was cut off or damaged."""
    with pa.OSFile(str(path)) as file:
        while (reader := _try(pa.ipc.open_stream, file)) is not None:
            while (entry := _try(_read, reader, file)) is not None:
                yield entry


def compute_check(batch: pa.RecordBatch) -> bytes:
    """Return the checksum of an epoch, of the names of its classes and of its schema."""
    check = zlib_ng.crc32(batch.schema.serialize())
    check = zlib_ng.crc32(batch.serialize(), check)
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):  # a batch goes without what it refers to
            names = pa.record_batch([column.dictionary], ["names"])
            check = zlib_ng.crc32(names.serialize(), check)
    return b"%08x" % check


def _read(reader: pa.RecordBatchStreamReader, file: pa.NativeFile) -> Entry:
    batch, metadata = reader.read_next_batch_with_custom_metadata()
    batch.validate()
    check = compute_check(batch)
    if metadata[KEY] != check:
        raise ValueError("an epoch is damaged")
    return Entry(batch, check, file.tell())


def _try(read: Callable[..., Any], *args: Any) -> Any:
    try:
        return read(*args)
    except Exception:  # StopIteration where a stream ends; a damaged one fails in many ways
        return None
