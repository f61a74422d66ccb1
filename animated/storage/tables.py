"""Parquet tables, atomic and with a checksum."""

from pathlib import Path

import polars as pl
import polars.selectors as cs

from animated.storage import checksums
from animated.storage.atomic import replacing


def write_table(table: pl.DataFrame, path: str | Path) -> None:
    """Write `table` as Parquet to `path`, whole or not at all, and sealed."""
    # Fractions become no smaller by more effort, which takes fifty times as long.
    level = 3 if table.select(cs.float()).width else 19
    options = {"compression": "zstd", "compression_level": level}
    with replacing(path) as temporary:
        table.write_parquet(temporary, **options, metadata={checksums.KEY: checksums.BLANK})
        checksums.seal(temporary)


def load_table(path: str | Path, n_rows: int | None = None) -> pl.DataFrame:
    """Return the first `n_rows` of what `write_table` wrote to `path`, None for all.

    Raises FileNotFoundError when there is none, and ValueError when it is damaged.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no table at {str(path)!r}")
    checksums.check_checksum(path, is_ours=True)
    with checksums.explaining_damage(path):
        return pl.read_parquet(path, n_rows=n_rows, glob=False)
