"""What the tests of fitted UMAP models share: small fits, ours and stock, and a callback."""

from copy import copy
from types import SimpleNamespace

import numba
import numpy as np
import umap as stock

from animated.methods import fit_umap

N_EPOCHS = 30


class Recorder(list):
    """A callback that keeps what it is given, without copying it."""

    def __call__(self, epoch, embedding):
        assert epoch == len(self)
        self.append(embedding)


def fit(X, **parameters):
    return fit_umap(X, **{"n_epochs": N_EPOCHS, "seed": 1} | parameters)


def fit_stock(X, y=None, **parameters):
    options = {"n_epochs": N_EPOCHS, "random_state": 1, "n_jobs": 1} | parameters
    return stock.UMAP(**options).fit(X, y)


def vary(model, **attributes):
    """Return a copy of a model, as if it had been fitted with other parameters."""
    other = copy(model)
    vars(other).update(attributes)
    return other


def record_steps(patch) -> list[np.ndarray]:
    """Have stock umap-learn record the embedding after each step, by other means than ours."""
    layouts, steps = stock.layouts, []

    def watch(step, position):
        def take(*arguments):
            step(*arguments)
            steps.append(arguments[position].copy())

        return take

    get_step = layouts._get_optimize_layout_euclidean_single_epoch_fn
    patch.setattr(
        layouts,
        "_get_optimize_layout_euclidean_single_epoch_fn",
        lambda parallel=False: watch(get_step(parallel), 0),
    )
    compiler = SimpleNamespace(njit=lambda step, **options: watch(numba.njit(step, **options), 4))
    patch.setattr(layouts, "numba", compiler)
    return steps
