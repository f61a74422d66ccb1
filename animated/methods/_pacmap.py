"""PaCMAP that shows its every epoch, on the optional package pacmap as it is.

pacmap keeps snapshots, but gives them only when the run is over. Yet its loop calls one function
to move the points, with the layout as its first argument. A loop that finds another function
under that name shows the layout before every step, and can be stopped.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from animated.methods._progress import Layouts
from animated.methods._rebind import rebind
from animated.methods.declaration import Checkpoint, declare
from animated.validation import (
    OnEpoch,
    check_arguments,
    check_features,
    check_integer,
    check_pca,
    check_seed,
    is_integer,
)

# Of fewer samples pacmap cannot draw its pairs.
LEAST_SAMPLES = 5
# pacmap's own number of steps in each of its three phases.
PHASES = (100, 100, 250)


@declare(libraries=("pacmap", "faiss-cpu"))
def pacmap(
    X: np.ndarray,
    *,
    n_components: int = 2,
    n_epochs: int,
    seed: int | None,
    on_epoch: OnEpoch | None = None,
    checkpoint: Checkpoint | None = None,
    num_iters: Sequence[int] | None = None,
    init: str | np.ndarray | None = None,
    **parameters: Any,
) -> np.ndarray:
    """Embed `X` with PaCMAP and show every epoch to `on_epoch`.

    X: float32 array (n_samples, n_features), finite.
    n_epochs: optimisation steps of all three phases, 0 or more; `on_epoch` sees n_epochs + 1
        layouts.
    seed: the same seed gives the same bytes on the same machine; pacmap then searches neighbours
        on one core, and so does all of faiss from then on.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.
    checkpoint: what an interrupted run has kept, to go on with it, see `animated.runs.checkpoints`.
    num_iters: the steps in each phase, three numbers whose sum is n_epochs: first global
        structure gives way to local, then both are balanced, then only neighbours attract.
        None divides n_epochs in pacmap's own proportion, 100 : 100 : 250.
    init: the initial layout, "pca", "random" or an array; None is pacmap's own choice.
    parameters: passed to `pacmap.PaCMAP`, such as n_neighbors, MN_ratio, FP_ratio, distance.

    Returns a float32 array (n_samples, n_components), bit for bit what `pacmap.PaCMAP` returns
    for the same arguments, with or without callback.
    Raises ImportError when pacmap is not installed, ValueError and TypeError for bad arguments,
    and RuntimeError when the installed pacmap no longer works the way the callback needs.

    Source: Wang, Huang, Rudin and Shaposhnik, "Understanding How Dimension Reduction Tools Work",
    JMLR 22, 2021.
    """
    library = _import()
    X = check_features(X)
    check_arguments(n_components, n_epochs, on_epoch)
    check_seed(seed)
    if len(X) < LEAST_SAMPLES:
        raise ValueError(f"X must have at least {LEAST_SAMPLES} samples for PaCMAP, got {len(X)}")
    if parameters.get("n_neighbors") is not None:
        check_integer("n_neighbors", parameters["n_neighbors"], 1, len(X) - 1)
    check_pca(X, n_components)
    init = _check_init(init, (len(X), n_components))
    phases = _divide(n_epochs) if num_iters is None else _check_phases(num_iters, n_epochs)
    with _quiet():
        model = library.PaCMAP(
            n_components=n_components,
            num_iters=phases,
            random_state=None if seed is None else int(seed),
            **parameters,
        )
    first = 0 if checkpoint is None else checkpoint.epoch
    with Layouts("PaCMAP", n_epochs, on_epoch, first) as layouts:
        return layouts.finish(_fit(library, model, X, init, layouts.show, checkpoint))


def _check_init(init: str | np.ndarray | None, shape: tuple[int, int]) -> str | np.ndarray | None:
    if init is None or (isinstance(init, str) and init in ("pca", "random")):
        return init
    if not isinstance(init, np.ndarray):
        raise ValueError(f"init must be 'pca', 'random' or an array, got {init!r}")
    # pacmap would read beyond the end of a smaller one.
    if init.shape != shape or init.dtype.kind not in "iuf" or not np.isfinite(init).all():
        raise ValueError(f"init must be finite and of shape {shape}, got {init.dtype} {init.shape}")
    return init


class _Stop(Exception):
    """The callback has asked the run to stop, at the layout that is the only argument."""


def _import() -> ModuleType:
    import animated.numba_cache  # noqa: F401  first, as pacmap compiles on import

    try:
        from pacmap import pacmap as library
    except ImportError as error:
        raise ImportError(
            "pacmap must be installed: pip install 'dimensionality-reduction-animated[pacmap]'"
        ) from error
    return library


def _divide(n_epochs: int) -> tuple[int, int, int]:
    """Return the steps of each phase, in pacmap's own proportion."""
    first, second, _ = (n_epochs * n_steps // sum(PHASES) for n_steps in PHASES)
    return first, second, n_epochs - first - second


def _check_phases(num_iters: Sequence[int], n_epochs: int) -> tuple[int, int, int]:
    phases = tuple(num_iters) if isinstance(num_iters, Iterable) else ()
    whole = all(is_integer(n_steps) and n_steps >= 0 for n_steps in phases)
    if len(phases) != 3 or not whole or sum(phases) != n_epochs:
        raise ValueError(
            f"num_iters must be three integers whose sum is n_epochs {n_epochs}, got {num_iters!r}"
        )
    return phases


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pacmap from warning of a seed, of components other than 2, and of few samples."""
    logger = logging.getLogger("pacmap.pacmap")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _fit(
    library: ModuleType,
    model: Any,
    X: np.ndarray,
    init: str | np.ndarray | None,
    show: Callable[[np.ndarray], bool],
    checkpoint: Checkpoint | None,
) -> np.ndarray:
    """Fit `model` as it would itself, but call `show` before every step."""
    first = 0 if checkpoint is None else checkpoint.epoch
    n_moved = 0

    def find_gradient(layout, *args):
        if n_moved < first:  # a step that was taken before an interruption
            return np.zeros((len(layout) + 1, layout.shape[1]), dtype=np.float32)
        return library.pacmap_grad(layout, *args)

    def move(layout, gradient, mean, variance, *args):
        nonlocal n_moved
        state = {"layout": layout, "mean": mean, "variance": variance}
        n_moved += 1
        if n_moved <= first:
            if n_moved == first:
                checkpoint.restore(**state)
            return
        if checkpoint is not None:
            checkpoint.save(n_moved - 1, **state)
        if show(layout):
            raise _Stop(layout)
        library.update_embedding_adam(layout, gradient, mean, variance, *args)

    loop = rebind(library.pacmap, update_embedding_adam=move, pacmap_grad=find_gradient)
    try:
        with _quiet():
            return rebind(library.PaCMAP.fit, pacmap=loop)(model, X, init).embedding_
    except _Stop as stop:
        return stop.args[0]
