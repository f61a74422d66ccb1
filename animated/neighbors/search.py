"""The nearest neighbours of every sample: exact, and kept on disk for the next fit.

umap-learn searches them with NN-descent, whose kernels are compiled anew in every process;
up to `EXACT_LIMIT` samples looking at all pairs takes no longer.
`animated.neighbors.exact` tells how.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from animated.numba_cache import numba  # first, as umap-learn compiles on import

# isort: split
import numpy as np
from pynndescent.distances import named_distances as pynndescent_metrics
from umap.distances import named_distances as umap_metrics
from umap.umap_ import nearest_neighbors

from animated.neighbors import exact
from animated.storage.arrays import load_arrays, save_arrays
from animated.validation import check_features

# At this many samples all pairs of 784 features take as long as NN-descent and its compilation;
# the pairs grow with the square, so more samples are left to NN-descent.
EXACT_LIMIT = 60_000
# For these umap-learn lets NN-descent begin with angles, and this is its default seed.
ANGULAR = ("cosine", "correlation", "dice", "jaccard", "ll_dirichlet", "hellinger")
SEED = 42
# Without parameters of their own these would read memory that is not theirs.
NEEDY = (
    *("seuclidean", "standardised_euclidean", "wminkowski", "weighted_minkowski", "mahalanobis"),
    *("kantorovich", "wasserstein", "sinkhorn", "hierarchical_categorical"),
)


class Neighbors(NamedTuple):
    """The nearest neighbours of every sample, as `umap.UMAP` takes them for `precomputed_knn`.

    indices: int32 (n_samples, n_neighbors); the first neighbour of a sample is itself.
    distances: float32 (n_samples, n_neighbors), ascending.
    """

    indices: np.ndarray
    distances: np.ndarray


def find_neighbors(
    X: np.ndarray,
    n_neighbors: int = 15,
    *,
    metric: str | Callable = "euclidean",
    folder: str | Path | None = None,
) -> Neighbors:
    """Return the `n_neighbors` nearest neighbours of every sample, itself included.

    X: float32 array (n_samples, n_features), finite.
    metric: for "euclidean", "l2", "cosine" and "correlation" the neighbours of up to `EXACT_LIMIT`
        samples are exact, sorted by distance, and by index where it is the same.
        For more samples and for every other metric that umap-learn knows, or a function
        compiled by numba, they are those that NN-descent finds.
    folder: where neighbours are kept and looked up, under a hash of the data and the metric;
        it is created if missing. Without it nothing is kept.

    All cores work. Of exact neighbours their number does not change a byte; NN-descent is seeded,
    but on another number of cores it may find others for a few samples. Besides `X` and the
    result, the exact search takes 17 MB, 16 kB a feature and 12 bytes a neighbour, and for
    "cosine" and "correlation" a copy of `X`.

    Raises ValueError when n_neighbors is not from 2 to n_samples - 1, when the metric is unknown or
    not defined for such samples, or when it is a function and there is a folder; TypeError for what
    is no folder, and what `check_features` raises.
    """
    X = check_features(X)
    _check_arguments(X, n_neighbors, metric, folder)
    is_exact = len(X) <= EXACT_LIMIT and metric in exact.METRICS
    search = exact.search if is_exact else _descend
    if folder is None:
        return Neighbors(*search(X, n_neighbors, metric))
    _make_folder(Path(folder))
    path = Path(folder) / f"neighbors-{_hash(X, metric, None if is_exact else n_neighbors)}.npz"
    return _read(path, len(X), n_neighbors) or _write(
        path, Neighbors(*search(X, n_neighbors, metric))
    )


def cut_neighbors(neighbors: Neighbors, n_samples: int, n_neighbors: int) -> Neighbors:
    """Return a copy of the first `n_neighbors` neighbours of each of `n_samples` samples.

    Raises TypeError for what are no neighbours, and ValueError when there are fewer or not as many
    samples, when they are none of these samples, and when a distance is negative or NaN.
    """
    if not isinstance(neighbors, Iterable):
        kind = type(neighbors).__name__
        raise TypeError(f"neighbors must be what find_neighbors returned, got {kind}")
    shapes = [np.shape(array) for array in neighbors]
    if len(shapes) != 2 or shapes[0] != shapes[1] or len(shapes[0]) != 2:
        raise ValueError(f"neighbors must be two arrays of the same shape, got shapes {shapes}")
    n_rows, n_columns = shapes[0]
    if n_rows != n_samples:
        raise ValueError(
            f"neighbors must have one row for each of {n_samples} samples, got {n_rows}"
        )
    if n_columns < n_neighbors:
        raise ValueError(f"neighbors must have at least {n_neighbors} columns, got {n_columns}")
    cut = (np.array(np.asarray(array)[:, :n_neighbors], order="C") for array in neighbors)
    indices, distances = cut
    _check_values(indices, distances)
    return Neighbors(indices, distances)


def _check_arguments(
    X: np.ndarray, n_neighbors: int, metric: str | Callable, folder: str | Path | None
) -> None:
    most = len(X) - 1
    if most < 2:
        raise ValueError(f"X must have at least 3 samples to have neighbours, got {len(X)}")
    whole = isinstance(n_neighbors, int | np.integer) and not isinstance(n_neighbors, bool)
    if not whole or not 2 <= n_neighbors <= most:
        raise ValueError(
            f"n_neighbors must be an integer from 2 to {most}, got {n_neighbors!r} "
            f"for {len(X)} samples"
        )
    if folder is not None and not isinstance(folder, str | Path):
        raise TypeError(f"folder must be a path or None, got {type(folder).__name__}")
    _check_metric(metric, X.shape[1], folder)


def _check_metric(metric: str | Callable, n_features: int, folder: str | Path | None) -> None:
    if numba.extending.is_jitted(metric):
        if folder is not None:
            raise ValueError("folder must be None when metric is a function, which has no hash")
    elif metric not in (*exact.METRICS, *pynndescent_metrics, *umap_metrics):
        raise ValueError(
            f"metric must be one of umap-learn's or a function compiled by numba, got {metric!r}"
        )
    elif metric in NEEDY:
        raise ValueError(
            "metric must need no parameters of its own, or be a function compiled by numba, "
            f"got {metric!r}"
        )
    elif metric == "haversine" and n_features != 2:
        raise ValueError(
            f"metric 'haversine' needs latitude and longitude, got {n_features} features"
        )


def _check_values(indices: np.ndarray, distances: np.ndarray) -> None:
    if indices.dtype.kind not in "iu" or distances.dtype.kind not in "iuf":
        kinds = f"{indices.dtype} and {distances.dtype}"
        raise TypeError(f"neighbors must be integers and their distances numbers, got {kinds}")
    # umap-learn leaves -1 and infinity where it has cut a tie that is too long.
    least, most = indices.min(), indices.max()
    if least < -1 or most >= len(indices):
        last = len(indices) - 1
        raise ValueError(f"neighbors must be samples 0 to {last}, got {least} to {most}")
    if not distances.min() >= 0:  # which NaN is not either
        least = distances.min()
        raise ValueError(f"distances of neighbors must be at least 0, got {least}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"folder must not be a file, or in one, got {str(folder)!r}") from None


def _descend(
    X: np.ndarray, n_neighbors: int, metric: str | Callable
) -> tuple[np.ndarray, np.ndarray]:
    """Let NN-descent search as umap-learn does, but on all cores."""
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


def _hash(X: np.ndarray, metric: str, n_approximate: int | None) -> str:
    """Return a hash of all that decides the neighbours.

    Those of NN-descent depend also on how many are sought, on libraries and on cores, whereas
    the first of more exact neighbours are the exact neighbours.
    """
    facts = [X.shape, str(X.dtype), metric]
    if n_approximate is not None:
        libraries = ("umap-learn", "pynndescent", "numba", "numpy")
        facts += [int(n_approximate), SEED, numba.get_num_threads(), *map(version, libraries)]
    digest = hashlib.sha256(json.dumps(facts).encode())
    digest.update(X)
    return digest.hexdigest()


def _read(path: Path, n_samples: int, n_neighbors: int) -> Neighbors | None:
    """Return the neighbours kept at `path`, or None if there are none, too few or damaged ones."""
    _, arrays = load_arrays(path) or (None, {})
    try:
        return cut_neighbors(Neighbors(**arrays), n_samples, n_neighbors)
    except (TypeError, ValueError):  # whatever is wrong with them, they are made anew
        return None


def _write(path: Path, neighbors: Neighbors) -> Neighbors:
    save_arrays(path, "neighbors", **neighbors._asdict())
    return neighbors
