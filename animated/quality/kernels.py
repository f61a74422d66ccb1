"""Compiled loops of the measures; loaded with numba when a measure is first taken."""

import numpy as np

from animated.storage.numba_cache import numba


@numba.njit(cache=True, nogil=True)
def count_common(before, after):
    """Count, for each row of two int arrays of the same shape, the values that are in both."""
    counts = np.zeros(before.shape[0], dtype=np.int64)
    for i in range(before.shape[0]):
        for j in range(before.shape[1]):
            for k in range(after.shape[1]):
                counts[i] += before[i, j] == after[i, k]
    return counts


@numba.njit(cache=True, nogil=True)
def count_correct(codes, neighbors):
    """Count the points that have the most frequent code of their neighbours, the smallest if tied.

    codes: int32 (n_samples,), from 0.
    neighbors: int (n_samples, n_neighbors).
    """
    votes = np.zeros(codes.max() + 1, dtype=np.int64)
    count = 0
    for i in range(neighbors.shape[0]):
        for j in range(neighbors.shape[1]):
            votes[codes[neighbors[i, j]]] += 1
        winner = codes[neighbors[i, 0]]
        for j in range(neighbors.shape[1]):
            code = codes[neighbors[i, j]]
            if (-votes[code], code) < (-votes[winner], winner):
                winner = code
        for j in range(neighbors.shape[1]):
            votes[codes[neighbors[i, j]]] = 0
        count += winner == codes[i]
    return count
