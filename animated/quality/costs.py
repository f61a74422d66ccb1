"""What UMAP minimises: the cross-entropy of the textbook, and what its steps descend instead.

With the weights w_ij of the data's graph and v_ij = 1 / (1 + a |y_i - y_j|^(2b)) in the layout:

    attraction     = Σ w_ij (-log v_ij)                      over all edges i, j
    repulsion      = Σ (1 - w_ij) (-log(1 - v_ij))           over all pairs i < j
    cross_entropy  = attraction + repulsion                  without the terms that are constant
    cost           = attraction + Σ m (d_i + d_j) / (4n) (-log(1 - v_ij))

In `cost`, d_i = Σ_j w_ij, n is the number of samples and m the negative_sample_rate. Why: in an
epoch umap-learn takes the edge from i to j, and likewise that from j to i, w_ij times, and moves
both ends together. So attraction moves a point by 2 Σ_j w_ij times its gradient. Each time it
draws m of the n samples and repels i from them, but not them from i. So repulsion from each other
sample moves a point by d_i m / n times its gradient, which is 2 d_i m / (2n) against the 2 w_ij of
attraction. A loss has one weight for both ends of a pair, and the mean of d_i m / (2n) and
d_j m / (2n) is the weight above. (What remains, of d_i - d_j, is the gradient of no loss.)

Damrich and Hamprecht, "On UMAP's true loss function", NeurIPS 2021, arXiv:2103.14608, have
m (d_i + d_j) / (2n), twice as much: the mean of the sampled terms, which a step would descend if
it moved both ends of a repelled pair, too.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from animated.numba_cache import numba  # first, as umap-learn compiles on import

# isort: split
import numpy as np
from scipy.fft import irfftn, rfftn
from scipy.sparse import coo_matrix, csr_matrix, triu
from umap.umap_ import find_ab_params, fuzzy_simplicial_set

from animated.geometry import check_embedding
from animated.neighbors.search import Neighbors, cut_neighbors, find_neighbors
from animated.validation import check_features, check_integer

# umap-learn adds this to the squared distance by which it divides in repulsion, so that
# coincident points repel each other with a finite force, and here they have a finite loss.
SOFTENING = 0.001
# Cells along the longer side of a layout: the finer, the less is left to random pairs.
CELLS = {2: 256, 3: 32}
# Sums are taken in so many parts, whatever the number of threads, so that they round alike.
PARTS = 32


class UmapLoss:
    """The losses of UMAP for layouts of one data set; prepared once, then called with each layout.

    loss = UmapLoss(X, n_epochs=199)
    loss(embedding)["cost"]
    """

    def __init__(
        self,
        X: np.ndarray,
        *,
        n_epochs: int | None = None,
        n_neighbors: int = 15,
        min_dist: float = 0.1,
        spread: float = 1.0,
        negative_sample_rate: int = 5,
        neighbors: Neighbors | None = None,
        n_pairs: int = 300_000,
        seed: int = 0,
    ):
        """Make the graph of `X` that umap-learn would make, and draw the pairs to look at.

        X: float32 array (n_samples, n_features), finite.
        n_epochs, n_neighbors, min_dist, spread, negative_sample_rate: as for `umap`; umap-learn
            drops the edges that are too weak to be sampled in n_epochs.
        neighbors: what `find_neighbors` returned for `X`, at least n_neighbors of them.
        n_pairs: on how many pairs, drawn by `seed`, repulsion is estimated; where there are no
            more pairs than that, all are taken and nothing is estimated.

        Raises ValueError for bad arguments, before any search.
        """
        X = check_features(X)
        check_integer("n_neighbors", n_neighbors, 2, len(X) - 1)
        check_integer("negative_sample_rate", negative_sample_rate, 0)
        check_integer("n_pairs", n_pairs, 1)
        if n_epochs is not None:
            check_integer("n_epochs", n_epochs, 0)
        if not 0 <= min_dist <= spread or not spread > 0:
            raise ValueError(
                f"min_dist must be from 0 to spread, got min_dist {min_dist} and spread {spread}"
            )
        if neighbors is None:
            neighbors = find_neighbors(X, n_neighbors)
        neighbors = cut_neighbors(neighbors, len(X), n_neighbors)
        self.a, self.b = map(float, find_ab_params(spread, min_dist))
        graph = make_graph(X, neighbors, n_epochs)
        self.degrees = np.asarray(graph.astype(np.float64).sum(axis=1)).ravel()
        edges = coo_matrix(triu(graph))
        self.edges = edges.row, edges.col
        self.weights = edges.data.astype(np.float64)
        self.pairs = _draw_pairs(len(X), n_pairs, seed)
        self.share = negative_sample_rate / (4 * len(X))

    def __call__(self, embedding: np.ndarray) -> dict[str, float]:
        """Return `attraction`, `repulsion`, `cross_entropy` and `cost` of a layout.

        embedding: float array (n_samples, 2) or (n_samples, 3), finite, in UMAP's own units.

        Attraction is exact. Repulsion and cost are as good as the pairs: in 2-D, at 30,000 digits
        and 300,000 pairs, within 0.2 % of the sum over all pairs. None of it depends on the number
        of threads.
        Raises ValueError when the layout is not one of these samples.
        """
        embedding = check_embedding(embedding, len(self.degrees))
        attraction, near = self._sum(_attract, self.edges, embedding, self.weights)
        far, far_by_degree = self._sum_pairs(embedding)
        repulsion = far - near
        return {
            "attraction": attraction,
            "repulsion": repulsion,
            "cross_entropy": attraction + repulsion,
            "cost": attraction + self.share * far_by_degree,
        }

    def _sum_pairs(self, embedding: np.ndarray) -> tuple[float, float]:
        """Estimate the sums of r_ij and (d_i + d_j) r_ij over all pairs, where r = -log(1 - v).

        A grid gives them exactly for points that sit in the middle of their cells; the mean of
        what this misses in some pairs, times the number of pairs, is what it misses in all.
        So the grid adds no bias, and leaves out most of the variance.
        """
        n_samples, (heads, _) = len(embedding), self.pairs
        cells, steps = _make_grid(embedding, self.a, self.b)
        scale = n_samples * (n_samples - 1) / 2 / len(heads)
        missed = self._sum(_repel, self.pairs, embedding, self.degrees, cells, steps)
        known = _sum_cells(cells, steps, self.degrees)
        return known[0] + scale * missed[0], known[1] + scale * missed[1]

    def _sum(self, kernel: Callable, pairs: tuple, *arrays: np.ndarray) -> tuple[float, float]:
        """Return the two sums that `kernel` takes over pairs of points, on all cores."""
        bounds = pairwise(len(pairs[0]) * part // PARTS for part in range(PARTS + 1))
        with ThreadPoolExecutor(numba.get_num_threads()) as pool:
            sums = pool.map(lambda bound: kernel(*bound, *pairs, self.a, self.b, *arrays), bounds)
            first, second = zip(*sums, strict=True)
        return math.fsum(first), math.fsum(second)


def make_graph(X: np.ndarray, neighbors: Neighbors, n_epochs: int | None = None) -> csr_matrix:
    """Return the symmetric weights w_ij whose edges umap-learn samples in a run of `n_epochs`.

    n_epochs: None for umap-learn's own default.
    """
    n_neighbors = neighbors.indices.shape[1]
    graph, *_ = fuzzy_simplicial_set(
        X,
        n_neighbors,
        None,
        "euclidean",
        knn_indices=neighbors.indices,
        knn_dists=neighbors.distances,
    )
    # As simplicial_set_embedding does: an edge is sampled w / max(w) times an epoch.
    default = 500 if len(X) <= 10_000 else 200
    steps = n_epochs if n_epochs is not None and n_epochs > 10 else default
    graph.data[graph.data < graph.data.max() / float(steps)] = 0.0
    graph.eliminate_zeros()
    return graph


def _draw_pairs(n_samples: int, n_pairs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of pairs of different samples: all, or so many at random."""
    if n_samples * (n_samples - 1) // 2 <= n_pairs:
        heads, tails = np.triu_indices(n_samples, 1)
    else:
        random = np.random.default_rng(seed)
        heads = random.integers(0, n_samples, n_pairs)
        tails = (heads + random.integers(1, n_samples, n_pairs)) % n_samples
    return heads.astype(np.int32), tails.astype(np.int32)


