"""What an epoch is worth: how much of the data's neighbourhoods a layout keeps, and how it moves.

All measures are read from the same neighbours, which are searched once for every layout.
A point is never its own neighbour.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from scipy.spatial import KDTree

from animated.geometry import check_embedding, check_same_shape, mean_displacement
from animated.neighbors.ranks import rank_samples
from animated.neighbors.search import Neighbors, cut_neighbors, find_neighbors
from animated.numba_cache import numba
from animated.progress import track
from animated.runs.store import list_epochs, read_embedding, read_metadata
from animated.validation import check_features, check_integer, check_seed, to_labels

Cost = Callable[[np.ndarray], float | dict[str, float]]


def neighborhood_preservation(neighbors_before: np.ndarray, neighbors_after: np.ndarray) -> float:
    """Return the mean share of a point's neighbours that are still its neighbours, from 0 to 1.

        1 / (n k) Σ_i |before_i ∩ after_i|

    neighbors_before, neighbors_after: int arrays (n_samples, n_neighbors), in any order.

    Raises ValueError when the arrays differ in shape.
    Source: Lee and Verleysen, "Quality assessment of dimensionality reduction: Rank-based
    criteria", 2009, doi:10.1016/j.neucom.2008.12.017, whose Q_NX this is.
    """
    before, after = check_same_shape(neighbors_before, neighbors_after)
    return int(_count_kept(before, after).sum()) / before.size


def kept_neighbors(neighbors_before: np.ndarray, neighbors_after: np.ndarray) -> np.ndarray:
    """Return for each point which share of its neighbours are still its neighbours.

    neighbors_before, neighbors_after: as in `neighborhood_preservation`, the mean of these shares.

    Returns float64 (n_samples,), from 0 to 1.
    Raises ValueError when the arrays differ in shape.
    """
    before, after = check_same_shape(neighbors_before, neighbors_after)
    return _count_kept(before, after) / before.shape[1]


def trustworthiness(ranks: np.ndarray, neighbors: np.ndarray) -> float:
    """Return how little false neighbours intrude, from 0 to 1, where 1 says that there are none.

        1 - 2 / (q k (2n - 3k - 1)) Σ_i Σ_j max(0, r(i, j) - k)

    The sums run over q query points i and their k neighbours j in the layout; r(i, j) says that
    in the data j is the r-th nearest of i. With all points as queries it is
    `sklearn.manifold.trustworthiness`.

    ranks: int array (n_queries, n_samples) of r, as `animated.neighbors.ranks.rank_samples` returns it.
    neighbors: int array (n_queries, n_neighbors), the neighbours of the queries in the layout.

    Raises ValueError when there is not a row of ranks for each row of neighbours, and when
    n_neighbors is not less than half of n_samples, where the measure is not defined.
    Source: Venna and Kaski, "Neighborhood preservation in nonlinear projection methods",
    2001, doi:10.1007/3-540-44668-0_68.
    """
    if np.ndim(ranks) != 2:
        raise ValueError(f"ranks must have shape (n_queries, n_samples), got {np.shape(ranks)}")
    n_queries, n_samples = np.shape(ranks)
    neighbors = _check_neighbors(neighbors, n_samples)
    k = neighbors.shape[1]
    if len(neighbors) != n_queries:
        raise ValueError(f"neighbors must have {n_queries} rows like ranks, got {len(neighbors)}")
    _check_half(k, n_samples)
    far = np.take_along_axis(ranks, neighbors, axis=1).astype(np.int64) - k
    excess = int(np.maximum(far, 0).sum())
    return 1 - 2 * excess / (n_queries * k * (2 * n_samples - 3 * k - 1))


def label_accuracy(labels: Sequence, neighbors: np.ndarray) -> float:
    """Return the share of points whose neighbours, by majority, have their label.

    It is leave-one-out k-nearest-neighbour classification; of labels with as many votes the
    smallest wins, as in `sklearn.neighbors.KNeighborsClassifier`.

    labels: (n_samples,), none of them missing.
    neighbors: int array (n_samples, n_neighbors).

    Raises ValueError when there is not a label for each row of neighbours, and TypeError when
    labels are neither numbers nor words.
    Source: Cover and Hart, "Nearest neighbor pattern classification", 1967,
    doi:10.1109/TIT.1967.1053964.
    """
    neighbors = _check_neighbors(neighbors, np.shape(neighbors)[0])
    codes = _to_codes(labels, len(neighbors))
    return _count_right(codes, neighbors) / len(codes)


def search_embedding(embedding: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the nearest neighbours of every point of a layout, nearest first, without itself.

    embedding: float array (n_samples, n_components).
    n_neighbors: from 1 to n_samples - 1.

    Returns an int array (n_samples, n_neighbors). All cores work; their number changes nothing.
    Raises ValueError for another number of neighbours.
    """
    embedding = np.asarray(embedding)
    if embedding.ndim != 2 or embedding.dtype.kind not in "biuf":
        got = f"{embedding.dtype} {embedding.shape}"
        raise ValueError(f"embedding must be numbers (n_samples, n_components), got {got}")
    if not np.isfinite(embedding).all():
        raise ValueError("embedding must be finite, got one that is not")
    check_integer("n_neighbors", n_neighbors, 1, len(embedding) - 1)
    rows = np.arange(len(embedding))
    _, found = KDTree(embedding).query(embedding, n_neighbors + 1, workers=-1)
    itself = found == rows[:, None]
    # Where many points share a place, a point need not be among its own nearest.
    itself[~itself.any(axis=1), -1] = True
    return found[~itself].reshape(len(rows), n_neighbors)


