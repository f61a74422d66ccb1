"""Epochs on their way to disk: a callback that writes the store of a run, and survives its end.

While a method runs, raw epochs stream to a working file beside the Parquet file (see
`animated.runs.journal`), of which all but a last incomplete epoch can be read after a crash, whereas a
Parquet file without its footer is lost. One pass at the end normalises, rounds and writes the
Parquet file.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from animated.runs.journal import Journal, read_journal
from animated.runs.schema import (
    ABOUT,
    COLUMNS,
    STEPS,
    choose_encoding,
    describe_scaling,
    fill_template,
    make_template,
    measure,
    normalise,
)
from animated.storage import checksums
from animated.storage.atomic import check_folder, claiming, explaining_full, replacing
from animated.validation import to_enum

# What the numbers depend on, besides the processor.
LIBRARIES = ("umap-learn", "numpy", "scipy", "scikit-learn", "numba", "pynndescent")
VERSIONS = {library: version(library) for library in LIBRARIES}


class EpochWriter:
    """A callback for a method, which writes every epoch it is shown to one Parquet file.

        with EpochWriter("data/epochs.parquet", method="UMAP", seed=42) as write:
            umap(X, n_epochs=199, seed=42, on_epoch=write)

    The file appears when the block ends. When an exception ends it, or the process is killed,
    what was at `output_path` before is still there, and `recover` saves the epochs so far.
    `animated.runs.run` goes on where it stopped instead.
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

        labels: Series (n_samples,) whose name becomes the name of the label column. Floats are
            kept as numbers, all else as classes; null where unknown.
        seen: bool array (n_samples,), which points are those of the fit that others are placed
            among by its transform.
        method, data, parameters, seed: what was run on what, kept as JSON in the file's metadata.
        libraries: those whose versions are kept there besides `LIBRARIES`.
        inputs: a hash of the data that were given to the method, kept there, too.
        is_exact: whether to leave positions as they are instead of rounding them to 1 / `STEPS`.
            The file is twice as large; it matters where a layout is a dot at first.

        Raises FileNotFoundError when the folder does not exist, PermissionError when it cannot be
        written to, ValueError when the path does not end in .parquet or the labels have the name of
        another column, and TypeError when `seen` does not hold truth values or the parameters do
        not fit into JSON.
        """
        check_folder(output_path)
        if Path(output_path).suffix != ".parquet":
            raise ValueError(f"output_path must end in .parquet, got {str(output_path)!r}")
        self.output_path = Path(output_path)
        self.facts = {} if labels is None else _check_labels(labels)
        self.facts |= {} if seen is None else {"seen": _check_seen(seen)}
        run = {
            "method": method,
            "data": data,
            "parameters": parameters or {},
            "seed": seed,
            "versions": VERSIONS | {library: version(library) for library in libraries},
            "inputs": inputs,
            "exact": is_exact,
        }
        self.metadata = {key: json.dumps(value) for key, value in run.items()}
        self.n_epochs = 0
        self._last_epoch = -1
        self._template: pa.RecordBatch | None = None
        self._shape: tuple[int, ...] | None = None
        self._journal: Journal | None = None
        self._start = 0
        self._known: dict[int, bytes] = {}
        self._claim = ExitStack()
        # Whether the working file stays when the store is written, so that the run can go on.
        self.is_kept = False
        # What to do to go on after an error, if there is such a way.
        self.way_on = ""

    def __enter__(self) -> Self:
        """Return the writer, which is called as `on_epoch`.

        Raises RuntimeError when another run is writing to the same file.
        """
        self._claim.enter_context(claiming(self.output_path))
        return self

    def __call__(self, epoch: int, embedding: np.ndarray) -> None:
        """Append an epoch to the working file.

        embedding: float array (n_samples, 2) or (n_samples, 3), finite in float32.
        Raises TypeError when it holds no numbers, ValueError when epochs do not ascend, or an
        embedding is not like the first, OSError when the disk is full, and `Different` when this
        epoch was another one before.
        """
        embedding = _to_floats(embedding)
        self._check(epoch, embedding)
        if self._template is None:
            self._shape = embedding.shape
            self._template = make_template(embedding, self.facts).replace_schema_metadata(
                self.metadata
            )
        with explaining_full(self.output_path):
            if self._journal is None:
                path = working_path(self.output_path)
                self._journal = Journal(path, self._template.schema, self._start)
            check = self._journal.append(fill_template(self._template, epoch, embedding))
        if self._known.get(epoch, check) != check:
            raise Different(f"epoch {epoch} is not what it was before the interruption")
        self.n_epochs += 1
        self._last_epoch = epoch

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write the Parquet file or, after an exception, leave the working file to `recover`.

        Raises ValueError when there was no epoch to write.
        """
        with self._claim:
            if self._journal is not None:
                self._journal.close()
            if error is None and not self.n_epochs:
                raise ValueError(f"no epoch was written for {str(self.output_path)!r}")
            if error is None:
                _write_store(self.output_path, self.n_epochs, self.is_kept)
            elif self.n_epochs:
                recover_it = f"animated.runs.store.recover({str(self.output_path)!r})"
                error.add_note(
                    f"{self.n_epochs} epochs are kept in {working_path(self.output_path)}; "
                    + (f"{self.way_on}, or " if self.way_on else "")
                    + f"{recover_it} makes them a Parquet file"
                )

    def resume(self, epochs: Iterable[int]) -> bool:
        """Keep these `epochs` of a working file that the same run has left, to go on behind them.

        Returns whether all of them are there; otherwise none is kept.
        What is there of the epochs behind them must come out the same again, see `Different`.
        """
        working, wanted = working_path(self.output_path), list(epochs)
        metadata = self._encode_metadata()
        found, ends, known = [], [0], {}
        for batch, check, end in read_journal(working) if working.is_file() else []:
            if batch.schema.metadata != metadata:
                return False
            epoch = batch["epoch"][0].as_py()
            if len(found) < len(wanted):
                found.append(epoch)
                ends.append(end)
            else:
                known[epoch] = check
        if found != wanted:
            return False
        self.n_epochs, self._last_epoch = len(found), found[-1] if found else -1
        self._start, self._known = ends[-1], known
        return True

    def restart(self) -> None:
        """Forget all epochs so far."""
        if self._journal is not None:
            self._journal.close()
        self._journal, self._start, self._known = None, 0, {}
        self.n_epochs, self._last_epoch = 0, -1

    def describe(self) -> dict[str, Any]:
        """Return what the store will tell about its run, as `read_metadata` returns it."""
        return {key: json.loads(self.metadata[key]) for key in ABOUT}

    def remove_working(self) -> None:
        """Remove the working file that the same run has left when it was interrupted."""
        working = working_path(self.output_path)
        if working.is_file():
            entry = next(read_journal(working), None)
            if entry is None or entry.batch.schema.metadata == self._encode_metadata():
                working.unlink()

    def sync(self) -> None:
        """Wait until the disk has all epochs so far."""
        if self._journal is not None:
            self._journal.sync()

    def _encode_metadata(self) -> dict[bytes, bytes]:
        return {key.encode(): value.encode() for key, value in self.metadata.items()}

    def _check(self, epoch: int, embedding: np.ndarray) -> None:
        is_number = isinstance(epoch, int | np.integer)
        if not is_number or not self._last_epoch < epoch <= np.iinfo(np.uint16).max:
            last = self._last_epoch
            raise ValueError(f"epochs must ascend up to 65535, got {epoch!r} after {last}")
        shape = embedding.shape
        if (
            len(shape) != 2
            or shape[1] not in (2, 3)
            or not shape[0]
            or shape != (self._shape or shape)
        ):
            wanted = self._shape or "(n_samples, 2) or (n_samples, 3)"
            raise ValueError(f"embedding {epoch} must have shape {wanted}, got {shape}")
        for name, fact in self.facts.items():
            if len(fact) != shape[0]:
                name = "seen" if name == "seen" else "labels"
                raise ValueError(f"there must be {shape[0]} {name}, got {len(fact)}")
        if not np.isfinite(embedding).all():
            bad = (~np.isfinite(embedding)).any(axis=1).sum()
            raise ValueError(f"embedding {epoch} must be finite, got {bad} rows not so")


