"""Fitted UMAP models that show their every epoch, on umap-learn as it is.

umap-learn has no per-epoch callback. But each of its optimisation loops asks `tqdm` for its next
step, to show a progress bar. A loop that finds another `tqdm` in its place, one that calls back
between the steps, therefore streams out every epoch of a fit, of unseen points that are placed
in a finished map, and of a joined model.
"""

import inspect
from collections.abc import Iterable, Iterator
from copy import copy
from importlib.metadata import version
from threading import RLock
from types import FunctionType
from typing import Any, Self

from animated.numba_cache import numba  # first, as umap-learn compiles on import

# isort: split
import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted
from tqdm.auto import tqdm
from umap import UMAP
from umap.layouts import optimize_layout_euclidean, optimize_layout_generic
from umap.umap_ import simplicial_set_embedding

from animated.methods._rebind import rebind
from animated.methods._umap_state import keep_layouts, keep_steps
from animated.methods.declaration import Checkpoint
from animated.validation import OnEpoch, check_callback, check_features, check_sparse_features

LOOPS = (optimize_layout_euclidean, optimize_layout_generic)
JOINS = {"*": UMAP.__mul__, "+": UMAP.__add__, "-": UMAP.__sub__}
# Two threads that search neighbours at once would end the process: pynndescent has numba work in a
# way that allows only one. A callback may fit or place in its turn.
ONE_AT_A_TIME = RLock()
# umap-learn's transform takes one step where the fit has taken three.
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

        checkpoint: what an interrupted fit has kept, to go on with it, see `animated.runs.checkpoints`.

        Raises RuntimeError when the installed umap-learn no longer works the way the callback
        needs, before any work starts.
        """
        _check_callback(on_epoch, self.transform_mode)
        embed = UMAP._fit_embed_data
        if on_epoch is not None or checkpoint is not None:
            observed = _observe(
                simplicial_set_embedding,
                # A callback may be a list, which is false while it is empty.
                lambda epoch, layout: (
                    on_epoch is not None and on_epoch(epoch, self._finish(layout))
                ),
                checkpoint,
            )
            if checkpoint is not None:
                observed = _replace(observed, **keep_layouts(checkpoint))
            embed = _replace(embed, simplicial_set_embedding=observed)
        self._disconnected = None
        threads = numba.get_num_threads()
        try:
            with ONE_AT_A_TIME:
                return super().fit(X, y, *args, embed=embed, **kwargs)
        finally:  # umap-learn gives the threads back only when nothing goes wrong
            numba.set_num_threads(threads)

    def _fit_embed_data(self, X, n_epochs, init, random_state, embed=UMAP._fit_embed_data):
        """Embed by `embed`: umap-learn offers this method to subclasses, and passes it on."""
        return embed(self, X, n_epochs, init, random_state)

    def transform(
        self, X: np.ndarray, *args: Any, on_epoch: OnEpoch | None = None, **kwargs: Any
    ) -> np.ndarray:
        """Place unseen points in the finished map, which stays as it is.

        A point starts at the mean of its nearest neighbours among the samples of the fit, weighted
        by how near they are. Then it takes a third as many steps as the fit took.

        X: float32 array (n_points, n_features), finite.
        on_epoch: called as `on_epoch(epoch, embedding)` with the new points alone: with epoch 0,
            where they start, after each step, and last with exactly what is returned. For the very
            array of the fit umap-learn returns the map itself: that is then epoch 0, and the last.

        Returns a float32 array (n_points, n_components), bit for bit what `umap.UMAP` returns, with
        or without callback. NaN stands for a point that is too far from all others to have a place.
        The same point may end a little elsewhere in other company, as the strongest tie of all the
        new points decides how often the ties of each are due.

        Raises NotImplementedError for a model that cannot place points: a joined one, a densMAP,
        one fitted to given neighbours, without a search index, or with unique=True to 4,096 or more
        samples, whose positions umap-learn would mistake. Raises ValueError for another number of
        features and after a fit of fewer than three epochs, RuntimeError as `fit` does.
        """
        _check_callback(on_epoch, self.transform_mode)
        X = self._check_placing(X)
        if on_epoch is None:
            with ONE_AT_A_TIME:
                return super().transform(X, *args, **kwargs)
        epochs = []

        def show(epoch: int, layout: np.ndarray) -> Any:
            epochs.append(epoch)
            return on_epoch(epoch, layout.copy())

        with ONE_AT_A_TIME:
            placed = _observe(UMAP.transform, show)(self, X, *args, **kwargs)
        if not epochs:
            show(0, placed)
        return placed

    def _finish(self, layout: np.ndarray) -> np.ndarray:
        """Return a copy of `layout`, treated as `fit` will treat the last one."""
        if self._disconnected is None:
            self._disconnected = np.asarray(self.graph_.sum(axis=1)).ravel() == 0
        finished = layout.copy()
        finished[self._disconnected] = np.nan
        # With unique=True duplicates are embedded once and then given back their rows.
        return finished[self._unique_inverse_] if self.unique else finished

    def _check_placing(self, X: np.ndarray) -> np.ndarray:
        """Return `X` as features; raise before any work where umap-learn does not in words."""
        check_is_fitted(self, "graph_")
        if not hasattr(self, "_raw_data"):
            raise NotImplementedError(
                "a joined model cannot place unseen points: "
                "it has a graph of the samples, but not their features"
            )
        if self.unique and not self._small_data:
            raise NotImplementedError("a model fitted with unique=True cannot place unseen points")
        if np.shape(X)[1:] != self._raw_data.shape[1:]:
            n_features = self._raw_data.shape[1]
            raise ValueError(f"X must have shape (n_points, {n_features}), got {np.shape(X)}")
        if self.n_epochs is not None and self.n_epochs < STEPS_OF_FIT:
            raise ValueError(
                f"transform takes n_epochs // {STEPS_OF_FIT} steps, "
                f"so n_epochs of the fit must be at least {STEPS_OF_FIT}, got {self.n_epochs}"
            )
        if issparse(X) != issparse(self._raw_data):
            kind = "sparse" if issparse(self._raw_data) else "dense"
            got = type(X).__name__
            raise TypeError(f"X must be {kind}, as that of the fit was, got {got}")
        return check_sparse_features(X) if issparse(X) else check_features(X)


def join_models(
    first: UMAP, second: UMAP, operator: str, on_epoch: OnEpoch | None = None
) -> ObservableUMAP:
    """Join what two models know about the same samples, and lay the joined graph out.

    first, second: fitted models, of which each may be a joined one.
    operator: "*" for the intersection, in which samples are tied that are alike in both;
        "+" for the union, in which it is enough to be alike in one;
        "-" for the contrast, in which samples are tied that are alike in the first but not in
        the second.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.

    Returns a model whose `embedding_`, float32 (n_samples, n_components), is bit for bit what
    umap-learn's own operator gives. That takes the larger of the two n_epochs, the smaller of the
    n_components, a Euclidean layout and the seed 42, whatever those of the models were.
    The joined model can be joined again, but it cannot place unseen points.

    Raises ValueError for another operator, for models that are not of equally many samples, and for
    those with densmap, output_dens or unique, which umap-learn cannot join; NotFittedError when one
    is not fitted, TypeError when one is no model, and RuntimeError as `ObservableUMAP.fit` does.
    """
    _check_callback(on_epoch)
    _check_joining(first, second, operator)
    embed = simplicial_set_embedding
    if on_epoch is not None:
        embed = _observe(embed, lambda epoch, layout: on_epoch(epoch, layout.copy()))
    join = _replace(JOINS[operator], UMAP=ObservableUMAP, simplicial_set_embedding=embed)
    spare = copy(first)
    spare.graph_ = first.graph_.copy()  # umap-learn's `-` writes into it
    joined = join(spare, second)
    joined.tqdm_kwds = first.tqdm_kwds  # umap-learn forgets how to show progress
    return joined


class _Stop(Exception):
    """The callback has asked the run to stop."""


def _observe(
    function: FunctionType, on_epoch: OnEpoch, checkpoint: Checkpoint | None = None
) -> FunctionType:
    """Return `function`, which calls umap-learn's loops, with loops that show every epoch."""
    loops = {loop.__name__: _observe_loop(loop, on_epoch, checkpoint) for loop in LOOPS}
    return _replace(function, **loops)