class Quality:
    """What layouts of one data set are worth; prepared once, then called with each layout.

    quality = Quality(X, labels)
    quality(embedding)  # {"preservation": 0.36, "trustworthiness": 0.96, "accuracy": 0.95}
    """

    def __init__(
        self,
        X: np.ndarray,
        labels: Sequence | None = None,
        *,
        n_neighbors: int = 15,
        neighbors: Neighbors | None = None,
        n_queries: int = 2_000,
        seed: int = 0,
    ):
        """Find the neighbours of all samples in `X`, and rank all samples for some of them.

        X: float32 array (n_samples, n_features), finite.
        labels: (n_samples,), a Polars Series or any sequence, none missing; None if there are none.
        n_neighbors: how many neighbours count, the sample itself not among them.
        neighbors: what `find_neighbors` returned for `X`, one more than n_neighbors at least
            because there a sample's first neighbour is itself; None searches them.
        n_queries: on how many samples, drawn by `seed`, trustworthiness is measured.
            They take 2 bytes for each sample: 120 MB for 2,000 of 30,000 samples.

        Raises ValueError and TypeError for bad arguments, before any search.
        """
        X = check_features(X)
        check_integer("n_neighbors", n_neighbors, 1)
        check_integer("n_queries", n_queries, 1)
        check_seed(seed)
        _check_half(n_neighbors, len(X))
        self.codes = None if labels is None else _to_codes(labels, len(X))
        if neighbors is None:
            neighbors = find_neighbors(X, n_neighbors + 1)
        self.neighbors = cut_neighbors(neighbors, len(X), n_neighbors + 1).indices[:, 1:]
        random = np.random.default_rng(seed)
        self.queries = np.sort(random.permutation(len(X))[:n_queries])
        self.ranks = rank_samples(X, self.queries)

    def __call__(self, embedding: np.ndarray) -> dict[str, float]:
        """Return the measures of a layout.

        embedding: float array (n_samples, 2) or (n_samples, 3), finite.

        Returns `preservation`, `trustworthiness` and, with labels, `accuracy`. None of it depends
        on the number of threads.
        Raises ValueError when the layout is not one of these samples.
        """
        embedding = check_embedding(embedding, len(self.neighbors))
        neighbors = search_embedding(embedding, self.neighbors.shape[1])
        measures = {
            "preservation": neighborhood_preservation(self.neighbors, neighbors),
            "trustworthiness": trustworthiness(self.ranks, neighbors[self.queries]),
        }
        if self.codes is not None:
            measures["accuracy"] = _count_right(self.codes, neighbors) / len(neighbors)
        return measures


