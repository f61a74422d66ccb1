"""What it costs to be able to resume after an interruption, and what it saves.

    python benchmarks/resume.py [n_digits] [pairs]

Runs that save their state alternate with runs that do not, in one warm process. The ratio of the
times of each pair is noisy; the share of a run's time that it spends on saving is not. Then a run
is interrupted half-way and resumed.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from tools import measure

from animated.datasets.mnist import read_digits
from animated.methods import mds, tsne, umap
from animated.neighbors.search import find_neighbors
from animated.runs.checkpoints import Checkpoint
from animated.runs.run import run
from animated.runs.writer import EpochWriter
from animated.validation import to_features

N_EPOCHS = 199


class Timed(Checkpoint):
    """A checkpoint that measures how many seconds saving takes."""

    spent = 0.0

    def save(self, *args: Any, **arrays: Any) -> None:
        """Save a state."""
        self.spent += measure(lambda: super(Timed, self).save(*args, **arrays))

    def recall(self, compute: Callable[[], dict]) -> dict:
        """Save the result of the first stages; computing it is not part of the cost."""
        seconds = []

        def compute_timed() -> dict:
            start = time.perf_counter()
            arrays = compute()
            seconds.append(time.perf_counter() - start)
            return arrays

        start = time.perf_counter()
        arrays = super().recall(compute_timed)
        self.spent += time.perf_counter() - start - sum(seconds)
        return arrays


def main(n_digits: int = 30_000, pairs: int = 11) -> None:
    """Print the figures of all pairs, then the medians for each method."""
    X = to_features(read_digits(n_digits=n_digits), label="digit")
    some, few = X[: n_digits // 3], X[: n_digits // 10]
    cases = {
        "UMAP": (umap, X, {"neighbors": find_neighbors(X)}),
        "t-SNE": (tsne, some, {"neighbors": find_neighbors(some, 91)}),
        "MDS": (mds, few, {}),
    }
    table = pl.DataFrame(
        {"method": name, "rows": len(rows), "ratio": ratio, "share": share}
        for name, (method, rows, parameters) in cases.items()
        for ratio, share in compare(method, rows, pairs, **parameters)
    )
    with pl.Config(tbl_rows=-1):
        print(table)
    for (name, n_rows), of_method in table.group_by("method", "rows", maintain_order=True):
        of_all = f"{name} of {n_rows} digits"
        print(f"share of a run in which its state is kept, {of_all}: ", end="")
        print(f"{median(of_method['share']):.4f}")
        print(f"run that keeps its state / run that does not, {of_all}: ", end="")
        print(f"{median(of_method['ratio']):.3f}")
    whole, rest, is_same = interrupt(*cases["UMAP"][:2], **cases["UMAP"][2])
    print(f"rest of a run interrupted half-way / whole run: {rest / whole:.2f}")
    print(f"same bytes after the interruption: {is_same}")


def compare(
    method: Callable[..., np.ndarray], X: np.ndarray, pairs: int, **parameters: Any
) -> list[tuple[float, float]]:
    """Compare `pairs` of runs with and without a checkpoint.

    Returns for each pair the ratio of their times, and the share of its time that the first run
    spent on saving its state.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.parquet"

        def fit(checkpoint: Timed | None) -> float:
            given = {"n_epochs": N_EPOCHS, "seed": 42, "checkpoint": checkpoint} | parameters

            def stream() -> None:
                with EpochWriter(path, is_exact=True) as write:
                    method(X, on_epoch=write, **given)

            seconds = measure(stream)
            for file in Path(folder).iterdir():
                file.unlink()
            return seconds

        def take_turns(pair: int) -> tuple[float, float]:
            saving = Timed(path, {})
            # The order alternates from pair to pair.
            order = (saving, None) if pair % 2 else (None, saving)
            seconds = {each: fit(each) for each in order}
            return seconds[saving] / seconds[None], saving.spent / seconds[saving]

        fit(Timed(path, {}))  # compile before measuring
        return [take_turns(pair) for pair in range(pairs)]


def interrupt(
    method: Callable[..., np.ndarray], X: np.ndarray, **parameters: Any
) -> tuple[float, float, bool]:
    """Return the seconds of a run and of the rest of an interrupted one, and if both end alike."""
    given = {"n_epochs": N_EPOCHS, "seed": 42} | parameters

    def stop(epoch: int, _: np.ndarray) -> None:
        if epoch == N_EPOCHS // 2:
            raise InterruptedError

    # The lines that `run` prints are not figures.
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        whole, parts = Path(folder) / "whole.parquet", Path(folder) / "parts.parquet"
        seconds = measure(lambda: run(method, X, whole, **given))
        try:
            run(method, X, parts, on_epoch=stop, **given)
        except InterruptedError:
            rest = measure(lambda: run(method, X, parts, **given))
        return seconds, rest, whole.read_bytes() == parts.read_bytes()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
