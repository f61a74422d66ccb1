"""Tables from wherever people keep them: files, folders of images, tables of other libraries.

Nothing in a file is run as code. What is damaged, or claims to be larger than it can be, is refused
in one sentence; Arrow's own readers look more closely for that than those of Polars.
"""

import csv
import math
import warnings
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from reprlib import repr as shorten
from typing import Any, BinaryIO

import joblib
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib import format as npy
from PIL import Image, ImageOps

from animated.datasets.convert import (
    Refusal,
    check_names,
    explaining,
    from_array,
    from_arrow,
    join_tables,
    spread_vectors,
    to_polars,
)
from animated.progress import track
from animated.storage.checksums import check_checksum
from animated.validation import check_integer

# What people write into a CSV file where they have no value.
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"]
SEPARATORS = ",;\t|"
MOST_PIXELS = 128
# For some other formats Pillow starts programs, which run what is in the file.
FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# An archive of more bytes than these must not be more times as large as its file: no data are.
LARGE_ARCHIVE, MOST_EXPANSION = 2**30, 100
CSV_HINT = "; a CSV file must be UTF-8 text with as many values in every row as in the first"
FILE_HINT = "; it may be damaged, or of another kind than its name says"


def read_table(source: Any, *, image_side: int = 28) -> pl.DataFrame:
    """Return a file, a folder of images, or another library's table as a Polars table.

    source: a path that ends in .parquet, .csv, .tsv, .arrow, .feather, .ipc, .npy or .npz; a folder
        of images, also in folders of their own, whose names become the column `class`; a Polars,
        pandas or Arrow table; or a NumPy array (n_rows, n_columns) or (n_rows, height, width).
    image_side: images of a folder are made grey squares of so many pixels a side, with black
        margins where they are not square.

    Images become the columns `pixel_<row>_<column>`. A column of vectors, all of one length k,
    becomes `<name>_1` to `<name>_<k>`. In an .npz file vectors are columns, matrices several of
    them, and an array of three dimensions is images. The index of a pandas table is left out.

    Raises FileNotFoundError when there is nothing at the path, TypeError for what is no table, and
    ValueError for a file that cannot be read, an unknown ending, no rows, two columns of one name,
    a column of Python objects, or arrays that do not have as many rows as each other.
    """
    check_integer("image_side", image_side, 4, MOST_PIXELS)
    is_path = isinstance(source, str | Path)
    name = repr(str(source)) if is_path else "data"
    table = _read_path(source, image_side) if is_path else to_polars(source)
    if not table.width or not table.height:
        raise ValueError(f"{name} must have rows and columns, got {table.height} x {table.width}")
    for column in table.select(pl.col(pl.Object)).columns:
        raise ValueError(
            f"column {shorten(column)} must hold words or numbers, got Python objects: leave it out"
        )
    with explaining(name):
        return spread_vectors(table)


def _read_path(source: str | Path, image_side: int) -> pl.DataFrame:
    name, path = repr(str(source)), Path(source)
    if "://" in name or not str(source):
        raise ValueError(
            f"data must be a path on this machine, got {name}: "
            "read others with Polars first, as with polars.scan_parquet"
        )
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError:  # a name that no file can have
        is_folder = is_file = False
    if is_folder:
        return _read_images(path, image_side)
    ending = path.suffix.lower()
    if ending not in READERS:
        raise ValueError(f"data must end in one of {', '.join(READERS)}, got {name}")
    if not is_file:
        raise FileNotFoundError(f"there is no file {name}")
    with explaining(name, CSV_HINT if ending in (".csv", ".tsv") else FILE_HINT):
        if not path.stat().st_size:
            raise Refusal("it is empty")
        return READERS[ending](path)


def _read_csv(path: Path) -> pl.DataFrame:
    names, separator = _read_header(path)
    return pl.read_csv(
        path,
        separator=separator,
        new_columns=names,  # Polars leaves quotes inside names doubled, and renames twins
        null_values=MISSING,
        infer_schema_length=None,
        glob=False,
    )


def _read_header(path: Path) -> tuple[list[str], str]:
    """Return the names of the columns of a CSV file, and what stands between them."""
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        line = file.readline().rstrip("\r\n")
        if "\0" in line or "\r" in line:
            kind = "UTF-16 or binary" if "\0" in line else "lines that end in carriage returns"
            raise Refusal(f"it must be UTF-8 text in lines, got {kind}")
        found = {}
        for separator in SEPARATORS:
            file.seek(0)
            # Names may go over several lines, below empty ones.
            found[separator] = next(filter(None, csv.reader(file, delimiter=separator)), [])
    separator = max(found, key=lambda each: len(found[each]))
    if _is_data(found[separator]):
        raise Refusal(f"its first row must name the columns, got {shorten(line)}")
    check_names(found[separator])
    return found[separator], separator


def _is_data(names: list[str]) -> bool:
    """Return whether what should be names are numbers, and not those of a scale."""
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
        size = sum(info.file_size for info in archive.infolist())
        if size > max(LARGE_ARCHIVE, MOST_EXPANSION * path.stat().st_size):
            raise Refusal(f"it claims to hold {size:,} bytes, far too many for its size")
        names = archive.namelist()
        check_names(names)
        # Read as a whole, an array is compared with its checksum.
        contents = {name.removesuffix(".npy"): archive.read(name) for name in names}
    arrays = {name: _load_array(BytesIO(data), len(data)) for name, data in contents.items()}
    lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items()) or "none"
        raise Refusal(f"arrays must have as many rows as each other, got {told}")
    return join_tables([from_array(array, name) for name, array in arrays.items()])


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
    """Return the array in a file of `size` bytes, unless its header claims that there are more."""
    is_first = npy.read_magic(file) == (1, 0)
    read_header = npy.read_array_header_1_0 if is_first else npy.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if math.prod(shape) * dtype.itemsize > size or not dtype.itemsize:
        raise Refusal(f"it claims to hold {shape} values of {dtype}, but has {size:,} bytes")
    file.seek(0)
    return np.load(file, allow_pickle=False)


def _read_images(folder: Path, side: int) -> pl.DataFrame:
    known = Image.registered_extensions()
    endings = {ending for ending, format in known.items() if format in FORMATS}
    paths = sorted(path for path in folder.rglob("*.*") if path.suffix.lower() in endings)
    if not paths:
        raise ValueError(f"folder {str(folder)!r} must hold images, got none")
    read = joblib.Parallel(n_jobs=-1, prefer="threads", return_as="generator")
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        images = read(joblib.delayed(_read_image)(path, side) for path in paths)
        pixels = np.stack(list(track(images, "Reading", len(paths), unit="image")))
    facts = {"file": [path.relative_to(folder).as_posix() for path in paths]}
    if any(path.parent != folder for path in paths):
        facts["class"] = [path.parent.relative_to(folder).as_posix() for path in paths]
    return join_tables([from_array(pixels, "pixel"), pl.DataFrame(facts)])


def _read_image(path: Path, side: int) -> np.ndarray:
    """Return an image as uint8 (side, side), transparent parts and margins black."""
    formats = [format for format in FORMATS if format in Image.OPEN]
    with explaining(f"image {str(path)!r}", FILE_HINT):
        with Image.open(path, formats=formats) as file:
            file.verify()  # the checksums of a PNG, at which loading it does not look
        with Image.open(path, formats=formats) as file:
            image = ImageOps.exif_transpose(file).convert("RGBA")
        opaque = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
        return np.asarray(ImageOps.pad(opaque.convert("L"), (side, side)))
