"""The nearest neighbours of every sample, exact where possible and cached for the next fit.

umap-learn searches with NN-descent, which is compiled anew in every process. An exact search of
up to `EXACT_LIMIT` samples finds every neighbour, and another fit can reuse the result.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from animated.storage.arrays import load_arrays, save_arrays
from animated.validation import check_features, is_integer

# The metrics with an exact search, and the most samples it is used for. Twice the samples take it
# four times as long, NN-descent little more than twice.
EXACT_METRICS = ("euclidean", "l2", "cosine", "correlation")
EXACT_LIMIT = 60_000
# Metrics that need parameters; without them, their compiled code would read foreign memory.
PARAMETRIC_METRICS = (
    *("seuclidean", "standardised_euclidean", "wminkowski", "weighted_minkowski", "mahalanobis"),
    *("kantorovich", "wasserstein", "sinkhorn", "hierarchical_categorical"),
)


class Neighbors(NamedTuple):
    """The nearest neighbours of every sample, as `umap.UMAP` takes them for `precomputed_knn`.

    indices: int32 (n_samples, n_neighbors); a sample's first neighbour is itself.
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

        neighbors = find_neighbors(X, 15, folder="data/cache")
        umap(X, n_epochs=200, seed=42, neighbors=neighbors)

    X: float32 array (n_samples, n_features), finite.
    metric: "euclidean", "l2", "cosine" and "correlation" give the exact neighbours of up to
        `EXACT_LIMIT` samples, sorted by distance, and by index where distances are equal. More
        samples, any other metric that umap-learn knows, and functions compiled by numba use the
        approximate NN-descent.
    folder: where to cache the neighbours, under a hash of the data and the metric; it is created
        if missing. None caches nothing.

    All cores work. Their number does not change exact neighbours; NN-descent is seeded, but may
    find other neighbours for a few samples on another number of cores. Besides `X` and the result,
    an exact search takes about 12 bytes per neighbour and 30 MB, and for "cosine" and "correlation"
    a copy of `X`.

    Raises ValueError if n_neighbors is not from 2 to n_samples - 1, if the metric is unknown or not
    defined for these samples, or if it is a function and a folder is given; TypeError if the folder
    is not a path; and whatever `check_features` raises.
    """
    X = check_features(X)
    _check_number(n_neighbors, len(X))
    if folder is not None and not isinstance(folder, str | Path):
        raise TypeError(f"folder must be a path or None, got {type(folder).__name__}")
    _check_metric(metric, X.shape[1], folder)
    if folder is None:
        return _search(X, n_neighbors, metric)
    _make_folder(Path(folder))
    path = Path(folder) / f"neighbors-{_hash(X, n_neighbors, metric)}.npz"
    return _read(path, len(X), n_neighbors) or _write(path, _search(X, n_neighbors, metric))


def cut_neighbors(neighbors: Neighbors, n_samples: int, n_neighbors: int) -> Neighbors:
    """Return a copy of the first `n_neighbors` neighbours of each of `n_samples` samples.

    Raises TypeError if `neighbors` are not two arrays of numbers, and ValueError if they have too
    few columns or another number of rows, contain an index that is not a sample, or contain a
    negative or NaN distance.
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


def _check_number(n_neighbors: int, n_samples: int) -> None:
    most = n_samples - 1
    if most < 2:
        raise ValueError(f"X must have at least 3 samples to have neighbours, got {n_samples}")
    if not is_integer(n_neighbors) or not 2 <= n_neighbors <= most:
        raise ValueError(
            f"n_neighbors must be an integer from 2 to {most}, got {n_neighbors!r} "
            f"for {n_samples} samples"
        )


def _check_metric(metric: str | Callable, n_features: int, folder: str | Path | None) -> None:
    if isinstance(metric, str) and metric in EXACT_METRICS:
        return
    # Imported only for metrics that umap-learn must know, as it takes seconds.
    from animated.neighbors.approximate import is_known
    from animated.storage.numba_cache import numba

    if callable(metric) and numba.extending.is_jitted(metric):
        if folder is not None:
            raise ValueError(
                "folder must be None if metric is a function, which has no hash to cache it under, "
                f"got {str(folder)!r}"
            )
    elif not isinstance(metric, str) or not is_known(metric):
        raise ValueError(
            f"metric must be one of umap-learn's or a function compiled by numba, got {metric!r}"
        )
    elif metric in PARAMETRIC_METRICS:
        raise ValueError(
            "metric must be one that needs no parameters or a function compiled by numba, "
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
    # umap-learn marks an edge that it has cut as too long by index -1 and an infinite distance.
    least, most = indices.min(), indices.max()
    if least < -1 or most >= len(indices):
        last = len(indices) - 1
        raise ValueError(f"neighbors must be samples 0 to {last}, got {least} to {most}")
    if not distances.min() >= 0:  # true for NaN, too
        least = distances.min()
        raise ValueError(f"distances of neighbors must be at least 0, got {least}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"folder must not be a file, or in one, got {str(folder)!r}") from None


def _search(X: np.ndarray, n_neighbors: int, metric: str | Callable) -> Neighbors:
    # Both modules load compiled code, which takes up to seconds.
    if _is_exact(X, metric):
        from animated.neighbors import exact

        return Neighbors(*exact.search(X, n_neighbors, str(metric)))
    from animated.neighbors import approximate

    return Neighbors(*approximate.search(X, n_neighbors, metric))


def _is_exact(X: np.ndarray, metric: str | Callable) -> bool:
    return isinstance(metric, str) and metric in EXACT_METRICS and len(X) <= EXACT_LIMIT


def _hash(X: np.ndarray, n_neighbors: int, metric: str | Callable) -> str:
    """Return a hash of everything that determines the neighbours.

    Exact neighbours do not depend on how many are asked for: fewer are the first of more. Those
    of NN-descent do, and also on versions and on the number of cores.
    """
    facts: list[Any] = [X.shape, str(X.dtype), metric]
    if not _is_exact(X, metric):
        from animated.neighbors.approximate import list_conditions  # loads umap-learn

        facts += [int(n_neighbors), *list_conditions()]
    digest = hashlib.sha256(json.dumps(facts).encode())
    digest.update(X.data)
    return digest.hexdigest()


def _read(path: Path, n_samples: int, n_neighbors: int) -> Neighbors | None:
    """Return the neighbours cached at `path`, or None if they are missing, too few or damaged."""
    _, arrays = load_arrays(path) or (None, {})
    try:
        return cut_neighbors(Neighbors(**arrays), n_samples, n_neighbors)
    except (TypeError, ValueError):  # damaged in any way, they are searched again
        return None


def _write(path: Path, neighbors: Neighbors) -> Neighbors:
    save_arrays(path, "neighbors", **neighbors._asdict())
    return neighbors
