"""UMAP as one function that shows its every epoch, and as one that returns the fitted model."""

import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any

import animated.numba_cache  # noqa: F401  first, as umap-learn compiles on import

# isort: split
import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, issparse
from sklearn.utils.validation import check_is_fitted
from umap import UMAP, layouts
from umap.umap_ import compute_membership_strengths, smooth_knn_dist

from animated.methods._umap_callback import ObservableUMAP
from animated.methods.declaration import Checkpoint
from animated.neighbors.search import NEEDY, Neighbors, cut_neighbors
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

# umap-learn has these compiled in every process, for five seconds. numba can keep them on disk,
# as it keeps others of umap-learn, and they compute the same. Some versions lack the last, private.
OPTIMIZE = getattr(layouts, "_nb_optimize_layout_euclidean_single_epoch", None)
KERNELS = (smooth_knn_dist, compute_membership_strengths, *filter(None, [OPTIMIZE]))
for kernel in KERNELS:
    kernel.enable_caching()


def umap(
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
) -> np.ndarray:
    """Embed `X` with UMAP and show every epoch to `on_epoch`.

    X: float32 array (n_samples, n_features), or a sparse matrix, which becomes CSR; finite.
    n_epochs: optimisation steps, 0 or more; `on_epoch` sees n_epochs + 1 layouts.
    seed: the same seed gives the same bytes on the same machine; None uses all cores instead.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.
        In UMAP the first step moves nothing: its edges are first due in the second.
    checkpoint: what an interrupted run has kept, to go on with it, see `animated.runs.checkpoints`;
        only a seeded run can be gone on with.
    y: labels (n_samples,) for a supervised fit; numbers, -1 where unknown, or a Polars
        Series of strings, null where unknown.
    neighbors: what `animated.neighbors.search.find_neighbors` returned for the same `X` and metric, at
        least n_neighbors of them; or a model that was fitted to the same `X` with the same metric,
        to share its neighbours; None lets umap-learn search them itself in every fit.
    parameters: passed to `umap.UMAP`, such as n_neighbors, min_dist, metric, densmap.

    Returns a float32 array (n_samples, n_components), bit for bit what `umap.UMAP` returns
    for the same arguments, with `neighbors` as its `precomputed_knn`, with or without callback.
    Raises ValueError and TypeError for bad arguments, and RuntimeError when the installed
    umap-learn no longer works the way the callback needs.

    Source: McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection
    for Dimension Reduction", 2018, arXiv:1802.03426.
    """
    return fit_umap(
        X,
        n_components=n_components,
        n_epochs=n_epochs,
        seed=seed,
        on_epoch=on_epoch,
        checkpoint=checkpoint,
        y=y,
        neighbors=neighbors,
        **parameters,
    ).embedding_


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
    """Fit UMAP to `X` as `umap` does, and return the model, which can place unseen points.

        model = fit_umap(X, n_epochs=200, seed=42)
        model.embedding_, model.transform(X_new, on_epoch=print)

    Takes what `umap` takes, and raises what it raises. To place points a model needs umap-learn's
    own index of the neighbours: it has one when `neighbors` is None, or a model that has one, but
    not when it is what `find_neighbors` returned.
    """
    X = check_sparse_features(X) if issparse(X) else check_features(X)
    y = None if y is None else _to_codes(y)
    _check_labels(y, X.shape[0])
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
        # umap-learn knows no integers but Python's.
        n_components=int(n_components),
        n_epochs=int(n_epochs),
        random_state=seed,
        **parameters,
    )
    with warnings.catch_warnings():
        # It tells that the model cannot place new samples, as the description above does.
        warnings.filterwarnings("ignore", r"precomputed_knn\[2\]")
        # Some metrics have no gradient, which only the inverse of transform would need.
        warnings.filterwarnings("ignore", "gradient function is not yet implemented")
        return model.fit(X, y, on_epoch=on_epoch, checkpoint=checkpoint)


