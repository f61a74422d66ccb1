"""PaCMAP with a callback, on the optional package pacmap as it is.

pacmap can store snapshots, but returns them only at the end. Its loop, though, calls one function
to compute the gradient and one to move the points, the embedding being the first argument of both.
A copy of the loop that finds other functions under their names (see `rebind`) reports the embedding
before every step, can be stopped, and can resume.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from animated.methods._hooks import EpochReporter, rebind
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

# pacmap cannot draw its pairs from fewer samples.
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
    """Embed `X` with PaCMAP, and report every epoch.

        pacmap(X, n_epochs=450, seed=42, on_epoch=print, n_neighbors=15)

    X: float32 array (n_samples, n_features), finite.
    n_epochs: optimisation steps of all three phases, 0 or more; there are n_epochs + 1 calls of
        `on_epoch`.
    seed: the same seed gives the same bytes on the same machine. pacmap then searches neighbours
        on one core, and limits faiss to one core for the rest of the process.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.
    checkpoint: saves the state, and resumes from the one that it has, see
        `animated.methods.declaration.Checkpoint`.
    num_iters: the steps of each phase, three numbers whose sum is n_epochs. In the first phase
        mid-near pairs attract strongly and shape the global structure, in the second weakly, and in
        the third only neighbours attract. None divides n_epochs as pacmap does, 100 : 100 : 250.
    init: the initial embedding, "pca", "random" or an array; None leaves the choice to pacmap.
    parameters: passed to `pacmap.PaCMAP`, such as n_neighbors, MN_ratio, FP_ratio, distance.

    Returns a float32 array (n_samples, n_components), bit for bit what `pacmap.PaCMAP` returns
    for the same arguments, with or without a callback.
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
    with EpochReporter("PaCMAP", "pacmap", n_epochs, on_epoch, first) as reporter:
        return reporter.finish(_fit(library, model, X, init, reporter.report, checkpoint))


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
    """The callback has asked the run to stop; the argument is the embedding at that moment."""


def _import() -> ModuleType:
    import animated.storage.numba_cache  # noqa: F401  first, as pacmap compiles on import

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
    are_counts = all(is_integer(n_steps) and n_steps >= 0 for n_steps in phases)
    if len(phases) != 3 or not are_counts or sum(phases) != n_epochs:
        raise ValueError(
            f"num_iters must be three integers whose sum is n_epochs {n_epochs}, got {num_iters!r}"
        )
    first, second, third = phases
    return first, second, third


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence pacmap's warnings about a seed, about components other than 2 and few samples."""
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
    report: Callable[[np.ndarray], bool],
    checkpoint: Checkpoint | None,
) -> np.ndarray:
    """Fit `model` as its own `fit` would, but call `report` before every step."""
    first = 0 if checkpoint is None else checkpoint.epoch
    n_steps = 0  # those that the loop has asked for, whether taken now or before an interruption

    def find_gradient(embedding, *args):
        if n_steps < first:
            return np.zeros((len(embedding) + 1, embedding.shape[1]), dtype=np.float32)
        return library.pacmap_grad(embedding, *args)

    def move(embedding, gradient, mean, variance, *args):
        nonlocal n_steps
        n_steps += 1
        if checkpoint is not None:
            state = {"layout": embedding, "mean": mean, "variance": variance}
            if n_steps == first:
                checkpoint.restore(**state)
            elif n_steps > first:
                checkpoint.save(n_steps - 1, **state)
        if n_steps <= first:
            return
        if report(embedding):
            raise _Stop(embedding)
        library.update_embedding_adam(embedding, gradient, mean, variance, *args)

    loop = rebind("pacmap", library.pacmap, update_embedding_adam=move, pacmap_grad=find_gradient)
    fit = rebind("pacmap", library.PaCMAP.fit, pacmap=loop)
    try:
        with _quiet():
            return fit(model, X, init).embedding_
    except _Stop as stop:
        return stop.args[0]
