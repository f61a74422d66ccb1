"""Who is the how many nearest: all samples ranked by their distance from a few of them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from animated.numba_cache import numba
from animated.progress import track

# Queries whose distances to all samples are in memory at once, for each thread.
BLOCK = 64


def rank_samples(X: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return for each query and each sample the how many nearest of the query the sample is.

    X: float array (n_samples, n_features).
    queries: int array (n_queries,) of rows of `X`.

    Returns an unsigned int array (n_queries, n_samples), of two bytes an entry up to 65,536
    samples: 0 is the query itself, 1 its nearest. Of samples as far the first in `X` is nearer.
    Squared distances are products in float64: exact for whole numbers such as pixels.
    """
    X = np.asarray(X, dtype=np.float64)
    X = X - np.rint(X.mean(axis=0))  # numbers around 0 lose least, and whole ones stay whole
    norms = np.einsum("ij,ij->i", X, X)
    ranks = np.empty((len(queries), len(X)), dtype=np.min_scalar_type(len(X) - 1))

    def rank(start: int) -> None:
        rows = queries[start : start + BLOCK]
        squares = norms - 2 * (X[rows] @ X.T)
        squares[np.arange(len(rows)), rows] = -np.inf
        order = np.argsort(squares, axis=1, kind="stable")
        places = np.arange(len(X), dtype=ranks.dtype)[None]
        np.put_along_axis(ranks[start : start + BLOCK], order, places, axis=1)

    with ThreadPoolExecutor(numba.get_num_threads()) as pool:
        blocks = range(0, len(queries), BLOCK)
        list(track(pool.map(rank, blocks), "Ranks", total=len(blocks), unit="block"))
    return ranks
