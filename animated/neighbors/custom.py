"""Nearest neighbours by a distance of your own, from all pairs of samples and on all cores.

NN-descent accepts such a distance, too, but is compiled anew for it, which takes longer than
comparing all pairs of a few thousand samples.
"""

from collections.abc import Callable

import numpy as np

from animated.neighbors.distances import check_distances, check_limit
from animated.neighbors.search import Neighbors
from animated.progress import track
from animated.storage.numba_cache import numba
from animated.validation import check_features, check_integer

# Rows of distances between two steps of the progress bar.
BLOCK = 128
# The metric is checked on this many samples before all pairs are compared.
N_TRIED = 20


def search_pairs(
    X: np.ndarray, n_neighbors: int = 15, *, metric: Callable[[np.ndarray, np.ndarray], float]
) -> Neighbors:
    """Return the `n_neighbors` nearest neighbours of every sample by `metric`, itself included.

        @numba.njit
        def city_block(a, b):
            return np.abs(a - b).sum()

        search_pairs(X, metric=city_block)

    X: float32 array (n_samples, n_features), finite, with at most
        `animated.neighbors.distances.LIMIT` samples.
    metric: a function compiled by `numba.njit` that takes two samples, float32 (n_features,), and
        returns their distance. Distances must be finite, at least 0, the same in both directions,
        and 0 from a sample to itself.

    Returns neighbours sorted by distance, and by index where distances are equal. All cores work,
    and their number does not change the result. The distances take 4 bytes per pair of samples.

    Raises TypeError if the metric is not compiled, and ValueError if n_neighbors is not from 2 to
    n_samples - 1, if there are too many samples, or if the metric returns an invalid distance. The
    first samples are checked before the others are compared. Also raises whatever
    `check_features` raises.
    """
    X = check_features(X)
    check_limit("search_pairs", X)
    check_integer("n_neighbors", n_neighbors, 2, len(X) - 1)
    _check_metric(metric, X[:N_TRIED])
    distances = np.zeros((len(X), len(X)), dtype=np.float32)
    # Only pairs below the diagonal are measured. A short row and a long one make equal shares.
    n_shares = (len(X) + 1) // 2
    for start in track(range(0, n_shares, BLOCK), "Neighbours", unit="block"):
        _measure(X, metric, distances, start, min(start + BLOCK, n_shares))
    least, most = distances.min(), distances.max()
    if not (least >= 0 and most < np.inf):  # false for NaN, too
        raise ValueError(
            f"metric must return finite distances of at least 0, got {least} to {most}"
        )
    return Neighbors(*_select(distances, n_neighbors))


def _check_metric(metric: Callable[[np.ndarray, np.ndarray], float], X: np.ndarray) -> None:
    if not numba.extending.is_jitted(metric):
        raise TypeError(f"metric must be a function compiled by numba.njit, got {metric!r}")
    distances = np.array([[metric(a, b) for b in X] for a in X])
    if distances.shape != (len(X), len(X)):
        raise ValueError(f"metric must return a number, got {metric(X[0], X[0])!r}")
    distances = check_distances(distances, X)
    farthest = distances.diagonal().max()
    if farthest > 1e-3 * distances.max():  # far more than a rounding error
        raise ValueError(f"metric must be 0 from a sample to itself, got {farthest}")


@numba.njit(parallel=True)
def _measure(X, metric, distances, start, stop):
    n = len(X)
    for share in numba.prange(start, stop):
        for i in (np.int64(share), n - 1 - np.int64(share)):
            for j in range(i):
                distances[i, j] = distances[j, i] = metric(X[i], X[j])


@numba.njit(cache=True, parallel=True)
def _select(distances, n_neighbors):
    """Return indices and distances of the nearest samples in every row, itself first."""
    shape = (len(distances), n_neighbors)
    indices, nearest = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32)
    for i in numba.prange(len(distances)):
        row = distances[i].copy()
        row[i] = -1
        chosen = np.argsort(row, kind="mergesort")[:n_neighbors]
        indices[i], nearest[i] = chosen, distances[i][chosen]
    return indices, nearest
