"""Parquet tables, written atomically and with a checksum."""

from pathlib import Path

import polars as pl
import polars.selectors as cs

from animated.storage import checksums
from animated.storage.atomic import replacing


def write_table(table: pl.DataFrame, path: str | Path) -> None:
    """Write `table` to `path` as Parquet, atomically and with a checksum.

    Raises what `animated.storage.atomic.replacing` raises.
    """
    # Level 19 takes fifty times as long, and makes only integers and strings smaller.
    level = 3 if table.select(cs.float()).width else 19
    with replacing(path) as temporary:
        table.write_parquet(
            temporary,
            compression="zstd",
            compression_level=level,
            metadata={checksums.KEY: checksums.BLANK},
        )
        checksums.add_checksum(temporary)


def load_table(path: str | Path, n_rows: int | None = None) -> pl.DataFrame:
    """Return the table that `write_table` wrote to `path`.

    n_rows: how many rows to read from the beginning, None for all.

    Raises FileNotFoundError when there is no file, and ValueError when it is damaged.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no table at {str(path)!r}")
    checksums.check_checksum(path, is_ours=True)
    with checksums.explaining_damage(path):
        return pl.read_parquet(path, n_rows=n_rows, glob=False)
