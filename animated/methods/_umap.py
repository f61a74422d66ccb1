"""UMAP: a function that returns the embedding, and one that returns the fitted model."""

import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any

import animated.storage.numba_cache  # noqa: F401  first, as umap-learn compiles on import

# isort: split
import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, issparse
from sklearn.utils.validation import check_is_fitted
from umap import UMAP, layouts
from umap.umap_ import compute_membership_strengths, smooth_knn_dist

from animated.methods._umap_model import ObservableUMAP
from animated.methods.declaration import Checkpoint, declare
from animated.neighbors.search import PARAMETRIC_METRICS, Neighbors, cut_neighbors
from animated.progress import is_hidden
from animated.validation import (
    OnEpoch,
    check_arguments,
    check_features,
    check_integer,
    check_seed,
    check_sparse_features,
    to_enum,
)

# umap-learn compiles these anew in every process, which takes five seconds. numba can cache them on
# disk, as it does others of umap-learn, and they compute the same. The last is private, and some
# versions lack it.
OPTIMIZE = getattr(layouts, "_nb_optimize_layout_euclidean_single_epoch", None)
KERNELS = (smooth_knn_dist, compute_membership_strengths, *filter(None, [OPTIMIZE]))
for kernel in KERNELS:
    kernel.enable_caching()


@declare(keeps_state=True)
def umap(
    X: np.ndarray,
    *,
    n_components: int = 2,
    n_epochs: int,
    seed: int | None,
    on_epoch: OnEpoch | None = None,
    **parameters: Any,
) -> np.ndarray:
    """Embed `X` with UMAP, and report every epoch.

        umap(X, n_epochs=200, seed=42, on_epoch=print, min_dist=0.5)

    X: float32 array (n_samples, n_features), or a sparse matrix, which becomes CSR; finite.
    n_epochs: optimisation steps, 0 or more; there are n_epochs + 1 calls of `on_epoch`.
    seed: the same seed gives the same bytes on the same machine; None uses all cores instead.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.
        In UMAP the first step moves no point: the first edges are due in the second.
    parameters: `y`, `neighbors` and `checkpoint`, see `fit_umap`, and those of `umap.UMAP`, such as
        n_neighbors, min_dist, metric, densmap.

    Returns a float32 array (n_samples, n_components), bit for bit what `umap.UMAP` returns for the
    same arguments, with or without a callback.
    Raises ValueError and TypeError for bad arguments, and RuntimeError when the installed
    umap-learn no longer works the way the callback needs.

    Source: McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection
    for Dimension Reduction", 2018, arXiv:1802.03426.
    """
    arguments = {"n_components": n_components, "n_epochs": n_epochs, "seed": seed} | parameters
    return fit_umap(X, on_epoch=on_epoch, **arguments).embedding_


def fit_umap(
    X: np.ndarray,
    *,
    n_components: int = 2,
    n_epochs: int,
    seed: int | None,
    on_epoch: OnEpoch | None = None,
    checkpoint: Checkpoint | None = None,
    y: Sequence | None = None,
    neighbors: Neighbors | UMAP | None = None,
    **parameters: Any,
) -> ObservableUMAP:
    """Fit UMAP to `X` as `umap` does, and return the model, which can embed unseen points.

        model = fit_umap(X, n_epochs=200, seed=42)
        model.embedding_, model.transform(X_new, on_epoch=print)

    X, n_components, n_epochs, seed, on_epoch: as for `umap`.
    checkpoint: saves the state of a seeded run and resumes from the one that it has, see
        `animated.methods.declaration.Checkpoint`.
    y: labels (n_samples,) for a supervised fit: numbers, -1 where unknown, or a Polars Series of
        strings, null where unknown.
    neighbors: what `animated.neighbors.search.find_neighbors` returned for the same `X` and metric,
        at least n_neighbors of them, which becomes the `precomputed_knn` of `umap.UMAP`; or a model
        fitted to the same `X` with the same metric, to share its neighbours. None lets umap-learn
        search in every fit.
    parameters: passed to `umap.UMAP`.

    `transform` needs umap-learn's own search index. The model has one when `neighbors` is None or a
    model that has one, but not when `neighbors` is what `find_neighbors` returned.

    Returns a fitted model, whose `embedding_` is what `umap` returns. Raises what `umap` raises.
    """
    X = check_sparse_features(X) if issparse(X) else check_features(X)
    labels = None if y is None else _to_codes(y, X.shape[0])
    check_arguments(n_components, n_epochs, on_epoch)
    check_seed(seed)
    parameters = {
        # A seeded run has one thread; saying so avoids umap-learn's warning.
        "n_jobs": -1 if seed is None else 1,
        # umap-learn shows no progress unless it is asked to.
        "tqdm_kwds": {"desc": "UMAP", "disable": is_hidden()},
    } | parameters
    if neighbors is not None:
        parameters |= _share(neighbors, X, parameters)
    _check_parameters(X, n_components, parameters)
    model = ObservableUMAP(
        # umap-learn accepts Python's integers only.
        n_components=int(n_components),
        n_epochs=int(n_epochs),
        random_state=seed,
        **parameters,
    )
    with warnings.catch_warnings():
        # The model has no search index: the docstring says so.
        warnings.filterwarnings("ignore", r"precomputed_knn\[2\]")
        # Some metrics have no gradient, which only `inverse_transform` would need.
        warnings.filterwarnings("ignore", "gradient function is not yet implemented")
        return model.fit(X, labels, on_epoch=on_epoch, checkpoint=checkpoint)


