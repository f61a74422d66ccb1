"""Decide what a run has to do, given what earlier runs left on disk.

    what exists                                       what `run` does
    a store with all epochs of the same run           returns it
    a checkpoint, and all epochs before its own       resumes from the checkpoint
    anything else                                     starts from the beginning

The epochs before a checkpoint are in the working file of an interrupted run or, when a finished run
is extended by more epochs, in its store.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animated.runs.checkpoints import Checkpoint
from animated.runs.identity import compare, describe_machine, summarise
from animated.runs.store import find_last_epoch, read_embedding, read_metadata
from animated.runs.writer import EpochWriter


@dataclass(frozen=True)
class Request:
    """What a call of `run` asks for.

    path: the store to write.
    facts: the description of the run in the store's metadata, see `EpochWriter.describe`.
    n_epochs: the last epoch.
    every: store every k-th epoch, and the last.
    is_extendable: whether a finished run of the method can be extended by more epochs.
    """

    path: Path
    facts: dict[str, Any]
    n_epochs: int
    every: int
    is_extendable: bool

    def is_stored(self, epoch: int) -> bool:
        """Return whether an epoch belongs in the store."""
        return epoch == self.n_epochs or epoch % self.every == 0

    def is_finished(self) -> bool:
        """Return whether the store has all epochs of this very run."""
        return self.read_facts() == self.facts and find_last_epoch(self.path) == self.n_epochs

    def read_facts(self) -> dict[str, Any]:
        """Return the description of the run that the existing store has, empty if there is none."""
        try:
            facts = read_metadata(self.path)
        except (FileNotFoundError, ValueError):
            return {}
        return {key: facts[key] for key in self.facts}

    def identify(self) -> dict[str, Any]:
        """Return what must be the same for a run to resume from a checkpoint."""
        return self._drop_length(self.facts) | {"machine": describe_machine()}

    def extends(self, facts: dict[str, Any]) -> bool:
        """Return whether this run is a finished one, described by `facts`, with more epochs."""
        is_same = bool(facts) and self._drop_length(facts) == self._drop_length(self.facts)
        return self.is_extendable and is_same

    def _drop_length(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Return a description without the number of epochs, if that does not affect the steps."""
        if not self.is_extendable:
            return facts
        parameters = {key: value for key, value in facts["parameters"].items() if key != "n_epochs"}
        return facts | {"parameters": parameters}


def find_checkpoint(request: Request, writer: EpochWriter) -> Checkpoint:
    """Return the checkpoint to resume from, after restoring the epochs before it to the writer.

    When the run cannot resume, the checkpoint has epoch 0. A printed line says whether and why.
    """
    checkpoint = Checkpoint(request.path, request.identify(), before_save=writer.sync)
    stored = request.read_facts()
    if checkpoint.epoch and _restore_epochs(request, writer, checkpoint.epoch, stored):
        report(request.path, f"resuming from epoch {checkpoint.epoch}")
        return checkpoint
    checkpoint.forget_state()
    if checkpoint.changes:
        report(request.path, f"starting over: {summarise(checkpoint.changes)}")
    elif stored and stored != request.facts:
        report(request.path, f"replacing another run: {summarise(compare(request.facts, stored))}")
    return checkpoint


def _restore_epochs(
    request: Request, writer: EpochWriter, end: int, stored: dict[str, Any]
) -> bool:
    """Make the writer continue after the epochs before `end`; return whether all of them exist.

    stored: the description of the existing store.
    """
    if end > request.n_epochs:
        return False
    wanted = range(0, end, request.every)
    if writer.resume(wanted):
        return True
    if not request.extends(stored):
        return False
    for epoch in wanted:
        writer(epoch, read_embedding(request.path, epoch))
    return True


def report(path: Path, message: str) -> None:
    """Print what a run decided."""
    print(f"{path}: {message}")