class Different(RuntimeError):
    """An epoch differs from what the same run had shown before it was interrupted."""


def recover(output_path: str | Path) -> int:
    """Turn the working file of an interrupted run into the Parquet file `output_path`.

    Returns the number of epochs written.
    Raises FileNotFoundError when there is no working file, ValueError when it has no epoch, and
    RuntimeError when its run has not ended.
    """
    if not working_path(output_path).is_file():
        raise FileNotFoundError(
            f"there is no run to recover: {working_path(output_path)} does not exist"
        )
    with claiming(output_path):
        return _write_store(output_path)


def _write_store(output_path: str | Path, expected: int | None = None, keeps: bool = False) -> int:
    """Write the store of a working file, which is then removed unless it `keeps` it."""
    source = working_path(output_path)
    scaling = measure(_read_batches(source))
    if scaling is None:
        raise ValueError(f"there is no run to recover: {source} has no complete epoch")
    n_epochs = 0
    with replacing(output_path) as temporary:
        schema = next(_read_batches(source)).schema
        steps = None if json.loads(schema.metadata[b"exact"]) else STEPS
        schema = schema.with_metadata(schema.metadata | describe_scaling(*scaling))
        with pq.ParquetWriter(temporary, schema, **choose_encoding(schema)) as writer:
            for batch in _read_batches(source):
                writer.write_batch(normalise(batch, *scaling, steps), row_group_size=len(batch))
                n_epochs += 1
            writer.add_key_value_metadata({checksums.KEY: checksums.BLANK})
        if n_epochs != (expected or n_epochs):
            raise RuntimeError(f"{source} is damaged: {n_epochs} of {expected} epochs can be read")
        checksums.seal(temporary)
    if not keeps:
        source.unlink()
    return n_epochs


