"""What it costs to be able to go on after an interruption, and what it saves.

    python benchmarks/resume.py [n_digits] [pairs]

Runs that keep their state and runs that do not take turns in one warm process, and the ratio of
each pair is taken. Then a run is interrupted half-way, and gone on with.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from tools import measure

from animated.checkpoints import Checkpoint
from animated.datasets import read_digits
from animated.epochs import EpochWriter
from animated.methods import mds, tsne, umap
from animated.neighbors import find_neighbors
from animated.runs import run
from animated.tables import to_features

N_EPOCHS = 199


def main(n_digits: int = 30_000, pairs: int = 3) -> None:
    """Print the ratios of all pairs, then for each method their median."""
    X = to_features(read_digits(n_digits=n_digits))
    few = X[: n_digits // 10]
    cases = {
        "UMAP": (umap, X, {"neighbors": find_neighbors(X)}),
        "t-SNE": (tsne, few, {"neighbors": find_neighbors(few, 91)}),
        "MDS": (mds, few, {}),
    }
    table = pl.DataFrame(
        {"method": name, "rows": len(rows), "share": share}
        for name, (method, rows, parameters) in cases.items()
        for share in compare(method, rows, pairs, **parameters)
    )
    print(table)
    for (name, n_rows), of_method in table.group_by("method", "rows", maintain_order=True):
        print(f"run that keeps its state / run that does not, {name} of {n_rows} digits:", end=" ")
        print(f"{median(of_method['share']):.3f}")
    whole, rest, is_same = interrupt(*cases["UMAP"][:2], **cases["UMAP"][2])
    print(f"rest of a run interrupted half-way / whole run: {rest / whole:.2f}")
    print(f"same bytes after the interruption: {is_same}")


def compare(
    method: Callable[..., np.ndarray], X: np.ndarray, pairs: int, **parameters: Any
) -> list[float]:
    """Return the ratios of the times of `pairs` runs with and without a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.parquet"

        def fit(keeps: bool) -> None:
            given = parameters | ({"checkpoint": Checkpoint(path, {})} if keeps else {})
            with EpochWriter(path, is_exact=True) as write:
                method(X, n_epochs=N_EPOCHS, seed=42, on_epoch=write, **given)
            for file in Path(folder).iterdir():
                file.unlink()

        fit(True)  # compilation is not what we measure
        return [measure(lambda: fit(True)) / measure(lambda: fit(False)) for _ in range(pairs)]


def interrupt(
    method: Callable[..., np.ndarray], X: np.ndarray, **parameters: Any
) -> tuple[float, float, bool]:
    """Return the seconds of a run and of the rest of an interrupted one, and if they end alike."""
    given = {"n_epochs": N_EPOCHS, "seed": 42} | parameters

    def stop(epoch: int, _: np.ndarray) -> None:
        if epoch == N_EPOCHS // 2:
            raise InterruptedError

    with tempfile.TemporaryDirectory() as folder:
        whole, parts = Path(folder) / "whole.parquet", Path(folder) / "parts.parquet"
        seconds = measure(lambda: run(method, X, whole, **given))
        try:
            run(method, X, parts, on_epoch=stop, **given)
        except InterruptedError:
            rest = measure(lambda: run(method, X, parts, **given))
        return seconds, rest, whole.read_bytes() == parts.read_bytes()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
