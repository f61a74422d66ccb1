"""The epoch store: every layout of a run in one Parquet file, the only place that knows its schema.

A row is a point at an epoch: `index` (u32, its row in the feature table), `x`, `y` and in 3-D `z`
(f32, in [0, 1]), the label (Enum or, if it is a number, f32, under its own name), in the store of a
transform `seen` (whether the point is one of the fit), `epoch` (u16).
Rows are sorted by epoch, then by index; one row group is one epoch.

While a method runs, raw epochs stream to a working file beside the Parquet file: an Arrow IPC
stream, of which all but a last incomplete epoch can be read after a crash, whereas a Parquet file
without its footer is lost. One pass at the end normalises, rounds and writes the Parquet file.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from animated.files import check_folder, replacing
from animated.tables import to_enum

AXES = ("x", "y", "z")
COLUMNS = ("index", *AXES, "seen", "epoch")
# Positions are rounded to this fraction of the unit square, a twentieth of a pixel at 800 px:
# it cannot be seen, and it is what makes the file small.
STEPS = 16384
# What the numbers depend on, besides the processor.
LIBRARIES = ("umap-learn", "numpy", "scipy", "scikit-learn", "numba", "pynndescent")
VERSIONS = {library: version(library) for library in LIBRARIES}
METADATA = ("method", "data", "parameters", "seed", "versions", "scale", "offset")


class EpochWriter:
    """A callback for a method, which writes every epoch it is shown to one Parquet file.

        with EpochWriter("data/epochs.parquet", method="UMAP", seed=42) as write:
            umap(X, n_epochs=199, seed=42, on_epoch=write)

    The file appears when the block ends. When an exception ends it, or the process is killed,
    what was at `output_path` before is still there, and `recover` saves the epochs so far.
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
        is_exact: bool = False,
    ):
        """Prepare to write to `output_path`.

        labels: Series (n_samples,) whose name becomes the name of the label column. Floats are
            kept as numbers, all else as classes; null where unknown.
        seen: bool array (n_samples,), which points are those of the fit that others are placed
            among by its transform.
        method, data, parameters, seed: what was run on what, kept as JSON in the file's metadata.
        libraries: those whose versions are kept there besides `LIBRARIES`.
        is_exact: whether to leave positions as they are instead of rounding them to 1 / `STEPS`.
            The file is twice as large; it matters where a layout is a dot at first.

        Raises FileNotFoundError when the folder does not exist, ValueError when the path does not
        end in .parquet or the labels have the name of another column, and TypeError when `seen`
        does not hold truth values or the parameters do not fit into JSON.
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
        }
        self.metadata = {key: json.dumps(value) for key, value in run.items()}
        self.metadata |= {"exact": "true"} if is_exact else {}
        self.n_epochs = 0
        self._last_epoch = -1
        self._template: pa.RecordBatch | None = None
        self._shape: tuple[int, ...] | None = None

    def __enter__(self) -> Self:
        """Return the writer, which is called as `on_epoch`."""
        return self

    def __call__(self, epoch: int, embedding: np.ndarray) -> None:
        """Append an epoch to the working file.

        embedding: float array (n_samples, 2) or (n_samples, 3), finite.
        Raises ValueError when epochs do not ascend, or an embedding is not like the first.
        """
        embedding = np.asarray(embedding)
        self._check(epoch, embedding)
        if self._template is None:
            self._open(embedding)
        columns = _split(embedding) | {"epoch": np.full(len(embedding), epoch, dtype=np.uint16)}
        self._stream.write_batch(_replace_columns(self._template, columns))
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
        if self._template is not None:
            self._stream.close()
            self._file.close()
        if error is None and not self.n_epochs:
            raise ValueError(f"no epoch was written for {str(self.output_path)!r}")
        if error is None:
            recover(self.output_path)
        elif self.n_epochs:
            error.add_note(
                f"{self.n_epochs} epochs are kept in {working_path(self.output_path)}; "
                f"animated.epochs.recover({str(self.output_path)!r}) makes them a Parquet file"
            )

    def _open(self, embedding: np.ndarray) -> None:
        self._shape = embedding.shape
        self._template = _make_template(embedding, self.facts)
        self._file = pa.OSFile(str(working_path(self.output_path)), "wb")
        schema = self._template.schema.with_metadata(self.metadata)
        self._stream = pa.ipc.new_stream(self._file, schema)

    def _check(self, epoch: int, embedding: np.ndarray) -> None:
        if not self._last_epoch < epoch <= np.iinfo(np.uint16).max:
            last = self._last_epoch
            raise ValueError(f"epochs must ascend up to 65535, got {epoch} after {last}")
        shape = embedding.shape
        if len(shape) != 2 or shape[1] not in (2, 3) or shape != (self._shape or shape):
            wanted = self._shape or "(n_samples, 2) or (n_samples, 3)"
            raise ValueError(f"embedding {epoch} must have shape {wanted}, got {shape}")
        for name, fact in self.facts.items():
            if len(fact) != shape[0]:
                name = "seen" if name == "seen" else "labels"
                raise ValueError(f"there must be {shape[0]} {name}, got {len(fact)}")
        if not np.isfinite(embedding).all():
            bad = (~np.isfinite(embedding)).any(axis=1).sum()
            raise ValueError(f"embedding {epoch} must be finite, got {bad} rows not so")


def recover(output_path: str | Path) -> int:
    """Turn the working file of a finished or interrupted run into the Parquet file `output_path`.

    Positions are moved and scaled into [0, 1] by one rule for the whole run and by one scale for
    all axes, so that nothing zooms while it moves and distances are true; shorter axes are centred.
    The metadata's `scale` and `offset` undo it: position = x * scale + offset.

    Returns the number of epochs written.
    Raises FileNotFoundError when there is no working file, and ValueError when it has no epoch.
    """
    source = working_path(output_path)
    if not source.is_file():
        raise FileNotFoundError(f"there is no run to recover: {source} does not exist")
    scale, offset = _measure(source)
    n_epochs = 0
    with replacing(output_path) as temporary:
        schema = next(_read_batches(source)).schema
        steps = None if b"exact" in schema.metadata else STEPS
        scaling = {"scale": json.dumps(scale), "offset": json.dumps(offset.tolist())}
        schema = schema.with_metadata(schema.metadata | scaling)
        with pq.ParquetWriter(temporary, schema, **_encoding(schema)) as writer:
            for batch in _read_batches(source):
                writer.write_batch(
                    _normalise(batch, scale, offset, steps), row_group_size=len(batch)
                )
                n_epochs += 1
    source.unlink()
    return n_epochs


def read_epoch(path: str | Path, epoch: int) -> pl.DataFrame:
    """Return one epoch of the store at `path`, reading no more of the file than its row group.

    Returns a table of n_samples rows with the columns of the store.
    Raises ValueError when the store has no such epoch.
    """
    file, groups = _open(path)
    if epoch in groups:
        return pl.from_arrow(file.read_row_group(groups[epoch], use_threads=False))
    table = scan(path).filter(pl.col("epoch") == epoch).collect()
    if table.is_empty():
        last = scan(path).select(pl.col("epoch").max()).collect().item()
        raise ValueError(f"epoch must be one of those in {path}, 0 to {last}, got {epoch}")
    return table


def read_layout(path: str | Path, epoch: int) -> np.ndarray:
    """Return one epoch of the store at `path` as the method made it, without normalisation.

    Returns float64 (n_samples, n_components); exact but for the rounding of the store.
    Raises ValueError when the store has no such epoch.
    """
    metadata = read_metadata(path)
    return read_positions(path, epoch) * metadata["scale"] + metadata["offset"]


def read_positions(path: str | Path, epoch: int) -> np.ndarray:
    """Return the positions of one epoch of the store at `path`, normalised as they are there.

    Returns float64 (n_samples, n_components).
    Raises ValueError when the store has no such epoch.
    """
    table = read_epoch(path, epoch)
    return table.select(get_axes(table.columns)).to_numpy().astype(np.float64)


def _open(path: str | Path) -> tuple[pq.ParquetFile, dict[int, int]]:
    """Return the file of a store, and which row group holds which epoch."""
    _check_exists(path)
    status = Path(path).stat()
    metadata, groups = _read_footer(str(path), status.st_mtime_ns, status.st_size)
    return pq.ParquetFile(path, metadata=metadata), groups


@lru_cache(maxsize=8)
def _read_footer(path: str, *status: int) -> tuple[pq.FileMetaData, dict[int, int]]:
    """Read the footer of a store once; it takes longer than an epoch.

    status: what changes when the file does.
    """
    metadata = pq.read_metadata(path)
    column = metadata.schema.names.index("epoch")
    ranges = [
        metadata.row_group(group).column(column).statistics
        for group in range(metadata.num_row_groups)
    ]
    # In a file that something else has written, a row group need not be an epoch.
    is_ours = all(one and one.has_min_max and one.min == one.max for one in ranges)
    groups = {one.min: group for group, one in enumerate(ranges)} if is_ours else {}
    return metadata, groups if len(groups) == len(ranges) else {}


def scan(path: str | Path) -> pl.LazyFrame:
    """Return the store at `path` as a LazyFrame, for any question that Polars can answer.

    Raises FileNotFoundError when there is no file.
    """
    _check_exists(path)
    return pl.scan_parquet(path, glob=False)


def _check_exists(path: str | Path) -> None:
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no epoch store at {str(path)!r}")


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Return what the store at `path` tells about its run.

    The keys are `method`, `data`, `parameters`, `seed`, `versions`, `scale` (a length in the units
    of the embedding) and `offset` (one such length an axis).
    """
    metadata = pl.read_parquet_metadata(path)
    return {key: json.loads(metadata[key]) for key in METADATA}


