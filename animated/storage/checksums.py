"""Parquet files that tell whether they are as they were written, by a checksum inside them.

Parquet leaves its footer without any checksum, and Polars does not look at those of pages. So a
flipped bit might pass for data. Our Parquet files carry in their metadata a seal, the CRC-32 of all
their bytes, taken while the place of the seal was filled with zeros.

A CRC-32 notices every change of up to 32 bits in a row, and of others all but one in 4 billion.
"""

import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import polars as pl
import pyarrow as pa
from zlib_ng import zlib_ng

# Under this key of a file's metadata stands the seal.
KEY = "animated.seal"
BLANK = "crc32:00000000"
# A key and its value in the footer, in the compact protocol of Thrift: a length before each.
SEAL = re.compile(rb"\x0danimated\.seal\x18\x0e(crc32:[0-9a-f]{8})")
# A Parquet file begins and ends with this.
MAGIC = b"PAR1"


def seal(path: str | Path) -> None:
    """Put the checksum of the Parquet file at `path` where its metadata have `BLANK`."""
    with Path(path).open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        start, end = _find(content)
        content[start:end] = _compute(content, start, end)


def check_checksum(path: str | Path, is_ours: bool = False) -> None:
    """Raise ValueError when the Parquet file at `path` is cut off, or not as it was when sealed.

    A file is read for that once, and again when it has changed. One without a seal passes, as those
    of others have none, but not if it `is_ours`.
    """
    is_whole = _is_whole(str(path), *get_facts(path))
    if is_whole is False or (is_whole is None and is_ours):
        raise ValueError(_describe(path))


@contextmanager
def explaining_damage(path: str | Path) -> Iterator[None]:
    """Turn what libraries say of a Parquet file that they cannot read into one sentence.

    Raises ValueError.
    """
    try:
        yield
    except (OSError, pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise ValueError(_describe(path)) from None


def get_facts(path: str | Path) -> tuple[int, ...]:
    """Return what changes when a file does. Its time alone tells little, as clocks are set."""
    status = Path(path).stat()
    times = status.st_mtime_ns, status.st_ctime_ns
    return status.st_dev, status.st_ino, status.st_size, *times


def _describe(path: str | Path) -> str:
    return f"{str(path)!r} is damaged: restore it from a copy, or make it anew"


@lru_cache(maxsize=32)
def _is_whole(path: str, *facts: int) -> bool | None:
    """Return whether a file is as it was when sealed, None if it is not cut off and has no seal."""
    with Path(path).open("rb") as file:
        if file.read(4) != MAGIC:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            place = _find(content)
            if content[-4:] != MAGIC:
                return False
            return None if place is None else content[slice(*place)] == _compute(content, *place)


def _find(content: mmap.mmap) -> tuple[int, int] | None:
    """Return from where to where the seal stands in a file, None if there is none."""
    found = [*SEAL.finditer(content)]
    return found[-1].span(1) if found else None


def _compute(content: mmap.mmap, start: int, end: int) -> bytes:
    """Return the seal of a file in which it stands from `start` to `end`."""
    with memoryview(content) as view, view[:start] as before, view[end:] as after:
        check = zlib_ng.crc32(after, zlib_ng.crc32(BLANK.encode(), zlib_ng.crc32(before)))
    return b"crc32:%08x" % check
