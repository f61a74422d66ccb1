"""Read tables from files, folders of images and other libraries.

Nothing in a file is executed. A damaged file, or one that claims to be larger than it can be,
raises an error of one sentence. Arrow's own readers detect more damage than those of Polars.
"""

import csv
import math
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from reprlib import repr as shorten
from typing import Any, BinaryIO, TextIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib import format as npy

from animated.datasets.convert import (
    FILE_HINT,
    DataError,
    check_names,
    explaining,
    from_array,
    from_arrow,
    join_tables,
    spread_vectors,
    to_polars,
)
from animated.datasets.images import MOST_PIXELS, read_images
from animated.storage.checksums import check_checksum
from animated.validation import check_integer

# What CSV files contain where a value is missing.
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"]
SEPARATORS = ",;\t|"
# No data set expands beyond this factor, so a larger archive that claims to is malicious.
LARGE_ARCHIVE, MOST_EXPANSION = 2**30, 100
CSV_HINT = "; a CSV file must be UTF-8 text with as many values in every row as in the first"


def read_table(source: Any, *, image_side: int = 28) -> pl.DataFrame:
    """Return a file, a folder of images, or another library's table as a Polars table.

    source: a path that ends in .parquet, .csv, .tsv, .arrow, .feather, .ipc, .npy or .npz; a folder
        of images, whose subfolders, if there are any, become the column `class`; a Polars, pandas
        or Arrow table; or a NumPy array (n_rows, n_columns) or (n_rows, height, width).
    image_side: the width and height in pixels to which the images of a folder are resized, in
        grey and with black margins where they are not square; 4 to 128.

    Images become the columns `pixel_<row>_<column>`. A column of vectors, all of length k, becomes
    `<name>_1` to `<name>_<k>`. In an .npz file a vector is a column, a matrix is several, and an
    array of three dimensions is images. The index of a pandas table is left out.

    >>> read_table(np.eye(2)).columns
    ['column_1', 'column_2']

    Raises FileNotFoundError when the path does not exist, TypeError for a source of another type,
    and ValueError for a file that cannot be read, an unknown ending, no rows, two columns of one
    name, a column of Python objects, and arrays of different lengths.
    """
    check_integer("image_side", image_side, 4, MOST_PIXELS)
    is_path = isinstance(source, str | Path)
    name = repr(str(source)) if is_path else "data"
    table = _read_path(source, image_side) if is_path else to_polars(source)
    if not table.width or not table.height:
        raise ValueError(f"{name} must have rows and columns, got {table.height} x {table.width}")
    for column in table.select(pl.col(pl.Object)).columns:
        raise ValueError(
            f"column {shorten(column)} must hold text or numbers, got Python objects: leave it out"
        )
    with explaining(name):
        return spread_vectors(table)


def _read_path(source: str | Path, image_side: int) -> pl.DataFrame:
    name, path = repr(str(source)), Path(source)
    if "://" in name or not str(source):
        raise ValueError(
            f"data must be a path on this machine, got {name}: "
            "read remote data with Polars first, for example with polars.scan_parquet"
        )
    if _exists(path, Path.is_dir):
        return read_images(path, image_side)
    ending = path.suffix.lower()
    if ending not in READERS:
        raise ValueError(f"data must end in one of {', '.join(READERS)}, got {name}")
    if not _exists(path, Path.is_file):
        raise FileNotFoundError(f"there is no file {name}")
    with explaining(name, CSV_HINT if ending in (".csv", ".tsv") else FILE_HINT):
        if not path.stat().st_size:
            raise DataError("it is empty")
        return READERS[ending](path)


def _exists(path: Path, is_kind: Callable[[Path], bool]) -> bool:
    try:
        return is_kind(path)
    except OSError:  # a name that no file can have
        return False


def _read_csv(path: Path) -> pl.DataFrame:
    names, separator = _read_header(path)
    return pl.read_csv(
        path,
        separator=separator,
        new_columns=names,  # Polars doubles quotes inside names, and renames duplicates
        null_values=MISSING,
        infer_schema_length=None,
        glob=False,
    )


def _read_header(path: Path) -> tuple[list[str], str]:
    """Return the names of the columns of a CSV file, and the separator: the one of most names."""
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        line = file.readline().rstrip("\r\n")
        _check_text(line)
        found = {separator: _read_names(file, separator) for separator in SEPARATORS}
    separator = max(found, key=lambda each: len(found[each]))
    if _is_data(found[separator]):
        raise DataError(f"its first row must name the columns, got {shorten(line)}")
    check_names(found[separator])
    return found[separator], separator


def _check_text(line: str) -> None:
    if "\0" in line or "\r" in line:
        kind = "UTF-16 or binary" if "\0" in line else "lines that end in carriage returns"
        raise DataError(f"it must be UTF-8 text in lines, got {kind}")


def _read_names(file: TextIO, separator: str) -> list[str]:
    """Return the first row that is not empty; a quoted name may extend over several lines."""
    file.seek(0)
    return next(filter(None, csv.reader(file, delimiter=separator)), [])


def _is_data(names: list[str]) -> bool:
    """Return whether a row is data: numbers that do not ascend, as those of a scale would."""
    try:
        numbers = [float(name.strip(' "')) for name in names]
    except ValueError:
        return False
    return numbers != sorted(set(numbers))


def _read_arrow(path: Path) -> pl.DataFrame:
    with pa.OSFile(str(path)) as file:
        is_file = file.read(6) == b"ARROW1"
        file.seek(0)
        reader = pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)
        return from_arrow(reader.read_all())


def _read_parquet(path: Path) -> pl.DataFrame:
    with pa.OSFile(str(path)) as file:
        reader = pq.ParquetFile(file, page_checksum_verification=True)
        check_checksum(path)
        return from_arrow(reader.read())


def _read_npy(path: Path) -> pl.DataFrame:
    with path.open("rb") as file:
        return from_array(_load_array(file, path.stat().st_size), "column")


def _read_npz(path: Path) -> pl.DataFrame:
    with zipfile.ZipFile(path) as archive:
        _check_size(archive, path.stat().st_size)
        names = archive.namelist()
        check_names(names)
        # Reading a whole member verifies its checksum.
        contents = {name.removesuffix(".npy"): archive.read(name) for name in names}
    arrays = {name: _load_array(BytesIO(data), len(data)) for name, data in contents.items()}
    _check_lengths(arrays)
    return join_tables([from_array(array, name) for name, array in arrays.items()])


def _check_size(archive: zipfile.ZipFile, size: int) -> None:
    claimed = sum(info.file_size for info in archive.infolist())
    if claimed > max(LARGE_ARCHIVE, MOST_EXPANSION * size):
        raise DataError(f"it claims to hold {claimed:,} bytes, far too many for its size")


def _check_lengths(arrays: dict[str, np.ndarray]) -> None:
    lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items()) or "none"
        raise DataError(f"arrays must have the same number of rows, got {listed}")


READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
    ".ipc": _read_arrow,
    ".npy": _read_npy,
    ".npz": _read_npz,
}


def _load_array(file: BinaryIO, size: int) -> np.ndarray:
    """Return the array in a file of `size` bytes, unless its header claims more than those."""
    is_first = npy.read_magic(file) == (1, 0)
    read_header = npy.read_array_header_1_0 if is_first else npy.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if math.prod(shape) * dtype.itemsize > size or not dtype.itemsize:
        raise DataError(f"it claims to hold {shape} values of {dtype}, but has {size:,} bytes")
    file.seek(0)
    return np.load(file, allow_pickle=False)
