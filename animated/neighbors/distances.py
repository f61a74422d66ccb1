"""Euclidean distances between all pairs of samples, for the methods that need every pair."""

import numpy as np

from animated.storage.numba_cache import numba
from animated.validation import check_features

# All pairs of this many samples take 100 MB, and a step of a method about 15 ms on two cores.
LIMIT = 5_000


def find_distances(X: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances between all samples, float32 (n_samples, n_samples).

    X: float32 array (n_samples, n_features), finite, with at most `LIMIT` samples.

    Raises ValueError for more samples, and whatever `check_features` raises.

        find_distances([[0, 0], [3, 4]])  # [[0, 5], [5, 0]]
    """
    X = check_features(X)
    check_limit("find_distances", X)
    return _measure(X)


def check_limit(name: str, X: np.ndarray) -> None:
    """Raise ValueError if `X` has too many samples for a function that compares all pairs.

    name: the function, which the message mentions.
    """
    if len(X) > LIMIT:
        raise ValueError(
            f"{name} compares all pairs, so X must have at most {LIMIT} samples, got {len(X)}; "
            f"draw a sample, as with X[np.random.default_rng(0).choice(len(X), {LIMIT}, False)]"
        )


def check_distances(distances: np.ndarray | None, X: np.ndarray) -> np.ndarray:
    """Return valid distances between the samples of `X`, float32 (n_samples, n_samples).

    distances: an array of that shape; None computes the Euclidean distances.

    Raises TypeError if the distances are not numbers, and ValueError if they have another shape,
    are negative, infinite or NaN, or are not symmetric.
    """
    if distances is None:
        return find_distances(X)
    try:
        distances = np.ascontiguousarray(distances, dtype=np.float32)
    except (TypeError, ValueError):
        kind = type(distances).__name__
        raise TypeError(f"distances must be an array of numbers, got {kind}") from None
    shape = (len(X), len(X))
    if distances.shape != shape:
        raise ValueError(f"distances must have shape {shape}, got {distances.shape}")
    least, most = distances.min(), distances.max()
    if not (least >= 0 and most < np.inf):  # false for NaN, too
        raise ValueError(f"distances must be finite and not negative, got {least} to {most}")
    gap = np.abs(distances - distances.T).max()
    if gap > 1e-3 * most:  # far more than a rounding error
        raise ValueError(
            f"distances must be symmetric, got two directions that differ by up to {gap}"
        )
    return distances


@numba.njit(cache=True, nogil=True, fastmath={"reassoc"})
def square_distance(a, b):
    """Return the squared Euclidean distance of two samples, float32 (n_features,), as float64."""
    square = 0.0
    for i in range(len(a)):
        difference = np.float64(a[i]) - np.float64(b[i])
        square += difference * difference
    return square


@numba.njit(cache=True, parallel=True)
def _measure(X):
    n = len(X)
    distances = np.zeros((n, n), dtype=np.float32)
    # Only pairs below the diagonal are measured. A short row and a long one make equal shares.
    for share in numba.prange((n + 1) // 2):
        _fill_row(X, distances, np.int64(share))
        _fill_row(X, distances, n - 1 - np.int64(share))
    return distances


@numba.njit(cache=True)
def _fill_row(X, distances, i):
    for j in range(i):
        distances[i, j] = np.sqrt(square_distance(X[i], X[j]))
        distances[j, i] = distances[i, j]
