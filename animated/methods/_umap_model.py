"""UMAP as a fitted model: `umap.UMAP` whose fit, transform and operators report every epoch."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from threading import RLock
from typing import Any, Self

from animated.storage.numba_cache import numba  # first, as umap-learn compiles on import

# isort: split
import numpy as np
from scipy.sparse import csr_matrix, issparse
from sklearn.utils.validation import check_is_fitted
from umap import UMAP

from animated.methods._hooks import rebind
from animated.methods._umap_callback import LIBRARY, observe
from animated.methods.declaration import Checkpoint
from animated.validation import OnEpoch, check_callback, check_features, check_sparse_features

JOINS = {"*": UMAP.__mul__, "+": UMAP.__add__, "-": UMAP.__sub__}
# Where numba has neither TBB nor OpenMP, it aborts a process in which two threads call parallel
# functions at once, as those of pynndescent and of an unseeded UMAP are. The lock is reentrant
# because a callback may itself fit or transform.
LOCK = RLock()
# `transform` takes one step for every three of the fit.
STEPS_OF_FIT = 3


class ObservableUMAP(UMAP):
    """`umap.UMAP` whose `fit`, `fit_transform` and `transform` also take `on_epoch`."""

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray | None = None,
        *args: Any,
        on_epoch: OnEpoch | None = None,
        checkpoint: Checkpoint | None = None,
        **kwargs: Any,
    ) -> Self:
        """Fit as `umap.UMAP` does, and call `on_epoch(epoch, embedding)` for every epoch.

        checkpoint: saves the state of the fit, and resumes from the one that it has; see
            `animated.methods.declaration.Checkpoint`.

        Raises RuntimeError before any work when the installed umap-learn no longer works the way
        the callback needs.
        """
        _check_callback(on_epoch, self.transform_mode)

        def report(epoch: int, embedding: np.ndarray) -> Any:
            # Not `on_epoch and ...`: a callback may be a list, which is false while it is empty.
            return on_epoch is not None and on_epoch(epoch, self._finish(embedding))

        embed = UMAP._fit_embed_data
        if on_epoch is not None or checkpoint is not None:
            embed = observe(embed, report, checkpoint)
        self._disconnected = None
        with LOCK, _restoring_threads():
            return super().fit(X, y, *args, embed=embed, **kwargs)

    def _fit_embed_data(self, X, n_epochs, init, random_state, embed=UMAP._fit_embed_data):
        """Call `embed`: umap-learn passes keywords of `fit` on to this method of subclasses."""
        return embed(self, X, n_epochs, init, random_state)

    def transform(
        self, X: np.ndarray, *args: Any, on_epoch: OnEpoch | None = None, **kwargs: Any
    ) -> np.ndarray:
        """Embed unseen points among those of the fit, which stay where they are.

        A point starts at the weighted mean of its nearest neighbours among the samples of the fit.
        Then it takes a third as many steps as the fit took.

        X: float32 array (n_points, n_features), finite.
        on_epoch: called as `on_epoch(epoch, embedding)` with the new points alone: epoch 0 is where
            they start, and the last call has exactly what is returned. When `X` is the very array
            of the fit, umap-learn returns the embedding of the fit, which is then the only epoch.

        Returns a float32 array (n_points, n_components), bit for bit what `umap.UMAP` returns, with
        or without a callback. A point that is disconnected from all samples is NaN.
        The same point may end slightly elsewhere in other company, because umap-learn scales the
        sampling rate of all edges by the strongest edge of the new points.

        Raises NotImplementedError for a model that cannot embed new points: a joined one, a
        densMAP, one without a search index, such as one fitted to given neighbours, and one fitted
        with unique=True to 4,096 samples or more, whose rows umap-learn would mix up. Raises
        ValueError for another number of features and after a fit of fewer than three epochs, and
        RuntimeError as `fit` does.
        """
        _check_callback(on_epoch, self.transform_mode)
        X = self._check_transform(X)
        if on_epoch is None:
            with LOCK:
                return super().transform(X, *args, **kwargs)
        epochs = []

        def report(epoch: int, embedding: np.ndarray) -> Any:
            epochs.append(epoch)
            return on_epoch(epoch, embedding.copy())

        with LOCK:
            embedding = observe(UMAP.transform, report)(self, X, *args, **kwargs)
        if not epochs:
            report(0, embedding)
        return embedding

    def _finish(self, embedding: np.ndarray) -> np.ndarray:
        """Return a copy of `embedding` with the changes that `fit` makes to the last one."""
        if self._disconnected is None:
            self._disconnected = np.asarray(self.graph_.sum(axis=1)).ravel() == 0
        finished = embedding.copy()
        finished[self._disconnected] = np.nan
        # With unique=True one of several equal samples is embedded, and all get its row.
        return finished[self._unique_inverse_] if self.unique else finished

    def _check_transform(self, X: np.ndarray) -> np.ndarray | csr_matrix:
        """Return `X` as features; raise where umap-learn would fail late or without words."""
        check_is_fitted(self, "graph_")
        if not hasattr(self, "_raw_data"):
            raise NotImplementedError(
                "a joined model cannot transform unseen points: "
                "it has a graph of the samples, but not their features"
            )
        if self.unique and not self._small_data:
            raise NotImplementedError(
                "a model fitted with unique=True cannot transform unseen points"
            )
        if self.n_epochs is not None and self.n_epochs < STEPS_OF_FIT:
            raise ValueError(
                f"transform takes n_epochs // {STEPS_OF_FIT} steps, "
                f"so n_epochs of the fit must be at least {STEPS_OF_FIT}, got {self.n_epochs}"
            )
        return _check_like(X, self._raw_data)


def join_models(
    first: UMAP, second: UMAP, operator: str, on_epoch: OnEpoch | None = None
) -> ObservableUMAP:
    """Join the graphs of two models of the same samples, and embed the joined graph.

        join_models(fit_umap(words, ...), fit_umap(numbers, ...), "*").embedding_

    first, second: fitted models, each of which may itself be joined.
    operator: "*" for the intersection, which connects samples that are similar in both models;
        "+" for the union, which connects samples that are similar in at least one;
        "-" for the contrast, which connects samples that are similar in the first but not in the
        second.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.

    Returns a model whose `embedding_`, float32 (n_samples, n_components), is bit for bit what
    umap-learn's own operator gives. Whatever the two models used, that takes the larger n_epochs,
    the smaller n_components, Euclidean distances in the embedding and the seed 42.
    The joined model can be joined again, but it cannot transform unseen points.

    Raises ValueError for another operator, for models of different numbers of samples, and for
    models with densmap, output_dens or unique, which umap-learn cannot join; NotFittedError for a
    model that is not fitted, TypeError for anything but a model, and RuntimeError as
    `ObservableUMAP.fit` does.
    """
    _check_callback(on_epoch)
    _check_models(first, second, operator)
    join = JOINS[operator]
    if on_epoch is not None:
        join = observe(join, lambda epoch, embedding: on_epoch(epoch, embedding.copy()))
    unchanged = copy(first)
    unchanged.graph_ = first.graph_.copy()  # umap-learn's `-` writes into the first graph
    joined = rebind(LIBRARY, join, UMAP=ObservableUMAP)(unchanged, second)
    joined.tqdm_kwds = first.tqdm_kwds  # umap-learn does not pass on the settings of the bar
    return joined


@contextmanager
def _restoring_threads() -> Iterator[None]:
    """Restore numba's number of threads, which umap-learn does only when nothing fails."""
    threads = numba.get_num_threads()
    try:
        yield
    finally:
        numba.set_num_threads(threads)


