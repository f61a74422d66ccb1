"""UMAP that shows its every epoch, on umap-learn as it is.

umap-learn has no per-epoch callback. But its optimisation loop accepts a *list* of epochs at which
to keep the embedding, and asks `n in list` after each step. A list whose `__contains__` calls back
therefore streams every epoch out of the unmodified loop.
"""

import inspect
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from types import FunctionType
from typing import Any, Self

import numba
import numpy as np
import polars as pl
from umap import UMAP, layouts
from umap.layouts import optimize_layout_euclidean
from umap.umap_ import compute_membership_strengths, simplicial_set_embedding, smooth_knn_dist

from animated.methods.arguments import OnEpoch, check_arguments
from animated.methods.rebind import rebind
from animated.neighbors import Neighbors, cut_neighbors
from animated.progress import is_hidden
from animated.tables import check_features, to_enum

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
    y: Sequence | None = None,
    neighbors: Neighbors | None = None,
    **parameters: Any,
) -> np.ndarray:
    """Embed `X` with UMAP and show every epoch to `on_epoch`.

    X: float32 array (n_samples, n_features), finite.
    n_epochs: optimisation steps, 0 or more; `on_epoch` sees n_epochs + 1 layouts.
    seed: the same seed gives the same bytes on the same machine; None uses all cores instead.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.
        In UMAP the first step moves nothing: its edges are first due in the second.
    y: labels (n_samples,) for a supervised fit; numbers, -1 where unknown, or a Polars
        Series of strings, null where unknown.
    neighbors: what `animated.neighbors.find_neighbors` returned for the same `X` and metric, at
        least n_neighbors of them; None lets umap-learn search them itself in every fit.
    parameters: passed to `umap.UMAP`, such as n_neighbors, min_dist, metric, densmap.

    Returns a float32 array (n_samples, n_components), bit for bit what `umap.UMAP` returns
    for the same arguments, with `neighbors` as its `precomputed_knn`, with or without callback.
    Raises ValueError and TypeError for bad arguments, and RuntimeError when the installed
    umap-learn no longer works the way the callback needs.

    Source: McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection
    for Dimension Reduction", 2018, arXiv:1802.03426.
    """
    X = check_features(X)
    y = None if y is None else _to_codes(y)
    _check_labels(y, len(X))
    check_arguments(n_components, n_epochs, on_epoch)
    parameters = {
        # A seeded run has one thread; saying so avoids umap-learn's warning.
        "n_jobs": -1 if seed is None else 1,
        # umap-learn shows no progress unless it is asked to.
        "tqdm_kwds": {"desc": "UMAP", "disable": is_hidden()},
    } | parameters
    if neighbors is not None:
        _check_alone(parameters)
        # A copy, because umap-learn cuts the ties that are too long in place.
        cut = cut_neighbors(neighbors, len(X), parameters.get("n_neighbors", 15))
        parameters["precomputed_knn"] = cut
    model = ObservableUMAP(
        # umap-learn knows no integers but Python's.
        n_components=int(n_components),
        n_epochs=int(n_epochs),
        random_state=seed,
        **parameters,
    )
    threads = numba.get_num_threads()
    try:
        with warnings.catch_warnings():
            # It tells that the model cannot place new samples, which nobody can ask of it.
            warnings.filterwarnings("ignore", r"precomputed_knn\[2\]")
            return model.fit(X, y, on_epoch=on_epoch).embedding_
    finally:  # umap-learn gives the threads back only when nothing goes wrong
        numba.set_num_threads(threads)