def _observe_loop(
    loop: FunctionType, on_epoch: OnEpoch, checkpoint: Checkpoint | None
) -> FunctionType:
    first = [*inspect.signature(loop).parameters][:5]
    if first != ["head_embedding", "tail_embedding", "head", "tail", "n_epochs"]:
        _refuse(f"{loop.__name__} takes {', '.join(first)} first")
    _check_calls(loop, "tqdm")
    first = 0 if checkpoint is None else checkpoint.epoch
    if checkpoint is not None:
        loop = _replace(loop, **keep_steps(loop, checkpoint))

    def optimize(head_embedding, tail_embedding, head, tail, n_epochs, *args, **kwargs):
        n_shown = 0

        def show(epoch: int) -> None:
            if epoch >= first and on_epoch(epoch, head_embedding):
                raise _Stop

        def take(steps: Iterable[int], **options: Any) -> Iterator[int]:
            nonlocal n_shown
            for step in tqdm(steps, **options):
                yield step
                n_shown += 1
                show(n_shown)

        try:
            show(0)
            layout = rebind(loop, tqdm=take)(
                head_embedding, tail_embedding, head, tail, n_epochs, *args, **kwargs
            )
        except _Stop:
            return head_embedding  # it is updated in place
        if n_shown != n_epochs:
            _refuse(f"it asked for {n_shown} of {n_epochs} epochs")
        return layout

    return optimize


def _replace(function: FunctionType, **names: Any) -> FunctionType:
    """Rebind the names that `function` calls, and refuse when it does not call them."""
    _check_calls(function, *names)
    return rebind(function, **names)


def _check_calls(function: FunctionType, *names: str) -> None:
    for name in names:
        if name not in function.__code__.co_names:
            _refuse(f"{function.__name__} does not call {name}")


def _refuse(reason: str) -> None:
    raise RuntimeError(
        f"the callback does not fit umap-learn {version('umap-learn')}: {reason}; "
        "install the version that constraints.txt names, or fit without on_epoch"
    )


def _check_callback(on_epoch: OnEpoch | None, mode: str = "embedding") -> None:
    check_callback(on_epoch)
    if on_epoch is not None and mode != "embedding":
        raise ValueError(f"on_epoch needs transform_mode 'embedding', got {mode!r}")


def _check_joining(first: UMAP, second: UMAP, operator: str) -> None:
    if operator not in JOINS:
        raise ValueError(f"operator must be one of {', '.join(JOINS)}, got {operator!r}")
    for model in (first, second):
        if not isinstance(model, UMAP):
            raise TypeError(f"models must be of umap.UMAP, got {type(model).__name__}")
        check_is_fitted(model, "graph_")
        for name in ("densmap", "output_dens", "unique"):
            if np.any(getattr(model, name)):
                raise ValueError(f"a model fitted with {name}=True cannot be joined")
    sizes = [model.graph_.shape[0] for model in (first, second)]
    if sizes[0] != sizes[1]:
        raise ValueError(f"models must be of the same samples, got {sizes[0]} and {sizes[1]}")
