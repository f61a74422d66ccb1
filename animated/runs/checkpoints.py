"""Checkpoints: the state that a run saves while it works, so that it can resume.

Before a step, a method hands over its optimiser's state; in the next run it gets the state back,
bit for bit. Given the state of epoch k, it produces epochs k, k + 1 and so on as if it had taken
all the steps before. The result of its first stages, such as a spectral embedding, is saved too.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from animated.runs.identity import compare
from animated.storage.arrays import load_arrays, save_arrays

Arrays = dict[str, np.ndarray]

# Saving may take at most this share of a run's time.
SHARE = 0.02
# How long the first save is expected to take, in seconds. A run saves nothing before this time
# divided by `SHARE` has passed, so short runs never save.
EXPECTED = 0.02


class Checkpoint:
    """The saved state of one run, see `animated.methods.declaration.Checkpoint`.

    epoch: the epoch of the saved state, 0 when there is none.
    state: the arrays of the saved state, by name.
    changes: how this run differs from the one that saved a state at the same path, such as
        "seed is 43, was 42". A state of another run is not used.
    """

    def __init__(
        self,
        path: str | Path,
        identity: dict[str, Any],
        *,
        before_save: Callable[[], Any] = lambda: None,
    ):
        """Look up the state that the same run saved before, if any.

        path: the store that the run writes.
        identity: what the run is, as JSON accepts it. Only a run with the same identity resumes.
        before_save: called before a state is saved, to put on disk what must be there first.
        """
        self._seconds, self._start = 0.0, time.perf_counter()
        self._saved, self._cost = self._start, EXPECTED
        self._fingerprint = json.dumps(identity)
        self._before_save = before_save
        self._path = Path(path)
        self.epoch, self.state = 0, Arrays()
        self.changes = self._look_up(identity)

    def recall(self, compute: Callable[[], Arrays]) -> Arrays:
        """Return the arrays that `compute` returns, or returned in the interrupted run."""
        path = _state_path(self._path, "start")
        fingerprint, arrays = load_arrays(path) or (None, {})
        if fingerprint != self._fingerprint:
            arrays = compute()
            save_arrays(path, self._fingerprint, is_durable=True, **arrays)
        return arrays

    def restore(self, **arrays: np.ndarray) -> None:
        """Fill the arrays with the saved state, in place."""
        for name, array in arrays.items():
            array[...] = self.state[name]

    def save(self, epoch: int, *, now: bool = False, **arrays: np.ndarray) -> None:
        """Save the state before the step from `epoch` to the next, if it is time, or `now`.

        A state saved `now`, at the end of a run, is saved without fsync, since it only matters if
        the run is extended later.
        """
        start = time.perf_counter()
        if not now and start - self._saved < self._cost / SHARE:
            return
        if not now:
            self._before_save()
        arrays |= {"epoch": np.array(epoch), "seconds": np.array(self.seconds)}
        save_arrays(
            _state_path(self._path, "state"), self._fingerprint, is_durable=not now, **arrays
        )
        self._saved = time.perf_counter()
        self._cost = self._saved - start

    @property
    def seconds(self) -> float:
        """How long the run has taken so far, including the time before an interruption."""
        return self._seconds + time.perf_counter() - self._start

    def forget_state(self) -> None:
        """Forget the saved state, but not the result of the first stages."""
        self.epoch, self.state, self._seconds = 0, {}, 0.0

    def forget(self) -> None:
        """Forget everything, and remove the files."""
        self.forget_state()
        remove_checkpoint(self._path)

    def _look_up(self, identity: dict[str, Any]) -> list[str]:
        """Load the state if it belongs to the same run; return how the run differs if not."""
        fingerprint, arrays = load_arrays(_state_path(self._path, "state")) or (None, {})
        if fingerprint is None:
            return []
        if fingerprint != self._fingerprint:
            return compare(identity, json.loads(fingerprint))
        self.epoch = int(arrays.pop("epoch"))
        self._seconds = float(arrays.pop("seconds"))
        self.state = arrays
        return []


def remove_checkpoint(path: str | Path) -> None:
    """Remove the files in which a run that writes to `path` has saved its state."""
    for name in ("state", "start"):
        _state_path(path, name).unlink(missing_ok=True)


def _state_path(path: str | Path, name: str) -> Path:
    return Path(path).with_suffix(f".{name}.npz")