class ObservableUMAP(UMAP):
    """`umap.UMAP` whose `fit` and `fit_transform` also take `on_epoch`.

    It replaces `_fit_embed_data`, which umap-learn offers to subclasses and to which it passes
    any further keyword argument of `fit`.
    """

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray | None = None,
        *args: Any,
        on_epoch: OnEpoch | None = None,
        **kwargs: Any,
    ) -> Self:
        """Fit as `umap.UMAP` does, and call `on_epoch(epoch, embedding)` for every epoch.

        Raises ValueError for an output metric other than Euclidean, and RuntimeError
        when the installed umap-learn no longer works the way the callback needs.
        """
        if on_epoch is not None:
            _check_umap_learn(self.output_metric)
        return super().fit(X, y, *args, on_epoch=on_epoch, **kwargs)

    def _fit_embed_data(self, X, n_epochs, init, random_state, on_epoch=None):
        fit = UMAP._fit_embed_data
        if on_epoch is not None:
            fit = _observe(fit, lambda epoch, layout: on_epoch(epoch, self._finish(epoch, layout)))
        return fit(self, X, n_epochs, init, random_state)

    def _finish(self, epoch: int, layout: np.ndarray) -> np.ndarray:
        """Return a copy of `layout`, treated as `fit` will treat the last one."""
        if epoch == 0:
            self._disconnected = np.asarray(self.graph_.sum(axis=1)).ravel() == 0
        finished = layout.copy()
        finished[self._disconnected] = np.nan
        # With unique=True duplicates are embedded once and then given back their rows.
        return finished[self._unique_inverse_] if self.unique else finished


class _Stop(Exception):
    """The callback has asked the run to stop."""


class _Epochs(list):
    """The epochs to keep, as umap-learn takes them: being searched is the sign of a step done."""

    def __init__(self, n_epochs: int, show: Callable[[int], None]):
        super().__init__([n_epochs])  # umap-learn runs up to the largest
        self.show = show
        self.n_shown = 0

    def __contains__(self, n: int) -> bool:
        self.n_shown += 1
        self.show(n + 1)
        return False  # no need for umap-learn to keep a copy, too


def _observe(fit: FunctionType, on_epoch: OnEpoch) -> FunctionType:
    def optimize(head_embedding, tail_embedding, head, tail, n_epochs, *args, **kwargs):
        def show(epoch: int) -> None:
            if on_epoch(epoch, head_embedding):
                raise _Stop

        epochs = _Epochs(n_epochs, show)
        try:
            show(0)
            optimize_layout_euclidean(
                head_embedding, tail_embedding, head, tail, epochs, *args, **kwargs
            )
            _check_count(epochs.n_shown, n_epochs)
        except _Stop:
            pass
        return head_embedding  # it is updated in place

    embed = rebind(simplicial_set_embedding, optimize_layout_euclidean=optimize)
    return rebind(fit, simplicial_set_embedding=embed)


def _to_codes(y: Sequence) -> np.ndarray:
    """Return labels as the numbers that umap-learn needs."""
    labels = pl.Series(y)
    if labels.dtype in (pl.String, pl.Categorical, pl.Enum):
        return to_enum(labels).to_physical().cast(pl.Int32).fill_null(-1).to_numpy()
    return labels.to_numpy()


def _check_labels(y: np.ndarray | None, n_samples: int) -> None:
    if y is not None and len(y) != n_samples:
        raise ValueError(f"y must have one label for each of the {n_samples} samples, got {len(y)}")


def _check_alone(parameters: dict[str, Any]) -> None:
    for name in ("unique", "precomputed_knn"):
        if parameters.get(name):
            raise ValueError(f"{name} cannot be given together with neighbors")


def _check_umap_learn(output_metric: str) -> None:
    """Raise before any work when the callback could not be called."""
    if output_metric not in ("euclidean", "l2"):
        raise ValueError(f"on_epoch needs output_metric 'euclidean' or 'l2', got {output_metric!r}")
    first = [*inspect.signature(optimize_layout_euclidean).parameters][:5]
    if first != ["head_embedding", "tail_embedding", "head", "tail", "n_epochs"]:
        _refuse(f"optimize_layout_euclidean takes {', '.join(first)} first")
    calls = (
        (UMAP._fit_embed_data, "simplicial_set_embedding"),
        (simplicial_set_embedding, "optimize_layout_euclidean"),
    )
    for function, name in calls:
        if name not in function.__code__.co_names:
            _refuse(f"{function.__name__} does not call {name}")


def _check_count(n_shown: int, n_epochs: int) -> None:
    if n_shown != n_epochs:
        _refuse(f"it asked for {n_shown} of {n_epochs} epochs")


def _refuse(reason: str) -> None:
    raise RuntimeError(
        f"the callback does not fit umap-learn {version('umap-learn')}: {reason}; "
        "install the version that constraints.txt names, or fit without on_epoch"
    )
