"""Runs: a method on some data, with every epoch in a store: gone on with when it was interrupted,
and not repeated when it is there.
"""

import inspect
import json
import platform
from collections.abc import Callable, Sequence
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import llvmlite.binding as llvm
import numpy as np
import polars as pl

from animated.runs.checkpoints import Checkpoint, compare, remove_checkpoint
from animated.runs.store import find_last_epoch, read_embedding, read_metadata
from animated.runs.writer import Different, EpochWriter
from animated.storage.atomic import claiming, replacing
from animated.validation import OnEpoch, check_callback, check_integer

# What the layouts of some methods depend on besides `animated.runs.store.LIBRARIES`.
LIBRARIES = {"tsne": ("openTSNE",), "pacmap": ("pacmap", "faiss-cpu")}
# Methods whose steps are the same however many follow them, so that more can follow later.
ENDLESS = ("mds", "sammon", "graph")
# Last digits depend on it, and so a run that one has begun is not gone on with by another.
MACHINE = f"{platform.system()} {platform.machine()} {llvm.get_host_cpu_name()}"
PLAIN = (bool, int, float, str, type(None))
# What the metadata of a store has for a table or an array.
GIVEN = "given"


class Run(NamedTuple):
    """A finished run, or one that its callback has stopped.

    path: its epoch store.
    seconds: how long it took, writing included, when it was made; NaN if that is not known.
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
    """Return a run of `method` on `X`, whose epochs are in the store at `path`.

    A run that is there is not repeated, if it was of the same method, data and parameters, by the
    same versions of the libraries. One that was interrupted, by an error, a key or the end of the
    process, goes on from the last state that its method has kept (see `animated.runs.checkpoints`): the
    store is to the last bit what it would have been. So does one that `on_epoch` has stopped, and
    one of MDS, Sammon's mapping, the graph, or t-SNE with a given early_exaggeration_iter, that is
    to take more epochs than it took. In all these cases, and when files of another run are
    replaced, a printed sentence says so, and why.

    labels, data, is_exact: see `animated.runs.store.EpochWriter`.
    every: how many epochs to go on from one that is kept to the next; the last is always kept.
    title: what plots call the method; None takes the name of the function.
    on_epoch: called as `on_epoch(epoch, embedding)` once an epoch is kept; if it returns something
        true, the run stops, and the store has the epochs so far.
    facts: more about the run for the store's metadata, such as `animated.datasets.load.Dataset.changes`.
    parameters: those of the method alone.

    Raises ValueError for numbers that a store does not hold and for another number of labels than
    samples, RuntimeError when another run is writing to `path`, and what the method and
    `EpochWriter` raise.
    """
    check_integer("every", every, 1)
    check_integer("n_components", n_components, 2, 3)
    check_integer("n_epochs", n_epochs, 0, 65_535)
    check_callback(on_epoch)
    if not callable(method) or not hasattr(method, "__name__"):
        raise TypeError(f"method must be a function, got {type(method).__name__}")
    if labels is not None and not isinstance(labels, pl.Series):
        raise TypeError(f"labels must be a Polars Series, got {type(labels).__name__}")
    if labels is not None and len(labels) != np.shape(X)[0]:
        raise ValueError(f"there must be {np.shape(X)[0]} labels, got {len(labels)}")
    path, name = Path(path), method.__name__
    arguments = {"n_components": n_components, "n_epochs": n_epochs, "seed": seed} | parameters
    arguments = {key: _to_plain(value) for key, value in arguments.items()}
    told = {key: _describe(value) for key, value in arguments.items() if key != "seed"}
    given = [arguments[key] for key in told if told[key] == GIVEN]
    writer = EpochWriter(
        path,
        labels=labels,
        method=title or name,
        data=data,
        parameters=told | ({} if every == 1 else {"every": every}) | (facts or {}),
        seed=arguments["seed"],
        libraries=LIBRARIES.get(name, ()),
        inputs=joblib.hash([X, None if labels is None else labels.to_list(), given]),
        is_exact=is_exact,
    )
    plan = _Plan(writer, n_epochs, every, on_epoch, _is_endless(name, parameters))
    if plan.is_finished():
        _say(path, "the run is finished, and not repeated")
        with claiming(path):  # one that was killed at its very end has left its lock, too
            plan.clear()
        return Run(path, plan.read_seconds())
    with writer:
        checkpoint = plan.find_checkpoint()
        if "checkpoint" in inspect.signature(method).parameters and seed is not None:
            arguments["checkpoint"] = checkpoint
            writer.way_on = "the same run again goes on from there"
        try:
            method(X, on_epoch=plan.keep, **arguments)
        except Different as different:
            _say(path, f"starting again, as {different}, on another machine perhaps")
            checkpoint.forget()
            writer.restart()
            method(X, on_epoch=plan.keep, **arguments)
        writer.is_kept = plan.is_stopped
    if not plan.is_stopped:
        plan.clear()
    return Run(path, plan.write_seconds(checkpoint.seconds))


class _Plan:
    """Which epochs a run keeps, and what is there of it already."""

    def __init__(
        self,
        writer: EpochWriter,
        n_epochs: int,
        every: int,
        on_epoch: OnEpoch | None,
        is_endless: bool,
    ):
        self.writer, self.path = writer, writer.output_path
        self.n_epochs, self.every = n_epochs, every
        self.on_epoch, self.is_endless = on_epoch, is_endless
        self.facts = writer.describe()
        self.is_stopped = False

    def keep(self, epoch: int, embedding: np.ndarray) -> bool:
        """Write an epoch if it is to be kept; return whether the run shall stop."""
        is_last = epoch == self.n_epochs
        is_kept = is_last or epoch % self.every == 0
        if is_kept:
            self.writer(epoch, embedding)
        is_stopped = self.on_epoch is not None and bool(self.on_epoch(epoch, embedding))
        if is_stopped and not is_kept:
            self.writer(epoch, embedding)
        self.is_stopped = is_stopped and not is_last
        return is_stopped

    def is_finished(self) -> bool:
        """Return whether the store has all epochs of this very run."""
        return self._read_facts() == self.facts and find_last_epoch(self.path) == self.n_epochs

    def find_checkpoint(self) -> Checkpoint:
        """Return the state to go on from, with the epochs before it in the working file."""
        identity = self._drop_end(self.facts) | {"machine": MACHINE}
        checkpoint = Checkpoint(self.path, identity, before_save=self.writer.sync)
        before = self._read_facts()
        if checkpoint.epoch and self._has_epochs(checkpoint.epoch):
            _say(self.path, f"going on from epoch {checkpoint.epoch}")
            return checkpoint
        checkpoint.forget_state()
        if checkpoint.changes:
            _say(self.path, f"starting again, as {_join(checkpoint.changes)}")
        elif before and before != self.facts:
            _say(self.path, f"replacing another run, as {_join(compare(self.facts, before))}")
        return checkpoint

    def clear(self) -> None:
        """Remove what an interrupted run would need, unless more epochs may follow."""
        if not self.is_endless:
            remove_checkpoint(self.path)
        self.writer.remove_working()

    def read_seconds(self) -> float:
        """Return how long the run took, NaN if that is not known."""
        try:
            note = json.loads(self._note.read_text())
            return note["seconds"] if note["run"] == joblib.hash(self.facts) else nan
        except (OSError, ValueError, TypeError, KeyError):
            return nan

    def write_seconds(self, seconds: float) -> float:
        """Note how long the run took, which no store tells: its bytes shall be the same again."""
        with replacing(self._note) as temporary:
            note = {"run": joblib.hash(self.facts), "seconds": round(seconds, 3)}
            temporary.write_text(json.dumps(note))
        return round(seconds, 3)

    @property
    def _note(self) -> Path:
        return self.path.with_suffix(".json")

    def _has_epochs(self, end: int) -> bool:
        """Return whether the epochs before `end` are there, in the working file or the store."""
        wanted = range(0, end, self.every)
        if end > self.n_epochs:
            return False
        if self.writer.resume(wanted):
            return True
        before = self._read_facts()
        if not self.is_endless or not before:
            return False
        if self._drop_end(before) != self._drop_end(self.facts):
            return False
        for epoch in wanted:
            self.writer(epoch, read_embedding(self.path, epoch))
        return True

    def _read_facts(self) -> dict[str, Any]:
        """Return what the store that is there tells of its run, nothing when there is none."""
        try:
            facts = read_metadata(self.path)
        except (FileNotFoundError, ValueError):
            return {}
        return {key: facts[key] for key in self.facts}

    def _drop_end(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Return what must be the same for a run to be gone on with."""
        parameters = facts["parameters"]
        if self.is_endless:
            parameters = {key: parameters[key] for key in parameters if key != "n_epochs"}
        return facts | {"parameters": parameters}


def _is_endless(name: str, parameters: dict[str, Any]) -> bool:
    return name in ENDLESS or (name == "tsne" and "early_exaggeration_iter" in parameters)


def _say(path: Path, what: str) -> None:
    print(f"{path}: {what}")


def _join(changes: list[str]) -> str:
    """Return the first of what differs; hashes say nothing to a reader."""
    told = [change for change in changes if not change.startswith("inputs is")]
    told += ["the data are others"] * (len(told) < len(changes))
    return ", ".join(told[:3]) + (" and so on" if len(told) > 3 else "")


def _to_plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python, which JSON can keep, and else the value."""
    return value.item() if isinstance(value, np.generic) else value


def _describe(value: Any) -> Any:
    """Return a parameter as JSON can keep it; of tables and arrays, that they were given."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, Sequence) and all(isinstance(item, PLAIN) for item in value):
        return list(value)
    return GIVEN
