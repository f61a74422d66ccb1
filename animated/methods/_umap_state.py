"""umap-learn's stages with a memory: what they have found is kept, to go on after an interruption.

Between two steps the state of its optimiser is in four arrays, which it hands to the function that
takes the step. So a loop that finds another such function in its place can have the steps that were
taken before an interruption passed over, and the arrays filled with what they were.
"""

import inspect
from collections.abc import Callable
from types import FunctionType, SimpleNamespace
from typing import Any

from animated.numba_cache import numba  # first, as umap-learn compiles on import

# isort: split
import numpy as np
from umap import layouts
from umap.spectral import spectral_layout, tswspectral_layout

from animated.methods.declaration import Checkpoint

Arrays = dict[str, np.ndarray]

STATE = (
    "head_embedding",
    "rng_state_per_sample",
    "epoch_of_next_sample",
    "epoch_of_next_negative_sample",
)


def keep_steps(loop: FunctionType, checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what `loop` must find under which names, for `checkpoint` to keep its state."""
    if loop is layouts.optimize_layout_euclidean:
        name = "_get_optimize_layout_euclidean_single_epoch_fn"
        get = getattr(layouts, name)
        return {name: lambda parallel=False: _keep(get(parallel), checkpoint)}
    # This loop compiles its step itself.
    return {
        "numba": SimpleNamespace(
            njit=lambda step, **options: _keep(numba.njit(step, **options), checkpoint)
        )
    }


def keep_layouts(checkpoint: Checkpoint) -> dict[str, Callable]:
    """Return umap-learn's functions for a first layout by their names, made to be kept."""
    functions = (spectral_layout, tswspectral_layout)
    return {function.__name__: _keep_layout(function, checkpoint) for function in functions}


def _keep(step: Callable, checkpoint: Checkpoint) -> Callable:
    """Return a function that takes a step, unless it was taken before, and keeps the state."""
    names = list(inspect.signature(step.py_func).parameters)

    def take(*args: Any) -> None:
        given = dict(zip(names, args, strict=True))
        state = {name: given[name] for name in STATE}
        epoch = given["n"] + 1
        if epoch > checkpoint.epoch:
            step(*args)
            checkpoint.save(epoch, **state)
        elif epoch == checkpoint.epoch:
            checkpoint.restore(**state)

    return take


def _keep_layout(function: Callable, checkpoint: Checkpoint) -> Callable:
    def make(data, graph, dim, random_state, **options: Any) -> np.ndarray:
        def compute() -> Arrays:
            layout = function(data, graph, dim, random_state, **options)
            _, keys, position, has_gauss, gauss = random_state.get_state()
            return {"layout": layout, "keys": keys, "rest": np.array([position, has_gauss, gauss])}

        kept = checkpoint.recall(compute)
        position, has_gauss, gauss = kept["rest"].tolist()
        # What is drawn at random from here on must not depend on whether there was something kept.
        random_state.set_state(("MT19937", kept["keys"], int(position), int(has_gauss), gauss))
        return kept["layout"]

    return make