def _check_parameters(
    X: np.ndarray | csr_matrix, n_components: int, parameters: dict[str, Any]
) -> None:
    """Raise before any work where umap-learn would fail late or without words."""
    n_samples = X.shape[0]
    if n_samples < n_components + 2:
        raise ValueError(
            f"X must have at least {n_components + 2} samples for {n_components} components, "
            f"got {n_samples}"
        )
    check_integer("n_neighbors", parameters.get("n_neighbors", 15), 2, n_samples - 1)
    metric = parameters.get("metric", "euclidean")
    if (
        isinstance(metric, str)
        and metric in PARAMETRIC_METRICS
        and not parameters.get("metric_kwds")
    ):
        raise ValueError(f"metric {metric!r} must be given parameters, as metric_kwds")
    _check_min_dist(parameters.get("min_dist", 0.1), parameters.get("spread", 1.0))
    _check_init(parameters.get("init"), (n_samples, n_components))


def _check_min_dist(min_dist: Any, spread: Any) -> None:
    numbers = all(isinstance(value, Real) for value in (min_dist, spread))
    if not numbers or not 0 <= min_dist <= spread:
        raise ValueError(f"min_dist must be from 0 to spread {spread!r}, got {min_dist!r}")


def _check_init(init: Any, shape: tuple[int, int]) -> None:
    if not isinstance(init, np.ndarray):
        return
    if init.shape != shape or init.dtype.kind not in "iuf":
        raise ValueError(f"init must have shape {shape}, got {init.dtype} of shape {init.shape}")
    if not np.ptp(init, axis=0).min() > 0:  # false for NaN, too
        raise ValueError("init must be finite and vary along every axis, got one that does not")


def _share(
    neighbors: Neighbors | UMAP, X: np.ndarray | csr_matrix, parameters: dict[str, Any]
) -> dict[str, tuple]:
    """Return the neighbours as umap-learn's parameter, or nothing to have it search."""
    for name in ("unique", "precomputed_knn"):
        if parameters.get(name):
            raise ValueError(f"{name} cannot be given together with neighbors")
    index: tuple = ()
    if isinstance(neighbors, UMAP):
        _check_sharing(neighbors, X, parameters)
        if neighbors._small_data:  # umap-learn computed all distances and stored no neighbours
            return {}
        index = (neighbors._knn_search_index,)
        neighbors = Neighbors(neighbors._knn_indices, neighbors._knn_dists)
    # A copy, because umap-learn removes edges that are too long in place.
    cut = cut_neighbors(neighbors, X.shape[0], parameters.get("n_neighbors", 15))
    return {"precomputed_knn": (*cut, *index)}


def _check_sharing(model: UMAP, X: np.ndarray | csr_matrix, parameters: dict[str, Any]) -> None:
    check_is_fitted(model, "graph_")
    if not hasattr(model, "_knn_indices") and not getattr(model, "_small_data", False):
        raise ValueError("neighbors cannot be those of a joined model, which has none")
    if model.unique:
        raise ValueError("neighbors cannot be those of a model fitted with unique=True")
    metric = parameters.get("metric", "euclidean")
    if model.metric != metric:
        raise ValueError(f"neighbors must be of metric {metric!r}, got {model.metric!r}")
    if not _is_same(model._raw_data, X):
        raise ValueError("neighbors must be of a model that was fitted to the same X")


def _is_same(X: np.ndarray | csr_matrix, other: np.ndarray | csr_matrix) -> bool:
    if issparse(X) and issparse(other):
        return X.shape == other.shape and (X - other).nnz == 0
    return np.array_equal(X, other)


def _to_codes(y: Sequence, n_samples: int) -> np.ndarray:
    """Return labels as the numbers that umap-learn needs, -1 for an unknown string.

    Raises TypeError for labels that are neither numbers nor strings, and ValueError for missing
    numbers and for another number of labels than samples.
    """
    try:
        labels = pl.Series([] if isinstance(y, str) else y)
    except Exception:  # Polars has many
        kind = type(y).__name__
        raise TypeError(f"y must hold numbers or strings, not both, got {kind}") from None
    if labels.dtype in (pl.String, pl.Categorical, pl.Enum):
        codes = to_enum(labels).to_physical().cast(pl.Int32).fill_null(-1).to_numpy()
    elif labels.dtype.is_numeric() or labels.dtype == pl.Boolean:
        codes = _check_numbers(labels)
    else:
        raise TypeError(f"y must hold numbers or strings, got {labels.dtype.base_type()}")
    if len(codes) != n_samples:
        raise ValueError(
            f"y must have one label for each of the {n_samples} samples, got {len(codes)}"
        )
    return codes


def _check_numbers(labels: pl.Series) -> np.ndarray:
    codes = (labels.cast(pl.Float64) if labels.null_count() else labels).to_numpy()
    if n_missing := int((~np.isfinite(codes)).sum()):
        raise ValueError(
            f"y must be finite, and -1 where it is unknown, got {n_missing} values that are not"
        )
    return codes