def measure_epochs(
    path: str | Path,
    quality: Quality,
    epochs: Iterable[int] | None = None,
    *,
    cost: Cost | None = None,
) -> pl.DataFrame:
    """Return what the epochs of the store at `path` are worth, a row for each.

    epochs: those to measure, in this order; None measures all.
    cost: called with each layout, in the units of the method, float64 (n_samples, n_components);
        it returns a number, which becomes the column `cost`, or a dictionary of columns.

    Returns a table of `epoch` (u16) and, all f64, the measures of `quality`, those of `cost`, and
    `displacement`: the mean distance moved since the epoch measured before, as a share of the
    picture's width, null for the first.
    Raises FileNotFoundError when there is no store, ValueError when it has not one of the epochs or
    they are none, and TypeError for a cost that cannot be called.
    """
    if cost is not None and not callable(cost):
        raise TypeError(f"cost must be callable or None, got {type(cost).__name__}")
    known = list_epochs(path)
    epochs = known if epochs is None else _check_epochs(epochs, known)
    scale = read_metadata(path)["scale"]
    rows, before = [], None
    for epoch in track(epochs, "Quality", unit="epoch"):
        layout = read_embedding(path, epoch)
        moved = None if before is None else mean_displacement(before, layout) / scale
        costs = {} if cost is None else cost(layout)
        costs = costs if isinstance(costs, dict) else {"cost": costs}
        rows.append({"epoch": epoch, **quality(layout), **costs, "displacement": moved})
        before = layout
    table = pl.DataFrame(rows, infer_schema_length=None).cast(pl.Float64)
    return table.with_columns(pl.col("epoch").cast(pl.UInt16))


def _check_epochs(epochs: Iterable[int], known: list[int]) -> list[int]:
    epochs = list(epochs)
    unknown = set(epochs) - set(known)
    if unknown or not epochs:
        got = min(unknown) if unknown else "none"
        raise ValueError(f"epochs must be of those in the store, 0 to {known[-1]}, got {got}")
    return epochs


def _to_codes(labels: Sequence, n_samples: int) -> np.ndarray:
    """Return labels as 0, 1, 2 and so on in their sorted order."""
    series = to_labels("labels", labels, n_samples)
    if series.null_count():
        raise ValueError(f"labels must not be missing, got {series.null_count()} missing")
    if series.dtype == pl.Categorical:  # which sorts by first appearance
        series = series.cast(pl.String)
    return series.rank("dense").to_numpy().astype(np.int32) - 1


def _check_neighbors(neighbors: np.ndarray, n_samples: int) -> np.ndarray:
    neighbors = np.asarray(neighbors)
    if neighbors.ndim != 2 or neighbors.dtype.kind not in "iu" or not neighbors.size:
        got = f"{neighbors.dtype} {neighbors.shape}"
        raise ValueError(f"neighbors must be integers (n_samples, n_neighbors), got {got}")
    least, most = neighbors.min(), neighbors.max()
    if least < 0 or most >= n_samples:  # or else memory would be read that is not theirs
        raise ValueError(f"neighbors must be samples 0 to {n_samples - 1}, got {least} to {most}")
    return neighbors


def _check_half(n_neighbors: int, n_samples: int) -> None:
    if not n_neighbors < n_samples / 2:
        raise ValueError(
            f"n_neighbors must be less than half of the {n_samples} samples, got {n_neighbors}"
        )


@numba.njit(cache=True, nogil=True)
def _count_kept(before, after):
    """Count the neighbours that each point has kept."""
    counts = np.zeros(before.shape[0], dtype=np.int64)
    for i in range(before.shape[0]):
        for j in range(before.shape[1]):
            for k in range(after.shape[1]):
                counts[i] += before[i, j] == after[i, k]
    return counts


@numba.njit(cache=True, nogil=True)
def _count_right(codes, neighbors):
    """Count the points whose label has most votes, and is the smallest of those."""
    votes = np.zeros(codes.max() + 1, dtype=np.int64)
    count = 0
    for i in range(neighbors.shape[0]):
        for j in range(neighbors.shape[1]):
            votes[codes[neighbors[i, j]]] += 1
        winner = codes[neighbors[i, 0]]
        for j in range(neighbors.shape[1]):
            code = codes[neighbors[i, j]]
            if (-votes[code], code) < (-votes[winner], winner):
                winner = code
        for j in range(neighbors.shape[1]):
            votes[codes[neighbors[i, j]]] = 0
        count += winner == codes[i]
    return count
