"""Checkpoints: what a run keeps on disk while it goes on, so that it need not begin again.

A method hands over its optimiser's state before a step, and is given it back, to the last bit, in
the next run. So that one with the state of epoch k shows epochs k, k + 1 and so on, as if it had
taken all the steps before. What its first stages have found, such as a spectral layout, is kept
for as long.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from animated.storage.arrays import load_arrays, save_arrays

Arrays = dict[str, np.ndarray]

# At most this share of a run's time goes into saving.
SHARE = 0.02
# What saving is expected to take before it has been done, in seconds: the first state is saved
# after this many divided by `SHARE`, so that short runs have nothing to do with all this.
EXPECTED = 0.02


class Checkpoint:
    """The kept state of one run.

    epoch: that of the state which is there, 0 when there is none.
    state: its arrays by name.
    changes: what differs between this run and that of the files which were there, such as
        "seed is 43, was 42"; those files are not used.
    """

    def __init__(
        self,
        path: str | Path,
        identity: dict[str, Any],
        *,
        before_save: Callable[[], Any] = lambda: None,
    ):
        """Look up what a run that writes to `path` has kept.

        identity: what the run is, as JSON can keep it: only the same run is gone on with.
        before_save: called before a state is written, for what must be on disk before it.
        """
        self.epoch, self.state = 0, {}
        self._seconds, self._start = 0.0, time.perf_counter()
        self._mark = json.dumps(identity)
        self._before_save = before_save
        self._saved, self._cost = self._start, EXPECTED
        self._path = Path(path)
        self.changes = self._look_up(identity)

    def recall(self, compute: Callable[[], Arrays]) -> Arrays:
        """Return the arrays that `compute` returns, now or in the run that was interrupted."""
        mark, arrays = load_arrays(_name(self._path, "start")) or (None, {})
        if mark != self._mark:
            arrays = compute()
            save_arrays(_name(self._path, "start"), self._mark, **arrays)
        return arrays

    def restore(self, **arrays: np.ndarray) -> None:
        """Fill arrays with the state of `epoch`, in place."""
        for name, array in arrays.items():
            array[...] = self.state[name]

    def save(self, epoch: int, *, now: bool = False, **arrays: np.ndarray) -> None:
        """Keep the state before the step from `epoch` to the next one, if it is time, or `now`.

        What is kept `now`, at the end of a run, is needed only if more steps are to follow: nobody
        waits until the disk has it.
        """
        start = time.perf_counter()
        if not now and start - self._saved < self._cost / SHARE:
            return
        if not now:
            self._before_save()
        facts = {"epoch": np.array(epoch), "seconds": np.array(self.seconds)}
        save_arrays(_name(self._path, "state"), self._mark, is_durable=not now, **arrays, **facts)
        self._saved = time.perf_counter()
        self._cost = self._saved - start

    @property
    def seconds(self) -> float:
        """How long the run has taken so far, the time before an interruption included."""
        return self._seconds + time.perf_counter() - self._start

    def forget_state(self) -> None:
        """Begin again, with what the first stages have found."""
        self.epoch, self.state, self._seconds = 0, {}, 0.0

    def forget(self) -> None:
        """Begin again, with nothing."""
        self.forget_state()
        remove_checkpoint(self._path)

    def _look_up(self, identity: dict[str, Any]) -> list[str]:
        mark, arrays = load_arrays(_name(self._path, "state")) or (None, {})
        if mark != self._mark:
            return [] if mark is None else compare(identity, json.loads(mark))
        self.epoch = int(arrays.pop("epoch"))
        self._seconds = float(arrays.pop("seconds"))
        self.state = arrays
        return []


def remove_checkpoint(path: str | Path) -> None:
    """Remove what a run that writes to `path` has kept."""
    for name in ("state", "start"):
        _name(path, name).unlink(missing_ok=True)


def compare(now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """Return in words what differs between two runs, each a dictionary that may hold others."""
    now, before = _flatten(now), _flatten(before)
    return [
        f"{name} is {now.get(name)!r}, was {before.get(name)!r}"
        for name in now | before
        if now.get(name) != before.get(name)
    ]


def _name(path: str | Path, name: str) -> Path:
    return Path(path).with_suffix(f".{name}.npz")


def _flatten(facts: dict[str, Any]) -> dict[str, Any]:
    flat = {}
    for name, value in facts.items():
        flat |= _flatten(value) if isinstance(value, dict) else {name: value}
    return flat
