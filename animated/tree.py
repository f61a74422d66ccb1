"""The nearest neighbours of every point of a layout: a k-d tree for two or three dimensions.

Neighbours are sorted by distance, and by index where it is the same, so that they depend neither
on the tree nor on the number of threads. It is also what keeps coincident points cheap: a branch
in which all points are as far as the last neighbour, but have a larger index, is never entered.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numba
import numpy as np

# Points in a leaf: enough to save levels, few enough to be looked at one by one.
LEAF = 10
# Levels of the tree are far fewer, and a search waits with one branch at each of them.
DEPTH = 64


def search(points: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the `n_neighbors` nearest neighbours of every point, the point itself left out.

    points: float array (n_points, 2) or (n_points, 3), finite, with more points than neighbours.

    Returns indices, int32 (n_points, n_neighbors), sorted by distance, and by index where it is
    the same.
    """
    points = np.array(points, dtype=np.float64, order="C")
    order = np.arange(len(points), dtype=np.int32)
    n_levels = max(int(np.ceil(np.log2(len(points) / LEAF))), 0)
    n_nodes = 2 ** (n_levels + 1) - 1
    boxes = np.empty((n_nodes, 2, points.shape[1]))
    spans = np.empty((n_nodes, 3), dtype=np.int32)
    _build(points, order, boxes, spans)
    found = np.empty((len(points), n_neighbors), dtype=np.int32)
    n_threads = numba.get_num_threads()
    shares = pairwise(len(points) * share // n_threads for share in range(n_threads + 1))
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(lambda share: _search(points, order, boxes, spans, found, *share), shares))
    return found


@numba.njit(cache=True, nogil=True)
def _build(points, order, boxes, spans):
    """Sort the points into a tree whose node `i` has the branches 2i + 1 and 2i + 2.

    boxes: to be filled with the least and the largest coordinates of each node's points.
    spans: to be filled with where they start and end, and with their least index.
    """
    spans[0, 0], spans[0, 1] = 0, len(points)
    for node in range(len(spans)):
        start, stop = spans[node, 0], spans[node, 1]
        spans[node, 2] = order[start:stop].min()
        widest, axis = -1.0, 0
        for k in range(points.shape[1]):
            boxes[node, 0, k] = points[start:stop, k].min()
            boxes[node, 1, k] = points[start:stop, k].max()
            if boxes[node, 1, k] - boxes[node, 0, k] > widest:
                widest, axis = boxes[node, 1, k] - boxes[node, 0, k], k
        if 2 * node + 2 < len(spans):
            middle = (start + stop) // 2
            _select(points, order, axis, start, stop - 1, middle)
            spans[2 * node + 1, 0], spans[2 * node + 1, 1] = start, middle
            spans[2 * node + 2, 0], spans[2 * node + 2, 1] = middle, stop


@numba.njit(cache=True, nogil=True)
def _select(points, order, axis, first, last, middle):
    """Move what sorts before place `middle` to its left and the rest to its right (quickselect)."""
    while first < last:
        pivot = points[(first + last) // 2, axis], order[(first + last) // 2]
        i, j = first, last
        while i <= j:
            while (points[i, axis], order[i]) < pivot:
                i += 1
            while (points[j, axis], order[j]) > pivot:
                j -= 1
            if i <= j:
                for k in range(points.shape[1]):
                    points[i, k], points[j, k] = points[j, k], points[i, k]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if j < middle:
            first = i
        if i > middle:
            last = j


@numba.njit(cache=True, nogil=True)
def _search(points, order, boxes, spans, found, first, last):
    """Find the neighbours of the points from place `first` to `last` of the tree.

    Points side by side in the tree are near each other, so that the cache has their leaves.
    """
    n_neighbors, n_leaves = found.shape[1], (len(spans) + 1) // 2
    indices = np.empty(n_neighbors, dtype=np.int32)
    squares = np.empty(n_neighbors)
    waiting = np.empty(DEPTH, dtype=np.int32)
    bounds = np.empty(DEPTH)
    for place in range(first, last):
        squares[:] = np.inf
        indices[:] = len(points)
        waiting[0], bounds[0], n_waiting = 0, 0.0, 1
        while n_waiting:
            n_waiting -= 1
            node, bound = waiting[n_waiting], bounds[n_waiting]
            if _is_after(bound, spans[node, 2], squares[-1], indices[-1]):
                continue
            while node < n_leaves - 1:
                near, far = 2 * node + 1, 2 * node + 2
                to_near, to_far = (
                    _bound(boxes, near, points, place),
                    _bound(boxes, far, points, place),
                )
                if _is_after(to_near, spans[near, 2], to_far, spans[far, 2]):
                    near, far, to_near, to_far = far, near, to_far, to_near
                waiting[n_waiting], bounds[n_waiting] = far, to_far
                n_waiting += 1
                node = near
            for other in range(spans[node, 0], spans[node, 1]):
                square = _square(points, place, other)
                if square <= squares[-1] and other != place:
                    _offer(indices, squares, square, order[other])
        found[order[place]] = indices


@numba.njit(cache=True, nogil=True)
def _is_after(square, index, other_square, other_index):
    return square > other_square or (square == other_square and index > other_index)


@numba.njit(cache=True, nogil=True)
def _bound(boxes, node, points, place):
    """Return the squared distance from a point to the box around a node's points."""
    square = 0.0
    for k in range(points.shape[1]):
        below, above = boxes[node, 0, k] - points[place, k], points[place, k] - boxes[node, 1, k]
        outside = max(below, above, 0.0)
        square += outside * outside
    return square


@numba.njit(cache=True, nogil=True)
def _square(points, a, b):
    square = 0.0
    for k in range(points.shape[1]):
        difference = points[a, k] - points[b, k]
        square += difference * difference
    return square


@numba.njit(cache=True, nogil=True)
def _offer(indices, squares, square, index):
    """Insert a point among the nearest, if it is one of them."""
    place = len(indices)
    while place > 0 and _is_after(squares[place - 1], indices[place - 1], square, index):
        place -= 1
        if place + 1 < len(indices):
            squares[place + 1], indices[place + 1] = squares[place], indices[place]
    if place < len(indices):
        squares[place], indices[place] = square, index
