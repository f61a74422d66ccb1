"""Sweep a parameter: one embedding for each value, each started from the embedding before.

Independent fits differ by chance as much as by their parameter. A fit that starts from the
embedding of the previous value leaves the points where they are, as far as the new value allows.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from animated.geometry import align
from animated.methods.declaration import declare, get_declaration
from animated.progress import hide_bars, track
from animated.runs.checkpoints import Checkpoint
from animated.runs.run import Run, run
from animated.validation import OnEpoch, check_integer


def sweep(
    method: Callable[..., np.ndarray],
    X: np.ndarray,
    path: str | Path,
    name: str,
    values: Sequence | np.ndarray,
    *,
    n_steps: int,
    start: str | None = "init",
    **parameters: Any,
) -> Run:
    """Embed `X` once for each value of a parameter, and store the embeddings as epochs.

        values = np.linspace(0, 1, 31)
        sweep(umap, X, "data/min_dist.parquet", "min_dist", values, n_steps=200, seed=42)

    Epoch k of the store at `path` is the embedding for the k-th value, aligned to the one before
    it (see `animated.geometry.align`), so that all have the same size. The store's metadata record
    the list of values. A finished sweep is not repeated, and an interrupted one resumes with the
    next embedding, see `animated.runs.run`.

    name: a parameter of the method, or "seed".
    values: two or more, in the order in which they are used.
    n_steps: optimisation steps of each fit, the `n_epochs` of the method.
    start: the method's parameter for the initial embedding; every fit but the first is given the
        embedding before it. None makes all fits independent.
    parameters: the seed, unless it is swept, other parameters of the method, and those of `run`,
        such as `labels` and `data`. A low learning rate keeps each start from shaking the points.

    Raises ValueError for fewer than two values, for a parameter that is also given, and for one
    that cannot be swept; and what the method, `run` and `align` raise.
    """
    values = values.tolist() if isinstance(values, np.ndarray) else list(values)
    _check_arguments(name, values, n_steps, parameters)
    declaration = get_declaration(method)

    @declare(name=declaration.name, libraries=declaration.libraries, keeps_state=True)
    def fit_all(
        X: np.ndarray, *, on_epoch: OnEpoch, checkpoint: Checkpoint | None = None, **arguments: Any
    ) -> np.ndarray:
        given = {key: arguments[key] for key in arguments if key not in ("n_steps", "start")}
        given["n_epochs"] = n_steps
        first, embedding = 0, None
        if checkpoint is not None and checkpoint.epoch:
            first, embedding = checkpoint.epoch, checkpoint.state["layout"]
        for number in track(
            range(first, len(values)), f"Sweeping {name}", len(values), "embedding", first
        ):
            given[name] = values[number]
            embedding = _fit_next(method, X, given, start, embedding)
            if on_epoch(number, embedding):
                break
            if checkpoint is not None:
                checkpoint.save(number + 1, layout=embedding)
        return cast(np.ndarray, embedding)

    parameters |= {"n_steps": n_steps, "start": start, name: values}
    return run(fit_all, X, path, n_epochs=len(values) - 1, **parameters)


def _fit_next(
    method: Callable[..., np.ndarray],
    X: np.ndarray,
    given: dict[str, Any],
    start: str | None,
    before: np.ndarray | None,
) -> np.ndarray:
    """Return an embedding started from the one before it, unless there is none, and aligned to it.

    start: the parameter for the initial embedding, None not to start from the one before.
    """
    initial = {start: before} if start and before is not None else {}
    with hide_bars():
        fitted = method(X, **given | initial)
    return fitted if before is None else align(fitted, before)


def _check_arguments(name: str, values: list, n_steps: int, parameters: dict[str, Any]) -> None:
    check_integer("n_steps", n_steps, 0)
    if len(values) < 2:
        raise ValueError(f"values must be two or more, got {len(values)}")
    if name in ("n_epochs", "n_components"):
        raise ValueError(f"name must not be 'n_epochs' or 'n_components', got {name!r}")
    if name in parameters:
        raise ValueError(f"{name} is swept and cannot be given as well, got {parameters[name]!r}")
