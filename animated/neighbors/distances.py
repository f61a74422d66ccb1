"""The distances of all pairs of samples, for the methods that look at each of them."""

import numpy as np

from animated.neighbors.exact import square_distance
from animated.numba_cache import numba
from animated.validation import check_features

# All pairs of so many samples take 100 MB, and a step of a method about 15 ms on two cores.
LIMIT = 5_000


def find_distances(X: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances between all samples, float32 (n_samples, n_samples).

    X: float32 array (n_samples, n_features), finite, of at most `LIMIT` samples.

    Raises ValueError for more, and what `check_features` raises.
    """
    X = check_features(X)
    check_limit("find_distances", X)
    return _measure(X)


def check_limit(name: str, X: np.ndarray) -> None:
    """Raise ValueError when there are more samples than the pairs of which can be looked at."""
    if len(X) > LIMIT:
        raise ValueError(
            f"{name} looks at all pairs, so X must have at most {LIMIT} samples, got {len(X)}; "
            f"sample it, as with X[np.random.default_rng(0).choice(len(X), {LIMIT}, False)]"
        )


def check_distances(distances: np.ndarray | None, X: np.ndarray) -> np.ndarray:
    """Return float32 distances between the samples of `X`, those that are given or new ones.

    Raises TypeError when the given ones are no numbers, and ValueError when they have another
    shape, one is negative or not finite, or those from i to j are not those from j to i.
    """
    if distances is None:
        return find_distances(X)
    try:
        distances = np.ascontiguousarray(distances, dtype=np.float32)
    except (TypeError, ValueError):
        kind = type(distances).__name__
        raise TypeError(f"distances must be an array of numbers, got {kind}") from None
    wanted = (len(X), len(X))
    if distances.shape != wanted:
        raise ValueError(f"distances must have shape {wanted}, got {distances.shape}")
    least, most = distances.min(), distances.max()
    if not (least >= 0 and most < np.inf):  # NaN is neither
        raise ValueError(f"distances must be finite and not negative, got {least} to {most}")
    gap = np.abs(distances - distances.T).max()
    if gap > 1e-3 * most:  # far more than rounding errors
        raise ValueError(f"distances must be symmetric, got some that differ by {gap}")
    return distances


@numba.njit(cache=True, parallel=True)
def _measure(X):
    n = len(X)
    distances = np.zeros((n, n), dtype=np.float32)
    # Only what is below the diagonal is measured; a short row and a long one make equal shares.
    for share in numba.prange((n + 1) // 2):
        _fill_row(X, distances, np.int64(share))
        _fill_row(X, distances, n - 1 - np.int64(share))
    return distances


@numba.njit(cache=True)
def _fill_row(X, distances, i):
    for j in range(i):
        distances[i, j] = np.sqrt(square_distance(X[i], X[j]))
        distances[j, i] = distances[i, j]
