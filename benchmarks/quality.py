"""Time the quality measures, and print what they show about the committed run of UMAP.

    python benchmarks/quality.py

Every epoch of data/epochs.parquet is measured, including UMAP's losses. For comparison
scikit-learn computes the neighbourhood measures: neighbours and votes of all points, but the
trustworthiness of the first 2,000 points only, as it needs a matrix of all pairs. (Ours is that of
2,000 points among all.) Losses estimated from random pairs are compared with the sums over all
pairs.
"""

from collections.abc import Callable
from statistics import median

import numba
import numpy as np
import polars as pl
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from tools import ROOT, measure

from animated.datasets.mnist import read_digits
from animated.neighbors.search import find_neighbors
from animated.quality.costs import UmapLoss
from animated.quality.epochs import Quality, measure_epochs
from animated.quality.pair_sums import repel, square_length, sum_edges
from animated.runs.store import read_embedding, scan
from animated.validation import to_features

PATH = ROOT / "data/epochs.parquet"
COMPARED = (0, 50, 100, 199)
N_FEW = 2_000


def make_plain_quality(X: np.ndarray, labels: np.ndarray, neighbors: np.ndarray) -> Callable:
    """Return a function that measures an embedding with scikit-learn."""

    def measure_plainly(embedding: np.ndarray) -> dict[str, float]:
        search = NearestNeighbors(n_neighbors=15, n_jobs=-1).fit(embedding)
        found = search.kneighbors(return_distance=False)
        vote = KNeighborsClassifier(15, n_jobs=-1).fit(embedding, labels)
        return {
            "preservation": (found[:, :, None] == neighbors[:, None]).any(axis=2).mean(),
            "trustworthiness": trustworthiness(X[:N_FEW], embedding[:N_FEW], n_neighbors=15),
            "accuracy": vote.score(None, labels),
        }

    return measure_plainly


@numba.njit(parallel=True)
def sum_all_pairs(embedding: np.ndarray, degrees: np.ndarray, a: float, b: float) -> np.ndarray:
    """Return the sums of r_ij and (d_i + d_j) r_ij over all pairs, with r = -log(1 - v)."""
    sums = np.zeros((len(embedding), 2))
    for i in numba.prange(len(embedding)):
        for j in range(i):
            repulsion = repel(square_length(embedding, i, j), a, b)
            sums[i, 0] += repulsion
            sums[i, 1] += repulsion * (degrees[i] + degrees[j])
    return np.array([sums[:, 0].sum(), sums[:, 1].sum()])


def find_errors(loss: UmapLoss, epoch: int) -> dict[str, float]:
    """Return the relative errors of repulsion and cost at an epoch against sums over all pairs."""
    embedding = read_embedding(PATH, epoch)
    attraction, near = sum_edges(embedding, loss.edges, loss.weights, loss.a, loss.b)
    total, by_degree = sum_all_pairs(embedding, loss.degrees, loss.a, loss.b)
    found = loss(embedding)
    return {
        "epoch": epoch,
        "repulsion": abs(found["repulsion"] / (total - near) - 1),
        "cost": abs(found["cost"] / (attraction + loss.repulsion_share * by_degree) - 1),
    }


def main() -> None:
    """Print the measures of some epochs, the errors of the losses, and all figures."""
    n_digits, last = scan(PATH).select(pl.col("index", "epoch").max()).collect().row(0)
    digits = read_digits(ROOT / "data/digits.parquet", n_digits + 1)
    X = to_features(digits, label="digit")
    neighbors = find_neighbors(X, 16)
    loss = UmapLoss(X, n_epochs=last, neighbors=neighbors)
    quality = Quality(X, digits["digit"], neighbors=neighbors)
    plain = make_plain_quality(X, digits["digit"].to_numpy(), quality.neighbors)
    embedding = read_embedding(PATH, last)
    quality(embedding), loss(embedding), plain(embedding)  # compile before timing

    tables = []
    seconds = measure(lambda: tables.append(measure_epochs(PATH, quality, cost=loss))) / (last + 1)
    (table,) = tables
    pairs = [
        (measure(lambda: quality(embedding)), measure(lambda: plain(embedding))) for _ in range(5)
    ]
    compared = sorted({*COMPARED, table["cross_entropy"].arg_min()})
    errors = pl.DataFrame([find_errors(loss, epoch) for epoch in compared])
    with pl.Config(tbl_cols=-1, tbl_rows=-1, tbl_width_chars=200):
        print(table.filter(pl.col("epoch").is_in(compared)), errors, sep="\n")
    print_figures(n_digits + 1, seconds, pairs, errors, table)


def print_figures(
    n_digits: int, seconds: float, pairs: list, errors: pl.DataFrame, table: pl.DataFrame
) -> None:
    """Print one figure per line."""
    ratio = median(plain / ours for ours, plain in pairs)
    entropy, cost = table["cross_entropy"], table["cost"]
    bottom, top = entropy.arg_min(), cost.arg_max()
    falling = cost[top:]
    print(f"seconds to measure an epoch of {n_digits} digits with its losses: {seconds:.3f}")
    print(f"seconds without its losses: {median(ours for ours, _ in pairs):.3f}")
    print(f"scikit-learn / ours for the neighbourhood measures: {ratio:.1f}")
    print(f"error of the repulsion estimated from random pairs: {errors['repulsion'].max():.2%}")
    print(f"error of UMAP's cost estimated from random pairs: {errors['cost'].max():.2%}")
    print(f"epoch at which the textbook cross-entropy is least: {bottom}")
    print(f"its rise from there to the last epoch: {entropy[-1] / entropy[bottom] - 1:.1%}")
    print(f"fall of the cost that UMAP descends, first to last epoch: {1 - cost[-1] / cost[0]:.1%}")
    print(f"epoch at which the cost that UMAP descends is largest: {top}")
    print(f"its fall from there to the last epoch: {1 - falling[-1] / falling[0]:.1%}")
    print(
        f"its largest rise in between from one epoch to the next: {falling.pct_change().max():.2%}"
    )


if __name__ == "__main__":
    main()
