"""Sums over pairs of points in an embedding: exact over edges, estimated over all pairs.

Where v = 1 / (1 + a d^(2b)) is UMAP's similarity of two points at distance d, attraction is
-log v and repulsion -log(1 - v).

All pairs of 30,000 points would take seconds per embedding. So the sum of their repulsion comes
from a grid, exact for points in the middle of their cells, plus the error of the grid in some
random pairs, scaled up to all pairs. The grid adds no bias, and removes most of the variance.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from scipy.fft import irfftn, rfftn

from animated.storage.numba_cache import numba

# umap-learn adds this to the squared distance that it divides by in repulsion. It keeps the force
# between coincident points finite, and here their loss.
SOFTENING = 0.001
# Cells along the longer side of an embedding by its components: finer cells leave less to chance.
CELLS = {2: 256, 3: 32}
# The number of partial sums; it is fixed so that rounding does not depend on the number of threads.
PARTS = 32

Pairs = tuple[np.ndarray, np.ndarray]


def draw_pairs(n_samples: int, n_pairs: int, seed: int) -> Pairs:
    """Return the indices of pairs of different samples: all of them, or n_pairs at random.

    Returns two int32 arrays, of the same length.
    """
    if n_samples * (n_samples - 1) // 2 <= n_pairs:
        heads, tails = np.triu_indices(n_samples, 1)
    else:
        random = np.random.default_rng(seed)
        heads = random.integers(0, n_samples, n_pairs)
        tails = (heads + random.integers(1, n_samples, n_pairs)) % n_samples
    return heads.astype(np.int32), tails.astype(np.int32)


def sum_edges(
    embedding: np.ndarray, edges: Pairs, weights: np.ndarray, a: float, b: float
) -> tuple[float, float]:
    """Return the sums of w_ij attraction_ij and w_ij repulsion_ij over weighted edges.

    embedding: float64 (n_samples, n_components).
    edges, weights: heads, tails and w of the edges, each (n_edges,).
    """
    return _sum(_sum_edges, edges, a, b, embedding, weights)


def estimate_repulsion(
    embedding: np.ndarray, pairs: Pairs, degrees: np.ndarray, a: float, b: float
) -> tuple[float, float]:
    """Estimate the sums of repulsion_ij and (d_i + d_j) repulsion_ij over all pairs i < j.

    embedding: float64 (n_samples, 2) or (n_samples, 3).
    pairs: from `draw_pairs`; with all pairs the sums are exact.
    degrees: d, float64 (n_samples,).
    """
    n_samples, (heads, _) = len(embedding), pairs
    cells, by_steps = _make_grid(embedding, a, b)
    scale = n_samples * (n_samples - 1) / 2 / len(heads)
    error, error_by_degree = _sum(_sum_errors, pairs, a, b, embedding, degrees, cells, by_steps)
    total, by_degree = _sum_cells(cells, by_steps, degrees)
    return total + scale * error, by_degree + scale * error_by_degree


def _sum(
    kernel: Callable, pairs: Pairs, a: float, b: float, *arrays: np.ndarray
) -> tuple[float, float]:
    """Return the two sums that `kernel` computes over pairs of points, on all cores."""
    bounds = pairwise(len(pairs[0]) * part // PARTS for part in range(PARTS + 1))
    with ThreadPoolExecutor(numba.get_num_threads()) as pool:
        sums = pool.map(lambda bound: kernel(*bound, *pairs, a, b, *arrays), bounds)
        first, second = zip(*sums, strict=True)
    return math.fsum(first), math.fsum(second)


def _make_grid(embedding: np.ndarray, a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Return every point's cell, and the repulsion of two cells by their squared steps apart."""
    n_cells, n_axes = CELLS[embedding.shape[1]], embedding.shape[1]
    low = embedding.min(axis=0)
    width = float((embedding.max(axis=0) - low).max()) / n_cells or 1.0
    cells = np.minimum((embedding - low) / width, n_cells - 1).astype(np.int32)
    # The mean squared distance of two points whose cells are that many steps apart.
    squares = width**2 * (np.arange(n_axes * n_cells**2 + 1) + n_axes / 6)
    return cells, repel(squares, a, b)


def _sum_cells(cells: np.ndarray, by_steps: np.ndarray, degrees: np.ndarray) -> tuple[float, float]:
    """Return the sums of `estimate_repulsion` with the repulsion of the cells of each pair.

    The sum over all cells for every cell is a convolution. The grid is padded to twice its width,
    so that the convolution does not wrap around.
    """
    n_axes = cells.shape[1]
    side = 2 * CELLS[n_axes]
    shape = (side,) * n_axes
    places = np.ravel_multi_index(cells.T, shape)
    points, weights = (
        np.bincount(places, values, math.prod(shape)).reshape(shape) for values in (None, degrees)
    )
    squares = np.minimum(np.arange(side), side - np.arange(side)) ** 2
    around = by_steps[sum(np.meshgrid(*[squares] * n_axes, indexing="ij", sparse=True))]
    repulsion = irfftn(rfftn(points) * rfftn(around), shape)
    # This counts every pair from both ends, and every point with itself.
    itself = by_steps[0]
    total = (points * repulsion).sum() - itself * len(cells)
    by_degree = (weights * repulsion).sum() - itself * degrees.sum()
    return float(total / 2), float(by_degree)


@numba.njit(cache=True, nogil=True)
def _sum_edges(start, stop, heads, tails, a, b, embedding, weights):
    """Return the sums of `sum_edges` over the edges from `start` to `stop`."""
    attraction, repulsion = 0.0, 0.0
    for edge in range(start, stop):
        square = square_length(embedding, heads[edge], tails[edge])
        attraction += weights[edge] * np.log1p(a * square**b)
        repulsion += weights[edge] * repel(square, a, b)
    return attraction, repulsion


@numba.njit(cache=True, nogil=True)
def _sum_errors(start, stop, heads, tails, a, b, embedding, degrees, cells, by_steps):
    """Return the errors of the grid in the sums of `estimate_repulsion` over some pairs."""
    total, by_degree = 0.0, 0.0
    for pair in range(start, stop):
        i, j = heads[pair], tails[pair]
        apart = 0
        for k in range(cells.shape[1]):
            apart += (cells[i, k] - cells[j, k]) ** 2
        error = repel(square_length(embedding, i, j), a, b) - by_steps[apart]
        total += error
        by_degree += (degrees[i] + degrees[j]) * error
    return total, by_degree


@numba.njit(cache=True, nogil=True)
def repel(square, a, b):
    """Return -log(1 - v) = log(1 + 1 / (a d^(2b))) for the squared distance d²."""
    return np.log1p(1 / (a * (square + SOFTENING) ** b))


@numba.njit(cache=True, nogil=True)
def square_length(embedding, i, j):
    """Return the squared distance of points i and j."""
    square = 0.0
    for k in range(embedding.shape[1]):
        difference = embedding[i, k] - embedding[j, k]
        square += difference * difference
    return square
