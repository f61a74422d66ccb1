"""Exact nearest neighbours: scikit-learn's brute-force search, with a rule for ties.

scikit-learn compares all pairs of samples through matrix products, which round, and it returns
equally near samples in no particular order. So it is asked for a few candidates more than needed.
Their distances are computed anew as sums of squared differences, and the nearest are chosen by
distance, then by index. Where a sample outside the candidates could be as near, because of many
ties or of rounding, all samples become candidates. The result therefore depends neither on
scikit-learn's order nor on the number of cores.
"""

from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from sklearn import config_context
from sklearn.neighbors import NearestNeighbors

from animated.neighbors.distances import square_distance
from animated.progress import track
from animated.storage.numba_cache import numba

# Queries between two steps of the progress bar, which is also where Ctrl-C can stop the search.
BLOCK = 1_024
# Candidates beyond the neighbours wanted: enough that few samples of real data need all pairs.
N_SPARE = 5


def search(X: np.ndarray, n_neighbors: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest neighbours of every sample, itself first.

    X: float32 array (n_samples, n_features), finite, with at least n_neighbors samples.
    metric: "euclidean", "l2", "cosine" or "correlation".

    Returns indices, int32, and distances, float32, both (n_samples, n_neighbors), sorted by
    distance, and by index where distances are equal.
    """
    if metric in ("euclidean", "l2"):
        return _search_euclidean(X, n_neighbors)
    indices, distances = _search_euclidean(_to_directions(X, metric), n_neighbors)
    return indices, distances**2 / 2  # which is 1 - cos for unit vectors


def _to_directions(X: np.ndarray, metric: str) -> np.ndarray:
    """Return every sample scaled to length 1.

    Samples without a direction, such as zeros, share one of their own at a right angle to all
    others: their distance is 0 to each other and 1 to any other sample, as in umap-learn.
    """
    directions = np.zeros((len(X), X.shape[1] + 1), dtype=np.float32)
    for start in range(0, len(X), BLOCK):
        rows = X[start : start + BLOCK].astype(np.float64)
        if metric == "correlation":
            rows -= rows.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        directions[start : start + BLOCK, :-1] = rows / np.where(lengths == 0, 1, lengths)
        directions[start : start + BLOCK, -1:] = lengths == 0
    return directions


def _search_euclidean(X: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    n_candidates = min(n_neighbors + N_SPARE, len(X))
    model = NearestNeighbors(n_neighbors=n_candidates, algorithm="brute", n_jobs=-1)
    shape = (len(X), n_neighbors)
    indices, distances = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32)
    # `X` has been checked; summing it up again could overflow.
    with (
        config_context(assume_finite=True),
        ThreadPoolExecutor(numba.get_num_threads()) as pool,
    ):
        model.fit(X)
        for start in track(range(0, len(X), BLOCK), "Neighbours", unit="block"):
            candidates = model.kneighbors(X[start : start + BLOCK], return_distance=False)
            block = slice(start, start + BLOCK)
            _select_rows(pool, X, start, candidates, indices[block], distances[block])
    return indices, distances


def _select_rows(pool: Executor, X: np.ndarray, start: int, *rows: np.ndarray) -> None:
    """Call `select_nearest` with a share of the rows for every thread."""
    n_threads = numba.get_num_threads()
    bounds = [len(rows[0]) * share // n_threads for share in range(n_threads + 1)]
    shares = [
        pool.submit(select_nearest, X, start + low, *(array[low:high] for array in rows))
        for low, high in pairwise(bounds)
    ]
    for share in shares:
        share.result()


@numba.njit(cache=True, nogil=True)
def select_nearest(X, start, candidates, indices, distances):
    """Fill in the nearest candidates of the samples from `start` on, a row for each sample."""
    n_neighbors = indices.shape[1]
    for row in range(len(candidates)):
        i, nearest = start + row, np.sort(candidates[row])
        squares = _measure(X, i, nearest)
        by_distance = np.sort(squares)
        within, beyond = by_distance[n_neighbors - 1], by_distance[-1]
        if len(nearest) < len(X) and not beyond - within > _bound_rounding(X[i], beyond):
            nearest = np.arange(len(X))
            squares = _measure(X, i, nearest)
            nearest, squares = nearest[squares <= within], squares[squares <= within]
        order = np.argsort(squares, kind="mergesort")[:n_neighbors]  # stable: ties stay by index
        indices[row] = nearest[order]
        distances[row] = np.sqrt(np.maximum(squares[order], 0))


@numba.njit(cache=True, nogil=True)
def _measure(X, i, others):
    """Return the squared distances of sample `i` to others, -1 to itself so that it is first."""
    squares = np.empty(len(others))
    for place in range(len(others)):
        j = others[place]
        squares[place] = -1 if j == i else square_distance(X[i], X[j])
    return squares


@numba.njit(cache=True, nogil=True)
def _bound_rounding(sample, square):
    """Return a bound on how much rounding can change the order of two squared distances.

    scikit-learn computes |a|² + |b|² - 2ab in float64. With n features its error is at most
    2 n ε (|a|² + |b|²), and |b| is at most |a| + |a - b|. The bound leaves a factor of two.

    square: the larger squared distance from `sample`.
    """
    length = np.sqrt(square_distance(sample, np.zeros_like(sample)))
    lengths = length**2 + (length + np.sqrt(square)) ** 2
    return 8 * (len(sample) + 4) * np.finfo(np.float64).eps * lengths