def _make_grid(embedding: np.ndarray, a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Return every point's cell, and the repulsion between cells by their squared steps apart."""
    n_cells, n_axes = CELLS[embedding.shape[1]], embedding.shape[1]
    low = embedding.min(axis=0)
    width = float((embedding.max(axis=0) - low).max()) / n_cells or 1.0
    cells = np.minimum((embedding - low) / width, n_cells - 1).astype(np.int32)
    # The mean squared distance of two points in cells so many steps apart.
    squares = width**2 * (np.arange(n_axes * n_cells**2 + 1) + n_axes / 6)
    return cells, _repulsion(squares, a, b)


def _sum_cells(cells: np.ndarray, steps: np.ndarray, degrees: np.ndarray) -> tuple[float, float]:
    """Return the sums of r_ij and (d_i + d_j) r_ij over all pairs, with r that of their cells.

    The sum over all cells for every cell is a convolution; the grid is twice as wide as the
    cells in use, so that it does not wrap around.
    """
    n_axes = cells.shape[1]
    side = 2 * CELLS[n_axes]
    shape = (side,) * n_axes
    places = np.ravel_multi_index(cells.T, shape)
    points, weights = (
        np.bincount(places, values, math.prod(shape)).reshape(shape) for values in (None, degrees)
    )
    squares = np.minimum(np.arange(side), side - np.arange(side)) ** 2
    around = steps[sum(np.meshgrid(*[squares] * n_axes, indexing="ij", sparse=True))]
    repulsion = irfftn(rfftn(points) * rfftn(around), shape)
    # Every pair was met from both ends, and every point has met itself.
    itself = steps[0]
    total = (points * repulsion).sum() - itself * len(cells)
    by_degree = (weights * repulsion).sum() - itself * degrees.sum()
    return float(total / 2), float(by_degree)


@numba.njit(cache=True, nogil=True)
def _attract(start, stop, heads, tails, a, b, embedding, weights):
    """Return the sums of -w log v and -w log(1 - v) over some edges."""
    attraction, repulsion = 0.0, 0.0
    for edge in range(start, stop):
        square = _square(embedding, heads[edge], tails[edge])
        attraction += weights[edge] * np.log1p(a * square**b)
        repulsion += weights[edge] * _repulsion(square, a, b)
    return attraction, repulsion


@numba.njit(cache=True, nogil=True)
def _repel(start, stop, heads, tails, a, b, embedding, degrees, cells, steps):
    """Return what the grid misses of r and (d_i + d_j) r in some pairs, with r = -log(1 - v)."""
    total, by_degree = 0.0, 0.0
    for pair in range(start, stop):
        i, j = heads[pair], tails[pair]
        apart = 0
        for k in range(cells.shape[1]):
            apart += (cells[i, k] - cells[j, k]) ** 2
        missed = _repulsion(_square(embedding, i, j), a, b) - steps[apart]
        total += missed
        by_degree += (degrees[i] + degrees[j]) * missed
    return total, by_degree


@numba.njit(cache=True, nogil=True)
def _repulsion(square, a, b):
    """Return -log(1 - v) = log(1 + 1 / (a square^b))."""
    return np.log1p(1 / (a * (square + SOFTENING) ** b))


@numba.njit(cache=True, nogil=True)
def _square(embedding, i, j):
    square = 0.0
    for k in range(embedding.shape[1]):
        difference = embedding[i, k] - embedding[j, k]
        square += difference * difference
    return square
