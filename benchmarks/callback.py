"""The cost of the callback: UMAP with callback and epoch store against stock umap-learn.

    python benchmarks/callback.py [n_digits] [pairs]

The two fits alternate in one warm process. Two figures are reported: the ratio of each pair, which
is noisy, and the share of its time that the observed fit spends in the epoch store, which is not.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from tools import measure
from umap import UMAP

from animated.datasets.mnist import read_digits
from animated.methods import umap
from animated.runs.writer import EpochWriter
from animated.validation import to_features

N_EPOCHS = 199


class Timed(EpochWriter):
    """An epoch writer that measures the seconds it takes."""

    spent = 0.0

    def __call__(self, *args: Any) -> None:
        """Append an epoch."""
        self.spent += measure(lambda: super(Timed, self).__call__(*args))

    def __exit__(self, *args: Any) -> None:
        """Write the store."""
        self.spent += measure(lambda: super(Timed, self).__exit__(*args))


def main(n_digits: int = 2_000, pairs: int = 31) -> None:
    """Print a table of the pairs, and the medians in the last lines."""
    digits = read_digits(n_digits=n_digits)
    X = to_features(digits, label="digit")

    def fit_stock() -> None:
        UMAP(n_epochs=N_EPOCHS, random_state=42, n_jobs=1).fit(X)

    def fit_observed() -> None:
        path = Path(folder) / "epochs.parquet"
        with Timed(path, labels=digits["digit"], method="UMAP", seed=42) as write:
            umap(X, n_epochs=N_EPOCHS, seed=42, on_epoch=write)
        path.unlink()
        writers.append(write)

    def time_pair(pair: int) -> tuple[float, float, float]:
        # The order alternates from pair to pair.
        order = [fit_stock, fit_observed] if pair % 2 else [fit_observed, fit_stock]
        seconds = {fit: measure(fit) for fit in order}
        share = writers[-1].spent / seconds[fit_observed]
        return seconds[fit_stock], seconds[fit_observed], share

    writers = []
    with tempfile.TemporaryDirectory() as folder:
        fit_stock(), fit_observed()  # compile first
        rows = [time_pair(pair) for pair in range(pairs)]
    table = pl.DataFrame(rows, schema=["stock", "observed", "share"], orient="row").with_columns(
        ratio=pl.col("observed") / pl.col("stock")
    )
    with pl.Config(tbl_rows=-1):
        print(table)
    share, ratio = table["share"].median(), table["ratio"].median()
    print(f"share of a watched fit that the store takes at {n_digits} digits: {share:.3f}")
    print(f"watched fit / stock fit at {n_digits} digits: {ratio:.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