def find_label(path: str | Path) -> str | None:
    """Return the name of the label column of the store at `path`, None when it has no labels."""
    names = [name for name in scan(path).collect_schema().names() if name not in COLUMNS]
    return names[0] if names else None


def working_path(output_path: str | Path) -> Path:
    """Return where a run that is to end at `output_path` keeps its raw epochs."""
    return Path(output_path).with_suffix(".arrow")


def _check_labels(labels: pl.Series) -> dict[str, pl.Series]:
    """Return the labels by their name, as classes or, if they are floats, as numbers."""
    if labels.name in COLUMNS:
        raise ValueError(f"labels must not be named like another column, got {labels.name!r}")
    name = labels.name or "label"
    if labels.dtype.is_float():
        return {name: labels.cast(pl.Float32).fill_nan(None).rechunk()}
    return {name: to_enum(labels).rechunk()}


def _check_seen(seen: np.ndarray) -> np.ndarray:
    seen = np.asarray(seen)
    if seen.dtype != bool or seen.ndim != 1:
        shape = seen.shape
        raise TypeError(f"seen must be a bool array (n_samples,), got {seen.dtype} {shape}")
    return seen


def _make_template(
    embedding: np.ndarray, facts: dict[str, pl.Series | np.ndarray]
) -> pa.RecordBatch:
    """Return a batch of the working file, in which positions and epoch are still to be set."""
    n_samples = len(embedding)
    columns = {"index": np.arange(n_samples, dtype=np.uint32), **_split(embedding), **facts}
    columns |= {"epoch": np.zeros(n_samples, dtype=np.uint16)}
    # Polars notes in a field's metadata what lets it read an Enum back as Enum.
    return pl.DataFrame(columns).to_arrow().combine_chunks().to_batches()[0]