def _check_callback(on_epoch: OnEpoch | None, mode: str = "embedding") -> None:
    check_callback(on_epoch)
    if on_epoch is not None and mode != "embedding":
        raise ValueError(f"on_epoch needs transform_mode 'embedding', got {mode!r}")


def _check_like(X: np.ndarray, fitted: np.ndarray | csr_matrix) -> np.ndarray | csr_matrix:
    """Return `X` as features of the same kind and number as those of the fit."""
    if np.shape(X)[1:] != fitted.shape[1:]:
        raise ValueError(f"X must have shape (n_points, {fitted.shape[1]}), got {np.shape(X)}")
    if issparse(X) != issparse(fitted):
        kind = "sparse" if issparse(fitted) else "dense"
        raise TypeError(f"X must be {kind}, as in the fit, got {type(X).__name__}")
    return check_sparse_features(X) if issparse(X) else check_features(X)


def _check_models(first: UMAP, second: UMAP, operator: str) -> None:
    if operator not in JOINS:
        raise ValueError(f"operator must be one of {', '.join(JOINS)}, got {operator!r}")
    for model in (first, second):
        _check_model(model)
    sizes = [model.graph_.shape[0] for model in (first, second)]
    if sizes[0] != sizes[1]:
        raise ValueError(f"models must be of the same samples, got {sizes[0]} and {sizes[1]}")


def _check_model(model: Any) -> None:
    if not isinstance(model, UMAP):
        raise TypeError(f"models must be of umap.UMAP, got {type(model).__name__}")
    check_is_fitted(model, "graph_")
    for name in ("densmap", "output_dens", "unique"):
        if np.any(getattr(model, name)):
            raise ValueError(f"a model fitted with {name}=True cannot be joined")
