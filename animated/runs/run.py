"""Run a method and store every epoch; resume an interrupted run and skip a finished one."""

import json
from collections.abc import Callable
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from animated.methods.declaration import get_declaration
from animated.runs.checkpoints import Checkpoint, remove_checkpoint
from animated.runs.identity import describe_parameter, hash_facts, hash_inputs, to_plain
from animated.runs.plan import Request, find_checkpoint, report
from animated.runs.writer import EpochDiffers, EpochWriter
from animated.storage.atomic import claiming, replacing
from animated.validation import OnEpoch, check_callback, check_integer


class Run(NamedTuple):
    """A run that is finished, or that its callback stopped.

    path: its epoch store.
    seconds: how long it took, writing included, when it was computed; NaN if unknown.
    """

    path: Path
    seconds: float


def run(
    method: Callable[..., np.ndarray],
    X: np.ndarray,
    path: str | Path,
    *,
    n_epochs: int,
    seed: int | None,
    n_components: int = 2,
    labels: pl.Series | None = None,
    data: str | None = None,
    every: int = 1,
    is_exact: bool = True,
    title: str | None = None,
    on_epoch: OnEpoch | None = None,
    facts: dict[str, Any] | None = None,
    **parameters: Any,
) -> Run:
    """Run `method` on `X`, and store its epochs at `path`.

        run(umap, X, "data/umap.parquet", n_epochs=200, seed=42, labels=labels)

    A finished run is not repeated if its store was made by the same method from the same data and
    parameters, with the same versions of the libraries. A run that was interrupted, by an error,
    by Ctrl-C or by the end of the process, resumes from the last state that its method saved (see
    `animated.runs.checkpoints`), and produces exactly the file an uninterrupted run would have.
    A run that `on_epoch` stopped resumes in the same way. A finished run can be extended by more
    epochs if its method is declared extendable, such as MDS (see `animated.methods.declaration`).
    When a run resumes, starts over, or replaces another run, a printed line says so, and why.

    labels, data, is_exact: see `animated.runs.writer.EpochWriter`.
    every: store every k-th epoch; the last is always stored.
    title: the name of the method in plots, None for the name of the function.
    on_epoch: called as `on_epoch(epoch, embedding)` after each epoch; if it returns something true,
        the run stops, and the store has the epochs so far.
    facts: more about the run for the store's metadata, such as
        `animated.datasets.load.Dataset.changes`.
    parameters: the method's own.

    Raises TypeError for a method that is not a function, ValueError for numbers that a store cannot
    hold and for labels that do not match the samples, RuntimeError when another run is writing to
    `path`, and what the method and `EpochWriter` raise.
    """
    _check_numbers(n_components, n_epochs, every)
    check_callback(on_epoch)
    _check_arguments(method, X, labels)
    declaration = get_declaration(method)
    arguments = {"n_components": n_components, "n_epochs": n_epochs, "seed": seed} | parameters
    arguments = {key: to_plain(value) for key, value in arguments.items()}
    others = {key: value for key, value in arguments.items() if key != "seed"}
    writer = EpochWriter(
        path,
        labels=labels,
        method=title or declaration.name,
        data=data,
        parameters=_describe(others, every) | (facts or {}),
        seed=arguments["seed"],
        libraries=declaration.libraries,
        inputs=hash_inputs(X, labels, others),
        is_exact=is_exact,
    )
    is_extendable = declaration.is_extendable(parameters)
    request = Request(Path(path), writer.describe(), n_epochs, every, is_extendable)
    if request.is_finished():
        return _skip(request, writer)
    recorder = _Recorder(request, writer, on_epoch)
    with writer:
        checkpoint = find_checkpoint(request, writer)
        if declaration.keeps_state and seed is not None:
            arguments["checkpoint"] = checkpoint
            writer.how_to_resume = "run the same line again to resume"
        _execute(method, X, arguments, recorder, checkpoint)
        writer.keeps_working_file = recorder.is_stopped
    if not recorder.is_stopped:
        _clean_up(request, writer)
    return Run(request.path, _write_seconds(request, checkpoint.seconds))


