"""Force-directed drawing of the nearest-neighbour graph, with springs and electric charges."""

from typing import NamedTuple

import numpy as np

from animated.methods._forces import (
    CHARGE,
    NO_TARGETS,
    check_input,
    descend,
    start,
    sum_energies,
    sum_forces,
    to_rows,
)
from animated.methods.declaration import Checkpoint, declare
from animated.neighbors.search import find_neighbors
from animated.validation import OnEpoch, check_features, check_integer


class Edges(NamedTuple):
    """The edges of a nearest-neighbour graph, each listed once.

    ends: int32 (n_edges, 2), the samples that each edge joins, the smaller index first; sorted.
    lengths: float32 (n_edges,), the distances of these samples.
    """

    ends: np.ndarray
    lengths: np.ndarray


@declare(is_extendable=True)
def graph(
    X: np.ndarray,
    *,
    n_components: int = 2,
    n_epochs: int,
    seed: int | None,
    on_epoch: OnEpoch | None = None,
    checkpoint: Checkpoint | None = None,
    n_neighbors: int = 3,
    edges: Edges | None = None,
) -> np.ndarray:
    """Embed `X` as a graph: springs hold neighbours together, and all points repel each other.

        graph(X, n_epochs=300, seed=42, on_epoch=print, n_neighbors=5)

    Each sample is joined to its nearest neighbours by springs, whose rest length is the distance d*
    of the samples. All pairs of points repel each other with a force of 1 / d, as electric charges
    do in the plane. It minimises the energy of both: see `energy`. A point moves by the force on it
    divided by one more than the number of its springs, plus momentum, but in one step no farther
    than twice the mean length of the springs.

    X: float32 array (n_samples, n_features), finite, of at most 5,000 samples.
    n_components: 1, 2 or 3.
    n_epochs: steps, 0 or more; there are n_epochs + 1 calls of `on_epoch`.
    seed: determines the initial embedding, a Gaussian; None gives another one each time.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.
    checkpoint: saves the state, and resumes from the one that it has, see
        `animated.methods.declaration.Checkpoint`.
    n_neighbors: how many nearest neighbours each sample is joined to.
    edges: what `find_edges` returned, if already known; `n_neighbors` then has no effect.

    Returns a float32 array (n_samples, n_components), the same on any number of threads.
    Raises ValueError and TypeError for bad arguments.

    Sources: P. Eades, "A heuristic for graph drawing", Congressus Numerantium 42, 1984; T. M. J.
    Fruchterman and E. M. Reingold, "Graph drawing by force-directed placement", Software: Practice
    and Experience 21, 1991, for the limit of a step.
    """
    X = check_input("graph", X, n_components, n_epochs, seed, on_epoch)
    edges = find_edges(X, n_neighbors) if edges is None else _check_edges(edges, len(X))
    length = float(edges.lengths.mean()) or 1.0
    # About as large as the finished embedding.
    Y = start(len(X), n_components, length * np.sqrt(len(X)), seed)
    n_springs = np.bincount(edges.ends.ravel(), minlength=len(X)) + 1

    def find_step(Y: np.ndarray) -> np.ndarray:
        return -(sum_forces(CHARGE, Y, NO_TARGETS) + _pull(Y, edges)) / n_springs

    return descend(
        Y,
        find_step,
        n_epochs,
        on_epoch,
        n_components=n_components,
        title="Graph",
        longest=2 * length,
        checkpoint=checkpoint,
    )


def find_edges(X: np.ndarray, n_neighbors: int = 3) -> Edges:
    """Return the graph that joins each sample to its `n_neighbors` nearest neighbours.

    Edges have no direction: two samples that are neighbours of each other share one.

    Raises ValueError when n_neighbors is not from 1 to n_samples - 2, and what `check_features`
    raises.
    """
    X = check_features(X)
    check_integer("n_neighbors", n_neighbors, 1, len(X) - 2)  # find_neighbors leaves one out
    indices, distances = find_neighbors(X, n_neighbors + 1)
    first = np.repeat(indices[:, 0], n_neighbors)
    ends = np.sort(np.c_[first, indices[:, 1:].ravel()], axis=1)
    ends, kept = np.unique(ends, axis=0, return_index=True)
    return Edges(ends.astype(np.int32), distances[:, 1:].ravel()[kept])


def energy(edges: Edges, embedding: np.ndarray) -> float:
    """Return the energy of springs and charges, ½ Σ_edges (d - d*)² - Σ_{i<j} log d.

    It is infinite when two points coincide.

    embedding: (n_samples, up to 3).

    Sources: as for `graph`.
    """
    Y = to_rows(embedding)
    _, gaps, _ = _stretch(Y, edges)
    with np.errstate(divide="ignore"):
        charges = sum_energies(CHARGE, Y, NO_TARGETS).sum() / 2
    return float((gaps**2).sum() / 2 + charges)


def _stretch(Y: np.ndarray, edges: Edges) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the vectors (3, n_edges), the excess lengths and the lengths of the springs."""
    vectors = Y[:, edges.ends[:, 0]] - Y[:, edges.ends[:, 1]]
    lengths = np.sqrt((vectors**2).sum(axis=0))
    return vectors, lengths - edges.lengths, lengths


def _pull(Y: np.ndarray, edges: Edges) -> np.ndarray:
    """Return the gradient of the energy of the springs, (3, n_samples)."""
    vectors, gaps, lengths = _stretch(Y, edges)
    pulls = vectors * gaps / np.where(lengths > 0, lengths, 1)
    first, second = edges.ends.T
    n = Y.shape[1]
    return np.array([np.bincount(first, p, n) - np.bincount(second, p, n) for p in pulls])


def _check_edges(edges: Edges, n_samples: int) -> Edges:
    if not isinstance(edges, tuple) or len(edges) != 2:
        raise TypeError(f"edges must be what find_edges returned, got {type(edges).__name__}")
    ends, lengths = (np.asarray(array) for array in edges)
    _check_ends(ends, lengths, n_samples)
    if not (lengths.min() >= 0 and lengths.max() < np.inf):  # false for NaN, too
        raise ValueError(
            "lengths of edges must be finite and not negative, "
            f"got {lengths.min()} to {lengths.max()}"
        )
    return Edges(ends, lengths)


def _check_ends(ends: np.ndarray, lengths: np.ndarray, n_samples: int) -> None:
    if ends.ndim != 2 or ends.shape[1] != 2 or lengths.shape != (len(ends),) or not len(ends):
        raise ValueError(
            f"edges must have shapes (n_edges, 2) and (n_edges,), got {ends.shape}, {lengths.shape}"
        )
    if ends.dtype.kind not in "iu" or not 0 <= ends.min() <= ends.max() < n_samples:
        raise ValueError(
            f"edges must join samples 0 to {n_samples - 1}, got {ends.min()} to {ends.max()}"
        )