def _check_parameters(
    X: np.ndarray | csr_matrix, n_components: int, parameters: dict[str, Any]
) -> None:
    """Raise before any work where umap-learn does not, or not in words."""
    n_samples = X.shape[0]
    if n_samples < n_components + 2:
        raise ValueError(
            f"X must have at least {n_components + 2} samples for {n_components} components, "
            f"got {n_samples}"
        )
    check_integer("n_neighbors", parameters.get("n_neighbors", 15), 2, n_samples - 1)
    metric = parameters.get("metric", "euclidean")
    if isinstance(metric, str) and metric in NEEDY and not parameters.get("metric_kwds"):
        raise ValueError(f"metric {metric!r} must be given parameters, as metric_kwds")
    min_dist, spread = parameters.get("min_dist", 0.1), parameters.get("spread", 1.0)
    if not (isinstance(min_dist, Real) and isinstance(spread, Real) and 0 <= min_dist <= spread):
        raise ValueError(f"min_dist must be from 0 to spread {spread!r}, got {min_dist!r}")
    init = parameters.get("init", "spectral")
    if isinstance(init, np.ndarray):
        if init.shape != (n_samples, n_components) or init.dtype.kind not in "iuf":
            raise ValueError(
                f"init must have shape ({n_samples}, {n_components}), got {init.dtype} {init.shape}"
            )
        if not np.ptp(init, axis=0).min() > 0:  # NaN is not either
            raise ValueError("init must be finite and differ along every axis, got one that is not")


def _share(
    neighbors: Neighbors | UMAP, X: np.ndarray, parameters: dict[str, Any]
) -> dict[str, tuple]:
    """Return the neighbours as the parameter that umap-learn takes, or none to let it search."""
    for name in ("unique", "precomputed_knn"):
        if parameters.get(name):
            raise ValueError(f"{name} cannot be given together with neighbors")
    index = ()
    if isinstance(neighbors, UMAP):
        _check_sharing(neighbors, X, parameters)
        if neighbors._small_data:  # all pairs were looked at, and none kept
            return {}
        index = (neighbors._knn_search_index,)
        neighbors = Neighbors(neighbors._knn_indices, neighbors._knn_dists)
    # A copy, because umap-learn cuts the ties that are too long in place.
    cut = cut_neighbors(neighbors, X.shape[0], parameters.get("n_neighbors", 15))
    return {"precomputed_knn": (*cut, *index)}


def _check_sharing(model: UMAP, X: np.ndarray, parameters: dict[str, Any]) -> None:
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


def _to_codes(y: Sequence) -> np.ndarray:
    """Return labels as the numbers that umap-learn needs.

    Raises TypeError when they are neither numbers nor words, ValueError when numbers are missing.
    """
    try:
        labels = pl.Series([] if isinstance(y, str) else y)
    except Exception:  # Polars has many
        kind = type(y).__name__
        raise TypeError(f"y must hold numbers or words, of one kind, got {kind}") from None
    if labels.dtype in (pl.String, pl.Categorical, pl.Enum):
        return to_enum(labels).to_physical().cast(pl.Int32).fill_null(-1).to_numpy()
    if not labels.dtype.is_numeric() and labels.dtype != pl.Boolean:
        raise TypeError(f"y must hold numbers or words, got {labels.dtype.base_type()}")
    codes = labels.cast(pl.Float64) if labels.null_count() else labels
    codes = codes.to_numpy()
    if not np.isfinite(codes).all():
        missing = int((~np.isfinite(codes)).sum())
        raise ValueError(f"y must be finite, and -1 where it is unknown, got {missing} not so")
    return codes


def _check_labels(y: np.ndarray | None, n_samples: int) -> None:
    if y is not None and len(y) != n_samples:
        raise ValueError(f"y must have one label for each of the {n_samples} samples, got {len(y)}")
