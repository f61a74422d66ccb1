"""Time UMAP with exact, cached neighbours against stock umap-learn.

    python benchmarks/prepare.py [n_digits] [repeats]

A cold fit is a whole process, which starts Python, reads the digits, fits and ends. Every round
runs all fits in turn, starting without cached neighbours; ratios are those of fits in one round.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import pairwise_distances_chunked
from tools import measure
from umap import UMAP
from umap.umap_ import nearest_neighbors

from animated.datasets.mnist import read_digits
from animated.methods import umap
from animated.neighbors.search import Neighbors, find_neighbors
from animated.validation import to_features

N_EPOCHS = 199
N_ASKED = 5_000  # digits for which trustworthiness is measured, among all

# The code of a cold process, whose arguments are the number of digits, a folder and a seed.
START = """
import sys
import numpy as np
from animated.datasets.mnist import read_digits
from animated.validation import to_features
n_digits, folder, seed = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
X = to_features(read_digits(n_digits=n_digits), label="digit")
"""
STOCK = """
from umap import UMAP
embedding = UMAP(n_epochs=199, random_state=seed, n_jobs=1).fit_transform(X)
np.save(f"{folder}/stock.npy", embedding)
"""
OURS = """
from animated.methods import umap
from animated.neighbors.search import find_neighbors
neighbors = find_neighbors(X, folder=f"{folder}/cache")
min_dist = 0.1 if seed == 42 else 0.5
embedding = umap(X, n_epochs=199, seed=seed, neighbors=neighbors, min_dist=min_dist)
np.save(f"{folder}/ours-{seed}.npy", embedding)
"""


def run_cold(code: str, n_digits: int, folder: str, seed: int = 42, **environment: str) -> float:
    """Return the seconds that a new process takes to run `code`."""
    command = [sys.executable, "-c", START + code, str(n_digits), folder, str(seed)]
    root = Path(__file__).parent.parent
    variables = os.environ | {"TQDM_DISABLE": "1", "PYTHONPATH": str(root)} | environment
    return measure(lambda: subprocess.run(command, check=True, env=variables))


def run_round(n_digits: int, X: np.ndarray, folder: str) -> dict[str, float]:
    """Return the seconds of each kind of fit."""
    shutil.rmtree(f"{folder}/cache", ignore_errors=True)
    seconds = {
        "cold stock": run_cold(STOCK, n_digits, folder),
        "cold first": run_cold(OURS, n_digits, folder),
        "cold second": run_cold(OURS, n_digits, folder, seed=7),
    }
    seconds["warm stock"] = measure(lambda: fit_stock(X))
    seconds["warm first"] = measure(lambda: fit(X, find_neighbors(X)))
    neighbors = find_neighbors(X)
    return seconds | {"warm second": measure(lambda: fit(X, neighbors))}


def run_uncompiled(n_digits: int) -> dict[str, float]:
    """Return the seconds of the first fit on a machine, for which numba has cached no kernel."""
    seconds = {}
    for name, code in {"bare stock": STOCK, "bare first": OURS}.items():
        with tempfile.TemporaryDirectory() as folder:
            seconds[name] = run_cold(code, n_digits, folder, NUMBA_CACHE_DIR=folder)
    return seconds


def fit_stock(X: np.ndarray) -> np.ndarray:
    """Return the embedding of stock umap-learn."""
    return UMAP(n_epochs=N_EPOCHS, random_state=42, n_jobs=1).fit_transform(X)


def fit(X: np.ndarray, neighbors: Neighbors | None) -> np.ndarray:
    """Return our embedding, from the given neighbours."""
    return umap(X, n_epochs=N_EPOCHS, seed=42, neighbors=neighbors)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two embeddings are equal bit for bit."""
    return a.tobytes() == b.tobytes()


def compare(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the mean share of a sample's `wanted` neighbours, except itself, that are `found`."""
    hits = [np.isin(a[1:], b[1:]).mean() for a, b in zip(wanted, found, strict=True)]
    return float(np.mean(hits))


def measure_trust(X: np.ndarray, nearby: np.ndarray) -> float:
    """Return the trustworthiness of `N_ASKED` random samples among all.

    nearby: neighbours in the embedding, (n_samples, k + 1), each sample first in its row.
    Source: J. Venna and S. Kaski, "Neighborhood preservation in nonlinear projection methods",
    2001; scikit-learn computes it from the distances of all samples at once.
    """
    n, k = len(X), nearby.shape[1] - 1
    asked = np.random.default_rng(0).permutation(n)[:N_ASKED]
    excess = done = 0
    for distances in pairwise_distances_chunked(X[asked], X, metric="euclidean"):
        rows = asked[done : done + len(distances)]
        done += len(rows)
        distances[np.arange(len(rows)), rows] = -1  # so that a sample's rank to itself is 0
        for row, neighbors in zip(distances, nearby[rows, 1:], strict=True):
            ranks = np.searchsorted(np.sort(row), row[neighbors])
            excess += np.maximum(0, ranks - k).sum()
    return 1 - 2 * excess / (len(asked) * k * (2 * n - 3 * k - 1))


def judge(X: np.ndarray, found: np.ndarray, exact: np.ndarray, embedding: np.ndarray) -> dict:
    """Return the quality of approximate neighbours and of an embedding."""
    nearby = find_neighbors(embedding, 16).indices
    return {
        "recall": compare(found, exact[:, :15]),
        "trustworthiness": measure_trust(X, nearby),
        "preserved": compare(nearby, exact),
    }


def main(n_digits: int = 30_000, repeats: int = 3) -> None:
    """Print the seconds of all fits, the quality of their results, and the ratios."""
    X = to_features(read_digits(n_digits=n_digits), label="digit")
    stock, ours = fit_stock(X), fit(X, find_neighbors(X))  # also compiles for the warm fits
    with tempfile.TemporaryDirectory() as folder:
        rounds = pl.DataFrame(run_round(n_digits, X, folder) for _ in range(repeats))
        cold_stock, cold_ours = (np.load(f"{folder}/{name}.npy") for name in ("stock", "ours-42"))
    print(rounds, pl.DataFrame([run_uncompiled(n_digits)]), sep="\n")

    exact = find_neighbors(X, 16).indices
    random = np.random.RandomState(42)
    descended = nearest_neighbors(X, 15, "euclidean", {}, False, random, n_jobs=1)[0]
    stock_worth = judge(X, descended, exact, stock)
    our_worth = judge(X, find_neighbors(X).indices, exact, ours)
    print(pl.DataFrame([{"fit": "stock"} | stock_worth, {"fit": "ours"} | our_worth]))

    print(f"without neighbours, bytes as in stock's process: {same(fit(X, None), cold_stock)}")
    print(f"same bytes in every process: {same(ours, cold_ours)}")
    for name in ("warm second", "warm first", "cold second", "cold first"):
        kind, _ = name.split()
        ratio = rounds.select((pl.col(name) / pl.col(f"{kind} stock")).median()).item()
        print(f"{name} fit / {kind} stock fit at {n_digits} digits: {ratio:.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
