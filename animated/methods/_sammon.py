"""Sammon's mapping: MDS that weighs small distances more than large ones."""

import numpy as np

from animated.methods._forces import SAMMON, check_input, descend, start, sum_forces, sum_pairs
from animated.methods.declaration import Checkpoint, declare
from animated.neighbors.distances import check_distances
from animated.validation import OnEpoch


@declare(is_extendable=True)
def sammon(
    X: np.ndarray,
    *,
    n_components: int = 2,
    n_epochs: int,
    seed: int | None,
    on_epoch: OnEpoch | None = None,
    checkpoint: Checkpoint | None = None,
    distances: np.ndarray | None = None,
) -> np.ndarray:
    """Embed `X` such that distances are preserved, the small ones above all.

        sammon(X, n_epochs=200, seed=42, on_epoch=print)

    It minimises Sammon's error, in which the term of each pair in the stress is divided by the
    distance d* of its samples: see `sammon_error`. Pairs of equal samples, whose d* is 0, are left
    out. Sammon's own steps divide by the second derivative of each coordinate, and are far too long
    where that is nearly 0. Here a point moves as in MDS: by the force on it divided by the sum of
    its weights 1 / d*, plus momentum.

    X: float32 array (n_samples, n_features), finite, of at most 5,000 samples.
    n_components: 1, 2 or 3.
    n_epochs: steps, 0 or more; there are n_epochs + 1 calls of `on_epoch`. After 200 hardly any
        point moves.
    seed: determines the initial embedding, a Gaussian; None gives another one each time.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.
    checkpoint: saves the state, and resumes from the one that it has, see
        `animated.methods.declaration.Checkpoint`.
    distances: d*, (n_samples, n_samples), if not Euclidean or already known.

    Returns a float32 array (n_samples, n_components), the same on any number of threads.
    Raises ValueError and TypeError for bad arguments.

    Source: J. W. Sammon, "A nonlinear mapping for data structure analysis", IEEE Transactions on
    Computers C-18, 1969.
    """
    X = check_input("sammon", X, n_components, n_epochs, seed, on_epoch)
    distances = check_distances(distances, X)
    Y = start(len(X), n_components, float(distances.mean()), seed)
    weights = np.divide(1, distances, out=np.zeros_like(distances), where=distances > 0)
    totals = 2 * weights.sum(axis=1, dtype=np.float64)
    totals[totals == 0] = 1  # no force acts on a sample that equals all others

    def find_step(Y: np.ndarray) -> np.ndarray:
        return -sum_forces(SAMMON, Y, distances) / totals

    return descend(
        Y,
        find_step,
        n_epochs,
        on_epoch,
        n_components=n_components,
        title="Sammon",
        checkpoint=checkpoint,
    )


def sammon_error(distances: np.ndarray, embedding: np.ndarray) -> float:
    """Return Sammon's error of an embedding.

    It is (Σ_{i<j} (d*_ij - |y_i - y_j|)² / d*_ij) / Σ_{i<j} d*_ij, without the pairs whose d* is 0.

    distances: d*, float32 (n_samples, n_samples). embedding: (n_samples, up to 3).

    Raises ValueError when the shapes do not match.
    Source: J. W. Sammon, IEEE Transactions on Computers C-18, 1969, equation 1.
    """
    total = float(distances.sum(dtype=np.float64)) or 1.0
    return 2 * sum_pairs(SAMMON, embedding, distances) / total