def _check_arguments(
    method: Callable[..., np.ndarray], X: np.ndarray, labels: pl.Series | None
) -> None:
    if not callable(method) or not hasattr(method, "__name__"):
        raise TypeError(f"method must be a function, got {type(method).__name__}")
    if labels is None:
        return
    if not isinstance(labels, pl.Series):
        raise TypeError(f"labels must be a Polars Series, got {type(labels).__name__}")
    if len(labels) != np.shape(X)[0]:
        raise ValueError(f"labels must have {np.shape(X)[0]} values, got {len(labels)}")


def _check_numbers(n_components: int, n_epochs: int, every: int) -> None:
    check_integer("every", every, 1)
    check_integer("n_components", n_components, 2, 3)
    check_integer("n_epochs", n_epochs, 0, 65_535)


def _describe(parameters: dict[str, Any], every: int) -> dict[str, Any]:
    """Return the parameters of a run for the store's metadata."""
    described = {key: describe_parameter(value) for key, value in parameters.items()}
    return described if every == 1 else described | {"every": every}


class _Recorder:
    """The callback of a run: it writes the epochs, and stops the run when the caller asks to.

    is_stopped: whether the run was stopped before its last epoch.
    """

    def __init__(self, request: Request, writer: EpochWriter, on_epoch: OnEpoch | None):
        self.request, self.writer, self.on_epoch = request, writer, on_epoch
        self.is_stopped = False

    def __call__(self, epoch: int, embedding: np.ndarray) -> bool:
        is_stored = self.request.is_stored(epoch)
        if is_stored:
            self.writer(epoch, embedding)
        stops = self.on_epoch is not None and bool(self.on_epoch(epoch, embedding))
        if stops and not is_stored:
            self.writer(epoch, embedding)
        self.is_stopped = stops and epoch != self.request.n_epochs
        return stops


def _execute(
    method: Callable[..., np.ndarray],
    X: np.ndarray,
    arguments: dict[str, Any],
    recorder: _Recorder,
    checkpoint: Checkpoint,
) -> None:
    """Call the method; call it again from the beginning if it cannot reproduce its own epochs."""
    try:
        method(X, on_epoch=recorder, **arguments)
    except EpochDiffers as error:
        report(recorder.request.path, f"starting over: {error}, perhaps on another machine")
        checkpoint.forget()
        recorder.writer.restart()
        method(X, on_epoch=recorder, **arguments)


def _skip(request: Request, writer: EpochWriter) -> Run:
    """Return the finished run, after removing what an interruption just before its end left."""
    report(request.path, "already finished, not repeated")
    with claiming(request.path):  # a process killed at the very end left its lock, too
        _clean_up(request, writer)
    return Run(request.path, _read_seconds(request))


def _clean_up(request: Request, writer: EpochWriter) -> None:
    """Remove what only an interrupted run needs; an extendable run keeps its checkpoint."""
    if not request.is_extendable:
        remove_checkpoint(request.path)
    writer.remove_working_file()


def _read_seconds(request: Request) -> float:
    """Return how long the run took, NaN if unknown."""
    try:
        note = json.loads(_seconds_path(request).read_text())
        return note["seconds"] if note["run"] == hash_facts(request.facts) else nan
    except (OSError, ValueError, TypeError, KeyError):
        return nan


def _write_seconds(request: Request, seconds: float) -> float:
    """Write how long the run took to a file of its own, and return it.

    The store must not contain it: the same run always writes the same bytes.
    """
    with replacing(_seconds_path(request)) as temporary:
        note = {"run": hash_facts(request.facts), "seconds": round(seconds, 3)}
        temporary.write_text(json.dumps(note))
    return round(seconds, 3)


def _seconds_path(request: Request) -> Path:
    return request.path.with_suffix(".json")
