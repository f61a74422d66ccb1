"""What watching costs: UMAP with callback and epoch store against stock umap-learn.

    python benchmarks/callback.py [n_digits] [pairs]

Both fits run in turn in one warm process, and the ratio of each pair is taken.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

import polars as pl
from tools import measure
from umap import UMAP

from animated.datasets import read_digits
from animated.epochs import EpochWriter
from animated.methods import umap
from animated.tables import to_features

N_EPOCHS = 199


def main(n_digits: int = 2_000, pairs: int = 15) -> None:
    """Print a table of the pairs, and the median ratio in the last line."""
    digits = read_digits(n_digits=n_digits)
    X = to_features(digits)

    def fit_stock() -> None:
        UMAP(n_epochs=N_EPOCHS, random_state=42, n_jobs=1).fit(X)

    def fit_watched() -> None:
        path = Path(folder) / "epochs.parquet"
        with EpochWriter(path, labels=digits["digit"], method="UMAP", seed=42) as write:
            umap(X, n_epochs=N_EPOCHS, seed=42, on_epoch=write)
        path.unlink()

    with tempfile.TemporaryDirectory() as folder:
        fit_stock(), fit_watched()  # compilation is not what we measure
        seconds = [(measure(fit_stock), measure(fit_watched)) for _ in range(pairs)]
    table = pl.DataFrame(seconds, schema=["stock", "watched"], orient="row")
    print(table.with_columns(ratio=pl.col("watched") / pl.col("stock")))
    ratio = median(watched / stock for stock, watched in seconds)
    print(f"watched fit / stock fit at {n_digits} digits: {ratio:.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
