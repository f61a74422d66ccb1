"""Exact nearest neighbours: all pairs of samples, in blocks, on all cores.

A matrix product gives all squared distances between two blocks of samples at once,
|a - b|² = |a|² + |b|² - 2 ab, but in float32 not to the last digit. So it serves to rule out:
each value is lowered by more than rounding can have raised it, and only the few pairs that may
still be nearest are measured as what they are, a sum of squared differences in float64. Hence
the result depends neither on the library behind the product nor on the number of threads.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from animated.numba_cache import numba
from animated.progress import track

METRICS = ("euclidean", "l2", "cosine", "correlation")
# Samples in a block: enough for a fast product, few enough for 17 MB to hold it.
BLOCK = 2_048


def search(X: np.ndarray, n_neighbors: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest neighbours of every sample, itself first.

    X: float32 array (n_samples, n_features), finite, with at least n_neighbors samples.
    metric: one of `METRICS`.

    Returns indices, int32, and distances, float32, both (n_samples, n_neighbors), sorted by
    distance, and by index where it is the same.
    """
    if metric in ("euclidean", "l2"):
        return _Search(X, n_neighbors - 1).run()
    indices, distances = _Search(_to_directions(X, metric), n_neighbors - 1).run()
    return indices, distances**2 / 2  # which between unit vectors is 1 - cos


def _to_directions(X: np.ndarray, metric: str) -> np.ndarray:
    """Return every sample with length 1.

    A sample without a direction gets one of its own, at a right angle to all others:
    so its distance is 0 to its like and 1 to any other, as it is in umap-learn.
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


class _Search:
    """All pairs of samples, block by block, and what is nearest so far."""

    def __init__(self, X: np.ndarray, n_others: int):
        self.X = X
        # Around their centre, and no larger than 1, numbers lose least and cannot overflow.
        self.centre = X.mean(axis=0, dtype=np.float64).astype(np.float32)
        reach = (X.max(axis=0).astype(np.float64) - X.min(axis=0)).max()
        self.scale = np.float32(2.0 ** np.clip(-np.frexp(reach)[1], -126, 126))
        self.buffers = np.empty((2, min(BLOCK, len(X)), X.shape[1]), dtype=np.float32)
        self.products = np.empty(len(self.buffers[0]) ** 2, dtype=np.float32)
        self.norms = np.concatenate([self._measure(start) for start in self._starts()])
        self.indices = np.full((len(X), n_others), len(X), dtype=np.int32)
        self.squares = np.full((len(X), n_others), np.inf)
        # The largest of a sample's squares, in the scale of the blocks.
        self.limits = np.full(len(X), np.inf, dtype=np.float32)

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        pairs = [(a, b) for a in self._starts() for b in self._starts() if a <= b]
        with ThreadPoolExecutor(numba.get_num_threads()) as pool:
            for a, b in track(pairs, "Neighbours", unit="block"):
                self._compare(a, b, pool)
        itself = np.arange(len(self.X), dtype=np.int32)[:, None]
        distances = np.sqrt(self.squares).astype(np.float32)
        nothing = np.zeros_like(itself, dtype=np.float32)
        return np.hstack([itself, self.indices]), np.hstack([nothing, distances])

    def _starts(self) -> range:
        return range(0, len(self.X), BLOCK)

    def _load(self, start: int, buffer: int) -> np.ndarray:
        rows = self.X[start : start + BLOCK]
        block = self.buffers[buffer, : len(rows)]
        np.subtract(rows, self.centre, out=block)
        return np.multiply(block, self.scale, out=block)

    def _measure(self, start: int) -> np.ndarray:
        """Return the samples' squared lengths, less what rounding may add to a distance."""
        block = self._load(start, 0)
        n_features, single = block.shape[1], np.finfo(np.float32)
        slack = (n_features + 16) * single.eps
        return (1 - slack) * np.einsum("ij,ij->i", block, block) - 4 * n_features * single.tiny

    def _compare(self, a: int, b: int, pool: Executor) -> None:
        """Compare the block that starts at `a` with the one that starts at `b`, both ways."""
        rows = self._load(a, 0)
        columns = rows if a == b else self._load(b, 1)
        products = self.products[: len(rows) * len(columns)].reshape(len(rows), len(columns))
        np.matmul(rows, columns.T, out=products)
        n_shares = numba.get_num_threads()
        shares = [
            pool.submit(self._scan, a, b, products, row_share, column_share)
            for row_share, column_share in zip(
                _split(len(rows), n_shares),
                # A block compared with itself already has every pair both ways.
                _split(0 if a == b else len(columns), n_shares),
                strict=True,
            )
        ]
        for share in shares:
            share.result()

    def _scan(self, *arguments) -> None:
        _scan(self.X, self.norms, self.scale, self.indices, self.squares, self.limits, *arguments)


def _split(n: int, n_shares: int) -> Iterator[tuple[int, int]]:
    return pairwise(n * share // n_shares for share in range(n_shares + 1))


@numba.njit(cache=True, nogil=True)
def _scan(X, norms, scale, indices, squares, limits, a, b, products, row_share, column_share):
    """Find nearer ones in `products` for a share of its rows, then for a share of its columns."""
    two = np.float32(2)
    # Not being farther, instead of being nearer, lets pass what overflows to NaN.
    for i in range(row_share[0], row_share[1]):
        for j in range(products.shape[1]):
            bound = norms[a + i] + norms[b + j] - two * products[i, j]
            if not bound > limits[a + i] and a + i != b + j:
                _offer(X, scale, indices, squares, limits, a + i, b + j)
    for i in range(products.shape[0]):
        for j in range(column_share[0], column_share[1]):
            bound = norms[a + i] + norms[b + j] - two * products[i, j]
            if not bound > limits[b + j]:
                _offer(X, scale, indices, squares, limits, b + j, a + i)


@numba.njit(cache=True, nogil=True)
def _offer(X, scale, indices, squares, limits, i, j):
    """Insert sample `j` among the nearest of sample `i`, if it is one of them."""
    square = square_distance(X[i], X[j])
    place = indices.shape[1]
    while place > 0 and (square, j) < (squares[i, place - 1], indices[i, place - 1]):
        place -= 1
        if place + 1 < indices.shape[1]:
            squares[i, place + 1] = squares[i, place]
            indices[i, place + 1] = indices[i, place]
    if place < indices.shape[1]:
        squares[i, place], indices[i, place] = square, j
        limits[i] = squares[i, -1] * scale * scale


@numba.njit(cache=True, nogil=True, fastmath={"reassoc"})
def square_distance(a, b):
    """Return the squared distance of two samples, float32 (n_features,), in float64."""
    square = 0.0
    for i in range(len(a)):
        difference = np.float64(a[i]) - np.float64(b[i])
        square += difference * difference
    return square
