"""Metric multidimensional scaling, which preserves all distances as well as it can."""

import numpy as np

from animated.methods._forces import STRESS, check_input, descend, start, sum_forces, sum_pairs
from animated.methods.declaration import Checkpoint, declare
from animated.neighbors.distances import check_distances
from animated.validation import OnEpoch


@declare(is_extendable=True)
def mds(
    X: np.ndarray,
    *,
    n_components: int = 2,
    n_epochs: int,
    seed: int | None,
    on_epoch: OnEpoch | None = None,
    checkpoint: Checkpoint | None = None,
    distances: np.ndarray | None = None,
) -> np.ndarray:
    """Embed `X` such that the points are as far apart as the samples.

        mds(X, n_epochs=200, seed=42, on_epoch=print)

    It minimises the raw stress, the sum over all pairs of (d* - d)², where d* is the distance of
    two samples and d that of their points: see `stress`. It starts from a Gaussian embedding. A
    step is the Guttman transform, which by itself never raises the stress, plus momentum.

    X: float32 array (n_samples, n_features), finite, of at most 5,000 samples.
    n_components: 1, 2 or 3.
    n_epochs: steps, 0 or more; there are n_epochs + 1 calls of `on_epoch`. After 200 hardly any
        point moves.
    seed: determines the initial embedding; None gives another one each time.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.
    checkpoint: saves the state, and resumes from the one that it has, see
        `animated.methods.declaration.Checkpoint`.
    distances: d*, (n_samples, n_samples), if not Euclidean or already known.

    Returns a float32 array (n_samples, n_components), the same on any number of threads.
    Raises ValueError and TypeError for bad arguments.

    Sources: J. B. Kruskal, "Multidimensional scaling by optimizing goodness of fit to a nonmetric
    hypothesis", Psychometrika 29, 1964; for the step, J. de Leeuw, "Applications of convex analysis
    to multidimensional scaling", 1977, and I. Borg and P. Groenen, "Modern Multidimensional
    Scaling", 2nd edition, 2005, chapter 8.
    """
    X = check_input("mds", X, n_components, n_epochs, seed, on_epoch)
    distances = check_distances(distances, X)
    Y = start(len(X), n_components, float(distances.mean()), seed)

    def find_step(Y: np.ndarray) -> np.ndarray:
        return -sum_forces(STRESS, Y, distances) / (2 * len(X))

    return descend(
        Y,
        find_step,
        n_epochs,
        on_epoch,
        n_components=n_components,
        title="MDS",
        checkpoint=checkpoint,
    )


def stress(distances: np.ndarray, embedding: np.ndarray) -> float:
    """Return the raw stress of an embedding, which MDS minimises: Σ_{i<j} (d*_ij - |y_i - y_j|)².

    distances: d*, float32 (n_samples, n_samples). embedding: (n_samples, up to 3).

    Raises ValueError when the shapes do not match.
    Source: J. B. Kruskal, Psychometrika 29, 1964.
    """
    return sum_pairs(STRESS, embedding, distances)