def working_path(output_path: str | Path) -> Path:
    """Return where a run that is to end at `output_path` keeps its raw epochs."""
    return Path(output_path).with_suffix(".arrow")


def _to_floats(embedding: np.ndarray) -> np.ndarray:
    """Return an embedding as the store keeps it, infinite where it is too large for that."""
    array = np.asarray(embedding)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"embedding must be an array of numbers, got {array.dtype}")
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=np.float32)


def _check_labels(labels: pl.Series) -> dict[str, pl.Series]:
    """Return the labels by their name, as classes or, if they are floats, as numbers."""
    if not isinstance(labels, pl.Series):
        raise TypeError(f"labels must be a Polars Series, got {type(labels).__name__}")
    if labels.name in COLUMNS:
        raise ValueError(f"labels must not be named like another column, got {labels.name!r}")
    name = labels.name or "label"
    if labels.dtype.is_float():
        numbers = labels.cast(pl.Float32)
        # A colour scale has no place for what is infinite either.
        return {name: numbers.set(~numbers.is_finite(), None).rechunk()}
    return {name: to_enum(labels).rechunk()}


def _check_seen(seen: np.ndarray) -> np.ndarray:
    seen = np.asarray(seen)
    if seen.dtype != bool or seen.ndim != 1:
        shape = seen.shape
        raise TypeError(f"seen must be a bool array (n_samples,), got {seen.dtype} {shape}")
    return seen


def _read_batches(source: Path) -> Iterator[pa.RecordBatch]:
    return (entry.batch for entry in read_journal(source))
