"""Approximate nearest neighbours: NN-descent as umap-learn calls it, for any of its metrics."""

from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from animated.storage.numba_cache import numba  # first, as umap-learn compiles on import

# isort: split
from pynndescent.distances import named_distances as pynndescent_metrics
from umap.distances import named_distances as umap_metrics
from umap.umap_ import nearest_neighbors

# The metrics for which umap-learn lets NN-descent start from angles.
ANGULAR = ("cosine", "correlation", "dice", "jaccard", "ll_dirichlet", "hellinger")
# umap-learn's default seed for placing new samples, which also seeds NN-descent here.
SEED = 42


def search(
    X: np.ndarray, n_neighbors: int, metric: str | Callable
) -> tuple[np.ndarray, np.ndarray]:
    """Return the neighbours that NN-descent finds, as umap-learn calls it but on all cores.

    X: float32 array (n_samples, n_features), finite.
    metric: a name for which `is_known` is true, or a function compiled by numba.

    Returns indices, int32, and distances, float32, both (n_samples, n_neighbors).
    Raises ValueError if the metric is not defined for some samples.
    """
    function = metric
    if isinstance(metric, str) and metric not in pynndescent_metrics:
        function = umap_metrics[metric]
    angular = metric in ANGULAR
    random = np.random.RandomState(SEED)
    indices, distances, _ = nearest_neighbors(X, n_neighbors, function, {}, angular, random)
    if indices.min() < 0 or not np.isfinite(distances).all():
        bad = (~np.isfinite(distances) | (indices < 0)).any(axis=1).sum()
        raise ValueError(
            f"metric {metric!r} must be defined for all samples, got {bad} of {len(X)} without "
            f"{n_neighbors} neighbours at finite distances"
        )
    return indices.astype(np.int32), distances.astype(np.float32)


def is_known(metric: str) -> bool:
    """Return whether umap-learn or pynndescent has a metric of this name."""
    return metric in pynndescent_metrics or metric in umap_metrics


def list_conditions() -> list[int | str]:
    """Return what NN-descent's result depends on besides data, metric and number of neighbours."""
    libraries = ("umap-learn", "pynndescent", "numba", "numpy")
    return [SEED, numba.get_num_threads(), *map(version, libraries)]
