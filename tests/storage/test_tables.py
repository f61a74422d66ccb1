"""Tables come back as they were written."""

import polars as pl
import pytest

from animated.storage.checksums import KEY, add_checksum
from animated.storage.tables import load_table, write_table

TABLE = pl.DataFrame(
    {"n": [1, 2, None], "x": [0.5, None, 1e300], "kind": ["b", "a", None]},
    schema_overrides={"n": pl.UInt8, "kind": pl.Enum(["b", "a"])},
)


@pytest.mark.parametrize("table", [TABLE, TABLE.drop("x"), TABLE.head(0)])
def test_round_trip(tmp_path, table):
    path = tmp_path / "[1] *.parquet"
    write_table(table, path)
    assert load_table(path).equals(table) and load_table(path).schema == table.schema
    assert load_table(path, 1).equals(table.head(1))


def test_same_bytes_every_time(tmp_path):
    contents = set()
    for name in ("a.parquet", "b.parquet"):
        write_table(TABLE, tmp_path / name)
        contents.add((tmp_path / name).read_bytes())
    assert len(contents) == 1


def test_no_table(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no table at '.*none.parquet'"):
        load_table(tmp_path / "none.parquet")


def test_checksum_needs_its_place(tmp_path):
    path = tmp_path / "a.parquet"
    TABLE.write_parquet(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"must have an entry '{KEY}', got none"):
        add_checksum(path)
    assert path.read_bytes() == before
