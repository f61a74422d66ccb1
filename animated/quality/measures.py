"""Measures of how well an embedding preserves the neighbourhoods and the labels of its data.

They compare neighbours, which the caller finds once for all of them. A point is never its own
neighbour here.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.spatial import KDTree

from animated.geometry import check_embedding, check_same_shape
from animated.validation import check_integer, to_labels


def neighborhood_preservation(neighbors_before: np.ndarray, neighbors_after: np.ndarray) -> float:
    """Return the mean share of its neighbours that a point preserves, from 0 to 1.

        1 / (n k) Σ_i |before_i ∩ after_i|

    neighbors_before, neighbors_after: int arrays (n_samples, n_neighbors), in any order.

        neighborhood_preservation([[1, 2], [0, 2]], [[2, 3], [2, 0]])  # 0.75

    Raises ValueError if the arrays differ in shape.
    Source: Lee and Verleysen, "Quality assessment of dimensionality reduction: Rank-based
    criteria", 2009, doi:10.1016/j.neucom.2008.12.017, where it is called Q_NX.
    """
    before, after = check_same_shape(neighbors_before, neighbors_after)
    return int(_count_common(before, after).sum()) / before.size


def preserved_neighbors(neighbors_before: np.ndarray, neighbors_after: np.ndarray) -> np.ndarray:
    """Return, for each point, the share of its neighbours that are still its neighbours.

    neighbors_before, neighbors_after: as in `neighborhood_preservation`, which is the mean of these
        shares.

    Returns float64 (n_samples,), from 0 to 1.
    Raises ValueError if the arrays differ in shape.
    """
    before, after = check_same_shape(neighbors_before, neighbors_after)
    return _count_common(before, after) / before.shape[1]


def trustworthiness(ranks: np.ndarray, neighbors: np.ndarray) -> float:
    """Return how far an embedding is free of false neighbours, from 0 to 1 where there are none.

        1 - 2 / (q k (2n - 3k - 1)) Σ_i Σ_j max(0, r(i, j) - k)

    The sums run over q query points i and their k neighbours j in the embedding; r(i, j) is the
    rank of j by distance to i in the data. With all points as queries the value is that of
    `sklearn.manifold.trustworthiness`.

    ranks: int array (n_queries, n_samples) of r, from `animated.neighbors.ranks.rank_samples`.
    neighbors: int array (n_queries, n_neighbors), the neighbours of the queries in the embedding.

    Raises ValueError if ranks and neighbors differ in their number of rows, or if n_neighbors is
    not less than half of n_samples, as the measure is undefined there.
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
    check_half(k, n_samples)
    beyond = np.take_along_axis(ranks, neighbors, axis=1).astype(np.int64) - k
    excess = int(np.maximum(beyond, 0).sum())
    return 1 - 2 * excess / (n_queries * k * (2 * n_samples - 3 * k - 1))


def label_accuracy(labels: Sequence, neighbors: np.ndarray) -> float:
    """Return the share of points that have the most frequent label of their neighbours.

    This is the accuracy of leave-one-out k-nearest-neighbour classification. If several labels are
    equally frequent, the smallest wins, as in `sklearn.neighbors.KNeighborsClassifier`.

    labels: (n_samples,), none missing.
    neighbors: int array (n_samples, n_neighbors).

        label_accuracy(["a", "a", "b"], [[1], [0], [1]])  # 0.67: only the last has another label

    Raises ValueError if labels and neighbors differ in length or a label is missing, and TypeError
    if labels are not text, numbers or dates.
    Source: Cover and Hart, "Nearest neighbor pattern classification", 1967,
    doi:10.1109/TIT.1967.1053964.
    """
    neighbors = _check_neighbors(neighbors, len(neighbors))
    return share_correct(to_codes(labels, len(neighbors)), neighbors)


def search_embedding(embedding: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the nearest neighbours of every point of an embedding, nearest first, without itself.

    embedding: float array (n_samples, n_components), finite.
    n_neighbors: from 1 to n_samples - 1.

    Returns an int array (n_samples, n_neighbors). All cores work; their number does not change the
    result.
    Raises ValueError for another number of neighbours, and whatever `check_embedding` raises.
    """
    embedding = check_embedding(embedding, None, None)
    check_integer("n_neighbors", n_neighbors, 1, len(embedding) - 1)
    rows = np.arange(len(embedding))
    _, found = KDTree(embedding).query(embedding, n_neighbors + 1, workers=-1)
    itself = found == rows[:, None]
    # Where many points coincide, a point may be missing from its own nearest neighbours.
    itself[~itself.any(axis=1), -1] = True
    return found[~itself].reshape(len(rows), n_neighbors)


def to_codes(labels: Sequence, n_samples: int) -> np.ndarray:
    """Return labels as int32 codes 0, 1, 2, ... in their sorted order.

    Raises ValueError if labels are missing or not n_samples, TypeError if they are of other kinds
    than text, numbers and dates.
    """
    series = to_labels("labels", labels, n_samples)
    if series.null_count():
        raise ValueError(f"labels must not be missing, got {series.null_count()} missing")
    if series.dtype == pl.Categorical:  # sorts by first appearance
        series = series.cast(pl.String)
    return series.rank("dense").to_numpy().astype(np.int32) - 1


def share_correct(codes: np.ndarray, neighbors: np.ndarray) -> float:
    """Return `label_accuracy` for labels from `to_codes` and valid neighbours."""
    from animated.quality.kernels import count_correct  # loads numba

    return count_correct(codes, neighbors) / len(codes)


def check_half(n_neighbors: int, n_samples: int) -> None:
    """Raise ValueError unless n_neighbors is less than half of n_samples."""
    if not n_neighbors < n_samples / 2:
        raise ValueError(
            f"n_neighbors must be less than half of the {n_samples} samples, got {n_neighbors}"
        )


def _count_common(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    from animated.quality.kernels import count_common  # loads numba

    return count_common(before, after)


def _check_neighbors(neighbors: np.ndarray, n_samples: int) -> np.ndarray:
    neighbors = np.asarray(neighbors)
    if neighbors.ndim != 2 or neighbors.dtype.kind not in "iu" or not neighbors.size:
        got = f"{neighbors.dtype} {neighbors.shape}"
        raise ValueError(f"neighbors must be integers (n_samples, n_neighbors), got {got}")
    least, most = neighbors.min(), neighbors.max()
    if least < 0 or most >= n_samples:  # compiled code would read foreign memory
        raise ValueError(f"neighbors must be samples 0 to {n_samples - 1}, got {least} to {most}")
    return neighbors
