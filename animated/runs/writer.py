"""Write the epochs of a run to disk as they come, so that a crash costs at most the last one.

While a method runs, its raw epochs go to a working file beside the Parquet file (see
`animated.runs.journal`). After a crash everything but an incomplete last epoch can be read from it,
whereas a Parquet file without its footer is lost. At the end, `animated.runs.finish` normalises the
epochs and writes the Parquet file.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import polars as pl
import pyarrow as pa

from animated.runs.checks import check_embedding, check_epoch, to_columns, to_float32
from animated.runs.finish import write_store
from animated.runs.journal import Entry, Journal, read_journal, working_path
from animated.runs.schema import ABOUT, fill_template, make_template
from animated.storage.atomic import check_folder, claiming, explaining_full

# Besides the processor, these determine the numbers.
LIBRARIES = ("umap-learn", "numpy", "scipy", "scikit-learn", "numba", "pynndescent")
VERSIONS = {library: version(library) for library in LIBRARIES}


class EpochWriter:
    """A callback for a method, which writes every epoch to one Parquet file.

        with EpochWriter("data/epochs.parquet", method="UMAP", seed=42) as write:
            umap(X, n_epochs=199, seed=42, on_epoch=write)

    The file appears when the block ends. If an exception ends the block, or the process is killed,
    the file that was at `output_path` before remains, and `recover` saves the epochs so far.
    `animated.runs.run` can resume such a run instead.
    """

    def __init__(
        self,
        output_path: str | Path,
        *,
        labels: pl.Series | None = None,
        seen: np.ndarray | None = None,
        method: str | None = None,
        data: str | None = None,
        parameters: dict[str, Any] | None = None,
        seed: int | None = None,
        libraries: Sequence[str] = (),
        inputs: str | None = None,
        is_exact: bool = False,
    ):
        """Prepare to write to `output_path`.

        labels: Series (n_samples,) whose name becomes the name of the label column. Floats remain
            numbers, everything else becomes classes; null where unknown.
        seen: bool array (n_samples,), True for points the model was fitted to, False for points
            placed later by `transform`.
        method, data, parameters, seed: what was run on what, stored as JSON in the file's metadata.
        libraries: distributions whose versions are stored in addition to those of `LIBRARIES`.
        inputs: a hash of the data that the method was given, also stored.
        is_exact: whether to store positions unrounded instead of rounding them to 1 / `STEPS`.
            The file is twice as large; use it where an embedding starts as a tiny dot.

        Raises FileNotFoundError when the folder does not exist, PermissionError when it is not
        writable, ValueError when the path does not end in .parquet or the labels have the name of
        another column, and TypeError when `seen` is not boolean or JSON cannot represent the
        parameters.
        """
        check_folder(output_path)
        if Path(output_path).suffix != ".parquet":
            raise ValueError(f"output_path must end in .parquet, got {str(output_path)!r}")
        self.output_path = Path(output_path)
        self._fixed = to_columns(labels, seen)
        facts = {
            "method": method,
            "data": data,
            "parameters": parameters or {},
            "seed": seed,
            "versions": VERSIONS | {library: version(library) for library in libraries},
            "inputs": inputs,
            "exact": is_exact,
        }
        self.metadata = {key: json.dumps(value) for key, value in facts.items()}
        # Whether the working file remains beside the finished store, so that the run can resume.
        self.keeps_working_file = False
        # The advice that a note adds to an error, if the run can be resumed.
        self.how_to_resume = ""
        self._template: pa.RecordBatch | None = None
        self._shape: tuple[int, ...] | None = None
        self._lock = ExitStack()
        self._begin()

    def _begin(self) -> None:
        """Begin with no epochs."""
        self.n_epochs, self._last_epoch = 0, -1
        self._journal: Journal | None = None
        self._start = 0
        self._checksums: dict[int, bytes] = {}

    def __enter__(self) -> Self:
        """Return the writer, which is called as `on_epoch`.

        Raises RuntimeError when another run is writing to the same file.
        """
        self._lock.enter_context(claiming(self.output_path))
        return self

    def __call__(self, epoch: int, embedding: np.ndarray) -> None:
        """Append an epoch to the working file.

        embedding: float array (n_samples, 2) or (n_samples, 3), finite in float32.

        Raises TypeError when it does not contain numbers, ValueError when epochs do not increase or
        the embedding does not match the first, OSError when the disk is full, and `EpochDiffers`
        when a resumed run produces another epoch than before.
        """
        embedding = to_float32(embedding)
        check_epoch(epoch, self._last_epoch)
        check_embedding(epoch, embedding, self._shape, self._fixed)
        checksum = self._append(epoch, embedding)
        if self._checksums.get(epoch, checksum) != checksum:
            raise EpochDiffers(f"epoch {epoch} differs from the one before the interruption")
        self.n_epochs += 1
        self._last_epoch = epoch

    def _append(self, epoch: int, embedding: np.ndarray) -> bytes:
        if self._template is None:
            self._shape = embedding.shape
            template = make_template(embedding, self._fixed)
            self._template = template.replace_schema_metadata(self.metadata)
        with explaining_full(self.output_path):
            if self._journal is None:
                path = working_path(self.output_path)
                self._journal = Journal(path, self._template.schema, self._start)
            return self._journal.append(fill_template(self._template, epoch, embedding))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write the Parquet file or, after an exception, leave the working file to `recover`.

        Raises ValueError when there was no epoch to write.
        """
        with self._lock:
            if self._journal is not None:
                self._journal.close()
            if error is None:
                self._finish()
            elif self.n_epochs:
                error.add_note(self._describe_rescue())

    def _finish(self) -> None:
        if not self.n_epochs:
            raise ValueError(f"no epoch was written for {str(self.output_path)!r}")
        write_store(self.output_path, self.n_epochs)
        if not self.keeps_working_file:
            working_path(self.output_path).unlink()

    def _describe_rescue(self) -> str:
        """Return what the user can do with the epochs so far."""
        recover_it = f"animated.runs.writer.recover({str(self.output_path)!r})"
        resume_it = f"{self.how_to_resume}, or " if self.how_to_resume else ""
        return (
            f"{self.n_epochs} epochs are saved in {working_path(self.output_path)}: "
            f"{resume_it}call {recover_it} to turn them into a Parquet file"
        )

    def resume(self, epochs: Iterable[int]) -> bool:
        """Continue after these `epochs` of the working file that the same run left behind.

        Returns whether the file has all of them; if it does not, the writer begins with no epochs.
        Later epochs in the file are written again and must come out the same, see `EpochDiffers`.
        """
        wanted = list(epochs)
        entries = list(self._list_saved())
        saved, later = entries[: len(wanted)], entries[len(wanted) :]
        if [epoch for epoch, _, _ in saved] != wanted:
            return False
        if saved:
            self.n_epochs, (self._last_epoch, _, self._start) = len(saved), saved[-1]
        self._checksums = {epoch: checksum for epoch, checksum, _ in later}
        return True

    def _list_saved(self) -> Iterable[tuple[int, bytes, int]]:
        """Yield the number, checksum and end of every epoch that the same run left behind."""
        path = working_path(self.output_path)
        for entry in read_journal(path) if path.is_file() else ():
            if not self._wrote(entry):
                return
            yield entry.batch["epoch"][0].as_py(), entry.checksum, entry.end

    def _wrote(self, entry: Entry) -> bool:
        """Return whether an epoch of the working file belongs to the same run."""
        metadata = {key.encode(): value.encode() for key, value in self.metadata.items()}
        return entry.batch.schema.metadata == metadata

    def restart(self) -> None:
        """Discard all epochs so far."""
        if self._journal is not None:
            self._journal.close()
        self._begin()

    def describe(self) -> dict[str, Any]:
        """Return what the store's metadata will say about its run, as `read_metadata` does."""
        return {key: json.loads(self.metadata[key]) for key in ABOUT}

    def remove_working_file(self) -> None:
        """Remove the working file that the same run left behind when it was interrupted."""
        path = working_path(self.output_path)
        if path.is_file():
            first = next(read_journal(path), None)
            if first is None or self._wrote(first):
                path.unlink()

    def sync(self) -> None:
        """Wait until all epochs so far are on the disk."""
        if self._journal is not None:
            self._journal.sync()


class EpochDiffers(RuntimeError):
    """A resumed run produced another epoch than it had before the interruption."""


def recover(output_path: str | Path) -> int:
    """Turn the working file of an interrupted run into the Parquet file `output_path`.

    Returns the number of epochs written.
    Raises FileNotFoundError when there is no working file, ValueError when it contains no complete
    epoch, and RuntimeError when its run has not ended.
    """
    source = working_path(output_path)
    if not source.is_file():
        raise FileNotFoundError(f"there is no run to recover: {source} does not exist")
    with claiming(output_path):
        n_epochs = write_store(output_path)
        source.unlink()
        return n_epochs
