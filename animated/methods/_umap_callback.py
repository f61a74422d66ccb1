"""The callback into umap-learn: report every epoch, save and resume, with the library as it is.

umap-learn has no callback. But each of its two optimisation loops asks `tqdm` for its next step, to
show a progress bar:

    for n in tqdm(range(n_epochs), **tqdm_kwds):
        optimize_fn(head_embedding, tail_embedding, head, tail, ..., n, ...)

A copy of such a loop that finds another `tqdm` among its globals, a generator that yields the same
steps, regains control between any two of them. The embedding is then complete in `head_embedding`,
which the steps update in place. `fit`, `transform` and the operators `*`, `+` and `-` reach the
loops by name, through at most two functions, so these are copied as well (see `rebind`), and only
our copies know each other. Nothing is patched, and no number is computed in another way.

To resume a run, the state between two steps must be saved. It consists of four arrays (`STATE`),
all of them arguments of `optimize_fn`. So a copy of the loop can also be given an `optimize_fn`
that saves these arrays after a step and, in a resumed run, skips the steps that were taken before
and fills the arrays from the checkpoint. The spectral embedding, where the optimisation starts, is
saved together with the random state that it leaves.

This relies on names and signatures of umap-learn 0.5, some of which are private:

    umap.layouts    optimize_layout_euclidean and optimize_layout_generic, whose first parameters
                    are `LOOP_PARAMETERS` and which look up `tqdm`; to save a state, also
                    _get_optimize_layout_euclidean_single_epoch_fn and numba, from which they get
                    optimize_fn, and _optimize_layout_..._single_epoch with parameters `STATE` and n
    umap.umap_      simplicial_set_embedding, which looks up both loops and, to save a state,
                    spectral_layout and tswspectral_layout
    umap.UMAP       transform, which looks up both loops; _fit_embed_data, __mul__, __add__ and
                    __sub__, which look up simplicial_set_embedding

All of it is checked when the copies are made, before any work. When a version differs, RuntimeError
names that version and what differs. A loop that asks `tqdm` for fewer steps than there are epochs
raises the same error at its end.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, SimpleNamespace
from typing import Any

from animated.storage.numba_cache import numba  # first, as umap-learn compiles on import

# isort: split
import numpy as np
from tqdm.auto import tqdm
from umap import UMAP, layouts
from umap.layouts import optimize_layout_euclidean, optimize_layout_generic
from umap.spectral import spectral_layout, tswspectral_layout
from umap.umap_ import simplicial_set_embedding

from animated.methods._hooks import rebind, refuse
from animated.methods.declaration import Checkpoint
from animated.validation import OnEpoch

LIBRARY = "umap-learn"
LOOPS = (optimize_layout_euclidean, optimize_layout_generic)
LOOP_PARAMETERS = ("head_embedding", "tail_embedding", "head", "tail", "n_epochs")
STATE = (
    "head_embedding",
    "rng_state_per_sample",
    "epoch_of_next_sample",
    "epoch_of_next_negative_sample",
)
GET_STEP = "_get_optimize_layout_euclidean_single_epoch_fn"


def observe(
    function: FunctionType, on_epoch: OnEpoch, checkpoint: Checkpoint | None = None
) -> FunctionType:
    """Return a copy of `function` that calls `on_epoch(epoch, embedding)` for every epoch.

    function: `UMAP.transform`, or one that calls `simplicial_set_embedding`, such as
        `UMAP._fit_embed_data`.
    on_epoch: is called with umap-learn's own array, which it must copy. If it returns something
        true, the optimisation stops.
    checkpoint: saves the state, and restores that of an interrupted run.

    Raises RuntimeError when the installed umap-learn does not work as described above.
    """
    loops = {loop.__name__: _observe_loop(loop, on_epoch, checkpoint) for loop in LOOPS}
    if function is UMAP.transform:
        return rebind(LIBRARY, function, **loops)
    starts = {} if checkpoint is None else _save_starts(checkpoint)
    embed = rebind(LIBRARY, simplicial_set_embedding, **loops, **starts)
    return rebind(LIBRARY, function, simplicial_set_embedding=embed)


class _Stop(Exception):
    """The callback has asked the run to stop."""


def _observe_loop(
    loop: FunctionType, on_epoch: OnEpoch, checkpoint: Checkpoint | None
) -> Callable[..., np.ndarray]:
    """Return one of umap-learn's loops that reports epoch 0, and then each step it has taken."""
    parameters = tuple(inspect.signature(loop).parameters)[: len(LOOP_PARAMETERS)]
    if parameters != LOOP_PARAMETERS:
        refuse(LIBRARY, f"{loop.__name__} takes {', '.join(parameters)} first")
    if checkpoint is not None:
        loop = _save_steps(loop, checkpoint)
    first = 0 if checkpoint is None else checkpoint.epoch
    rebind(LIBRARY, loop, tqdm=tqdm)  # a check before any work

    def optimize(head_embedding, tail_embedding, head, tail, n_epochs, *args, **kwargs):
        n_taken = 0

        def report(epoch: int) -> None:
            if epoch >= first and on_epoch(epoch, head_embedding):
                raise _Stop

        def observed_tqdm(steps: Iterable[int], **options: Any) -> Iterator[int]:
            nonlocal n_taken
            for step in tqdm(steps, **options):
                yield step
                n_taken += 1
                report(n_taken)

        observed = rebind(LIBRARY, loop, tqdm=observed_tqdm)
        try:
            report(0)
            embedding = observed(
                head_embedding, tail_embedding, head, tail, n_epochs, *args, **kwargs
            )
        except _Stop:
            return head_embedding  # complete, as steps update it in place
        if n_taken != n_epochs:
            refuse(LIBRARY, f"{loop.__name__} took {n_taken} of {n_epochs} steps")
        return embedding

    return optimize


