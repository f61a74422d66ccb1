"""Rank all samples by their distance to a few of them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from animated.progress import track
from animated.storage.numba_cache import numba

# Queries per thread whose distances to all samples are in memory at once.
BLOCK = 64


def rank_samples(X: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return, for each query, the rank of every sample by distance to it.

    X: float array (n_samples, n_features).
    queries: int array (n_queries,) of rows of `X`.

    Returns an unsigned int array (n_queries, n_samples), which takes two bytes per entry for up to
    65,536 samples. Rank 0 is the query itself, rank 1 its nearest neighbour; of two samples at the
    same distance, the one that comes first in `X` ranks first. Squared distances are computed
    from matrix products in float64, which is exact for whole numbers such as pixels.
    """
    X = np.asarray(X, dtype=np.float64)
    # Numbers around 0 lose the least precision. A whole centre keeps whole numbers whole.
    X = X - np.rint(X.mean(axis=0))
    norms = np.einsum("ij,ij->i", X, X)
    ranks = np.empty((len(queries), len(X)), dtype=np.min_scalar_type(len(X) - 1))

    def rank_block(start: int) -> None:
        rows = queries[start : start + BLOCK]
        squares = norms - 2 * (X[rows] @ X.T)
        squares[np.arange(len(rows)), rows] = -np.inf
        order = np.argsort(squares, axis=1, kind="stable")
        places = np.arange(len(X), dtype=ranks.dtype)[None]
        np.put_along_axis(ranks[start : start + BLOCK], order, places, axis=1)

    with ThreadPoolExecutor(numba.get_num_threads()) as pool:
        starts = range(0, len(queries), BLOCK)
        list(track(pool.map(rank_block, starts), "Ranks", total=len(starts), unit="block"))
    return ranks
