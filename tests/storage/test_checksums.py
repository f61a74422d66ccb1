"""Reading a damaged file gives the right data or an error that names it, never wrong data."""

import os

import numpy as np
import polars as pl
import pytest
from zlib_ng import zlib_ng

from animated.runs.store import find_label, find_last_epoch, read_epoch, read_metadata, scan
from animated.runs.writer import EpochWriter
from animated.storage.checksums import check_checksum
from animated.storage.tables import load_table, write_table

N = 20


def write_store(path):
    rng = np.random.default_rng(0)
    labels = pl.Series("digit", rng.integers(0, 3, N).astype(str))
    with EpochWriter(path, labels=labels, method="UMAP", parameters={"a": 1}, seed=42) as write:
        for epoch in range(2):
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


@pytest.fixture(params=FILES)
def case(request, tmp_path):
    write, read = FILES[request.param]
    path = tmp_path / f"{request.param}.parquet"
    write(path)
    return path, path.read_bytes(), read


def is_same(data, other):
    """Equal, and of the same columns and classes."""
    return all(
        a.equals(b) and a.schema == b.schema if isinstance(a, pl.DataFrame) else a == b
        for a, b in zip(data, other, strict=True)
    )


def is_refused(path, read, expected):
    """Return whether the file was refused; what it holds otherwise must be right."""
    try:
        data = read(path)
    except ValueError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return True
    assert is_same(data, expected)
    return False


def test_every_flipped_bit_is_noticed(case):
    path, content, read = case
    rng = np.random.default_rng(0)
    # Every byte, and in it a random bit.
    for position, bit in enumerate(rng.integers(0, 8, len(content))):
        damaged = bytearray(content)
        damaged[position] ^= 1 << bit
        other = path.with_name(f"{position}.parquet")  # another file, so that no result is cached
        other.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"{other.name}' is damaged: restore it from a copy"):
            read(other)
        other.unlink()


def test_every_cut_is_noticed(case):
    path, content, read = case
    for size in range(0, len(content), 5):
        other = path.with_name(f"{size}.parquet")
        other.write_bytes(content[:size])
        assert is_refused(other, read, None), size
        other.unlink()


@pytest.mark.parametrize("n", [2, 8, 64, 512])
def test_several_faults_at_once(case, n):
    """Blocks of zeros, as after a power failure, blocks that have changed places, and noise."""
    path, content, read = case
    expected = read(path)
    rng = np.random.default_rng(n)
    n_refused = 0
    for turn in range(100):
        damaged = bytearray(content)
        a, b = rng.integers(0, len(content) - n, 2)
        kind = rng.integers(3)
        if kind == 0:
            damaged[a : a + n] = bytes(n)
        elif kind == 1:
            damaged[a : a + n], damaged[b : b + n] = damaged[b : b + n], damaged[a : a + n]
        else:
            damaged[a : a + n] = rng.bytes(n)
        other = path.with_name(f"{turn}.parquet")
        other.write_bytes(damaged)
        n_refused += is_refused(other, read, expected)
    assert n_refused > 70  # zeros may replace zeros


def test_bytes_behind_the_end(case):
    path, content, read = case
    path.write_bytes(content + b"\0")
    assert is_refused(path, read, None)


def test_a_file_is_read_again_when_it_has_changed(case):
    """Even if its size and its time are the same, as when a clock has been set back."""
    path, content, read = case
    read(path)
    before = path.stat()
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 1
    path.write_bytes(damaged)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert is_refused(path, read, None)


def test_a_file_is_read_once(case, monkeypatch):
    path, _, read = case
    sizes, crc32 = [], zlib_ng.crc32
    monkeypatch.setattr(
        zlib_ng, "crc32", lambda data, *start: sizes.append(len(data)) or crc32(data, *start)
    )
    for _ in range(3):
        read(path)
    assert sum(sizes) == path.stat().st_size


def test_files_of_others_have_no_checksum(tmp_path):
    path = tmp_path / "others.parquet"
    table = pl.DataFrame({"text": ["crc32:00000000", "animated.seal"], "epoch": [0, 0]})
    table.write_parquet(path)
    check_checksum(path)
    assert read_epoch(path, 0).equals(table)
    for read in (read_metadata, load_table):
        with pytest.raises(ValueError, match=r"others.parquet' is "):
            read(path)
    content = path.read_bytes()
    for cut in (content[:-1], content[:-4], content[4:], b""):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match=r"others.parquet' is damaged"):
            check_checksum(path)
    table.drop("epoch").write_parquet(path)
    with pytest.raises(ValueError, match="is not an epoch store: its columns are text"):
        read_epoch(path, 0)


def test_a_checksum_is_found_in_the_metadata(tmp_path):
    """And not in the data, which may contain the same bytes."""
    path = tmp_path / "words.parquet"
    table = pl.DataFrame({"text": ["\x0danimated.seal\x18\x0ecrc32:00000000"] * 3})
    write_table(table, path)
    assert load_table(path).equals(table)