def _save_steps(loop: FunctionType, checkpoint: Checkpoint) -> FunctionType:
    """Return a copy of `loop` whose every step saves the state, or skips what is saved."""
    name = f"_{loop.__name__}_single_epoch"
    names = [*inspect.signature(getattr(layouts, name, lambda: None)).parameters]
    if missing := {*STATE, "n"}.difference(names):
        refuse(LIBRARY, f"{name} does not take {', '.join(sorted(missing))}")

    def save(step: Callable) -> Callable:
        def take(*args: Any) -> None:
            arguments = dict(zip(names, args, strict=True))
            state = {name: arguments[name] for name in STATE}
            epoch = arguments["n"] + 1
            if epoch > checkpoint.epoch:
                step(*args)
                checkpoint.save(epoch, **state)
            elif epoch == checkpoint.epoch:
                checkpoint.restore(**state)

        return take

    if loop is optimize_layout_euclidean:

        def get_step(parallel: bool = False) -> Callable:
            return save(getattr(layouts, GET_STEP)(parallel))

        return rebind(LIBRARY, loop, **{GET_STEP: get_step})
    # The other loop compiles its step itself.
    compiler = SimpleNamespace(njit=lambda step, **options: save(numba.njit(step, **options)))
    return rebind(LIBRARY, loop, numba=compiler)


def _save_starts(checkpoint: Checkpoint) -> dict[str, Callable]:
    """Return, by name, umap-learn's spectral embeddings, recalled where they were computed before.

    The random numbers that follow must be the same in a resumed run, so the state of the generator
    is saved as well.
    """

    def save(embed: Callable) -> Callable:
        def recall(data, graph, dim, random_state, **options: Any) -> np.ndarray:
            def compute() -> dict[str, np.ndarray]:
                layout = embed(data, graph, dim, random_state, **options)
                _, keys, *rest = random_state.get_state()
                return {"layout": layout, "keys": keys, "rest": np.array(rest)}

            saved = checkpoint.recall(compute)
            position, has_gauss, gauss = saved["rest"].tolist()
            state = ("MT19937", saved["keys"], int(position), int(has_gauss), gauss)
            random_state.set_state(state)
            return saved["layout"]

        return recall

    return {embed.__name__: save(embed) for embed in (spectral_layout, tswspectral_layout)}
