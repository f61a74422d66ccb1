"""Sweeps: one map for each value of a parameter, each of them started from the one before.

Fits on their own differ by chance as much as by their parameter. A fit that starts from the map of
the value before leaves the points where they were, as far as the new value lets them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animated.geometry import align
from animated.progress import hide_bars, track
from animated.runs.checkpoints import Checkpoint
from animated.runs.run import Run, run
from animated.validation import check_integer


def sweep(
    method: Callable[..., np.ndarray],
    X: np.ndarray,
    path: str | Path,
    name: str,
    values: Sequence,
    *,
    n_steps: int,
    start: str | None = "init",
    **parameters: Any,
) -> Run:
    """Return a run whose epochs are the maps of `X` for all `values` of a parameter.

        values = np.linspace(0, 1, 31)
        sweep(umap, X, "data/min_dist.parquet", "min_dist", values, n_steps=200, seed=42)

    Epoch k of the store at `path` is the map of the k-th value, aligned to the map before it (see
    `animated.geometry.align`), so that all maps have one size. What the store's metadata tells of the
    parameter is the list of its values. A sweep that is there is not repeated, and an interrupted
    one goes on with the next map, see `animated.runs.run`.

    name: a parameter of the method, or "seed".
    values: two or more, in the order in which they are taken.
    n_steps: optimisation steps of each fit, the `n_epochs` of the method.
    start: the parameter of the method that takes the layout to start from, which is given the map
        before in every fit but the first; None lets all fits start on their own.
    parameters: the seed, unless that is swept, other parameters of the method, and `labels` and
        `data` for the store. A low learning rate keeps the points from being shaken by every start.

    Raises ValueError for fewer values, and for a parameter that is given as well or that cannot
    be swept; and what the method, `run` and `align` raise.
    """
    values = values.tolist() if isinstance(values, np.ndarray) else list(values)
    _check_arguments(name, values, n_steps, parameters)

    def fit_all(
        X: np.ndarray, *, on_epoch: Callable, checkpoint: Checkpoint | None = None, **arguments: Any
    ) -> np.ndarray:
        given = {key: arguments[key] for key in arguments if key not in ("n_steps", "start")}
        first = 0 if checkpoint is None else checkpoint.epoch
        layout = checkpoint.state["layout"] if first else None
        for number in track(
            range(first, len(values)), f"Sweeping {name}", len(values), "map", first
        ):
            given |= {"n_epochs": n_steps, name: values[number]}
            given |= {start: layout} if start and layout is not None else {}
            with hide_bars():
                fitted = method(X, **given)
            layout = fitted if layout is None else align(fitted, layout)
            if on_epoch(number, layout):
                break
            if checkpoint is not None:
                checkpoint.save(number + 1, layout=layout)
        return layout

    fit_all.__name__ = method.__name__
    parameters |= {"n_steps": n_steps, "start": start, name: values}
    return run(fit_all, X, path, n_epochs=len(values) - 1, **parameters)


def _check_arguments(name: str, values: list, n_steps: int, parameters: dict[str, Any]) -> None:
    check_integer("n_steps", n_steps, 0)
    if len(values) < 2:
        raise ValueError(f"values must be two or more, got {len(values)}")
    if name in ("n_epochs", "n_components"):
        raise ValueError(f"name must be a parameter of which all maps are alike, got {name!r}")
    if name in parameters:
        raise ValueError(f"{name} is swept and cannot be given as well, got {parameters[name]!r}")