def _split(embedding: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of an embedding by the names of their axes."""
    columns = np.asarray(embedding, dtype=np.float32).T
    return {axis: np.ascontiguousarray(column) for axis, column in zip(AXES, columns, strict=False)}


def _replace_columns(batch: pa.RecordBatch, columns: dict[str, np.ndarray]) -> pa.RecordBatch:
    arrays = [
        pa.array(columns[name]) if name in columns else batch.column(name)
        for name in batch.schema.names
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _read_batches(source: Path) -> Iterator[pa.RecordBatch]:
    """Yield the epochs of a working file up to its end, or to where the run was cut off."""
    with pa.OSFile(str(source)) as file, suppress(StopIteration, pa.ArrowInvalid, OSError):
        reader = pa.ipc.open_stream(file)
        while True:
            yield reader.read_next_batch()


def get_axes(names: list[str]) -> list[str]:
    """Return those of the `names` that are axes, in their order."""
    return [axis for axis in AXES if axis in names]


def _measure(source: Path) -> tuple[float, np.ndarray]:
    """Return the scale and offset that put all epochs of the run into the unit square or cube."""
    extremes = [
        (positions.min(axis=1), positions.max(axis=1))
        for positions in map(_join, _read_batches(source))
    ]
    if not extremes:
        raise ValueError(f"there is no run to recover: {source} has no complete epoch")
    low, high = np.min(extremes, axis=(0, 1)), np.max(extremes, axis=(0, 1))
    # A run in which no point ever differs from another has no extent of its own.
    scale = float((high - low).max()) or 1.0
    return scale, (low + high - scale) / 2


def _join(batch: pa.RecordBatch) -> np.ndarray:
    """Return the positions of a batch as an array (n_components, n_samples) of float64."""
    return np.array([batch.column(axis) for axis in get_axes(batch.schema.names)], dtype=np.float64)


def _normalise(
    batch: pa.RecordBatch, scale: float, offset: np.ndarray, steps: int | None
) -> pa.RecordBatch:
    positions = (_join(batch) - offset[:, None]) / scale
    if steps is not None:
        positions = np.rint(positions * steps) / steps
    return _replace_columns(batch, _split(positions.T))


def _encoding(schema: pa.Schema) -> dict[str, Any]:
    labels = [name for name in schema.names if name not in COLUMNS]
    counters = {name: "DELTA_BINARY_PACKED" for name in ("index", "epoch")}
    floats = {axis: "BYTE_STREAM_SPLIT" for axis in get_axes(schema.names)}
    return {
        "compression": "zstd",
        "write_statistics": ["epoch"],  # by which a reader skips the other row groups
        "use_dictionary": labels,
        "column_encoding": counters | floats,
    }
