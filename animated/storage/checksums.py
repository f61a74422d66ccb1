"""Parquet files with a checksum inside, so that damage is noticed before data are read.

Parquet protects its footer by no checksum, and Polars does not verify those of the pages, so a
flipped bit could pass for data. Our files therefore carry a CRC-32 of all their bytes in their
metadata, computed while the place of the checksum holds zeros.

A CRC-32 detects every change that is confined to 32 consecutive bits, and misses one in 4 billion
of all others.
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

# The key of the checksum in a file's metadata, and its value before the checksum is computed.
KEY = "animated.seal"
BLANK = "crc32:00000000"
# Key and value in the footer. Thrift's compact protocol writes the length before each.
PATTERN = re.compile(rb"\x0danimated\.seal\x18\x0e(crc32:[0-9a-f]{8})")
# A Parquet file begins and ends with these bytes.
MAGIC = b"PAR1"


def add_checksum(path: str | Path) -> None:
    """Write the checksum of the Parquet file at `path` over the `BLANK` in its metadata.

    Raises ValueError when the metadata have no entry `KEY`.
    """
    with Path(path).open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        place = _find(content)
        if place is None:
            raise ValueError(f"the metadata of {str(path)!r} must have an entry {KEY!r}, got none")
        content[place] = _compute(content, place)


def check_checksum(path: str | Path, is_ours: bool = False) -> None:
    """Raise ValueError when the Parquet file at `path` is cut off or does not match its checksum.

    The file is read once, and again only after it has changed.

    is_ours: whether a checksum is required. Files written by other programs have none.
    """
    is_intact = _is_intact(str(path), *get_facts(path))
    if is_intact is False or (is_intact is None and is_ours):
        raise ValueError(_describe(path))


@contextmanager
def explaining_damage(path: str | Path) -> Iterator[None]:
    """Turn any library's error about an unreadable Parquet file into one ValueError."""
    try:
        yield
    except (OSError, pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise ValueError(_describe(path)) from None


def get_facts(path: str | Path) -> tuple[int, ...]:
    """Return numbers that change whenever the file at `path` does.

    The time of modification alone would not do, because clocks are set back.
    """
    status = Path(path).stat()
    times = status.st_mtime_ns, status.st_ctime_ns
    return status.st_dev, status.st_ino, status.st_size, *times


def _describe(path: str | Path) -> str:
    return f"{str(path)!r} is damaged: restore it from a copy, or create it again"


@lru_cache(maxsize=32)
def _is_intact(path: str, *facts: int) -> bool | None:
    """Return whether a file matches its checksum, None when it has none and is not cut off.

    facts: those of the file, so that the cache forgets a file that has changed.
    """
    with Path(path).open("rb") as file:
        if file.read(4) != MAGIC:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content[-4:] != MAGIC:
                return False
            place = _find(content)
            return None if place is None else content[place] == _compute(content, place)


def _find(content: mmap.mmap) -> slice | None:
    """Return the place of the checksum in a file, None if there is none.

    It is the last match, in the footer: the data could contain the same bytes.
    """
    found = [*PATTERN.finditer(content)]
    return slice(*found[-1].span(1)) if found else None


def _compute(content: mmap.mmap, place: slice) -> bytes:
    """Return the checksum of a file whose checksum is at `place`."""
    with (
        memoryview(content) as view,
        view[: place.start] as before,
        view[place.stop :] as after,
    ):
        check = zlib_ng.crc32(after, zlib_ng.crc32(BLANK.encode(), zlib_ng.crc32(before)))
    return b"crc32:%08x" % check
