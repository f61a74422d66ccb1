"""Tables from wherever people keep them: files, folders of images, tables of other libraries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from PIL import Image, ImageOps, UnidentifiedImageError

from animated.methods.arguments import check_integer
from animated.progress import track

# What people write into a CSV file where they have no value.
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"]
SEPARATORS = ",;\t|"
MOST_PIXELS = 128


def read_table(source: Any, *, image_side: int = 28) -> pl.DataFrame:
    """Return a file, a folder of images, or another library's table as a Polars table.

    source: a path that ends in .parquet, .csv, .tsv, .arrow, .feather, .ipc, .npy or .npz; a folder
        of images, also in folders of their own, whose names become the column `class`; a Polars,
        pandas or Arrow table; or a NumPy array (n_rows, n_columns) or (n_rows, height, width).
    image_side: images of a folder are made grey squares of so many pixels a side, with black
        margins where they are not square.

    Images become the columns `pixel_<row>_<column>`. A column of vectors, all of one length k,
    becomes `<name>_1` to `<name>_<k>`. In an .npz file vectors are columns, matrices several of
    them, and an array of three dimensions is images.

    Raises FileNotFoundError when there is nothing at the path, TypeError for what is no table, and
    ValueError for a file that cannot be read, an unknown ending, no rows, or arrays that do not
    have as many rows as each other.
    """
    check_integer("image_side", image_side, 4, MOST_PIXELS)
    if isinstance(source, str | Path):
        table = _read_path(Path(source), image_side)
    else:
        table = _to_polars(source)
    if not table.width or not table.height:
        raise ValueError(f"data must have rows and columns, got {table.height} x {table.width}")
    return _spread_vectors(table)


def _read_path(path: Path, image_side: int) -> pl.DataFrame:
    if path.is_dir():
        return _read_images(path, image_side)
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise ValueError(f"data must end in one of {', '.join(READERS)}, got {str(path)!r}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        return read(path)
    except Exception as error:  # every library has errors of its own
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"{str(path)!r} could not be read: {reason}") from error


def _read_csv(path: Path) -> pl.DataFrame:
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
    separator = max(SEPARATORS, key=header.count)
    return pl.read_csv(
        path, separator=separator, null_values=MISSING, infer_schema_length=None, glob=False
    )


def _read_arrow(path: Path) -> pl.DataFrame:
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    return pl.read_ipc(path) if is_file else pl.read_ipc_stream(path)


def _read_npz(path: Path) -> pl.DataFrame:
    with np.load(path) as file:
        arrays = dict(file)
    lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items()) or "none"
        raise ValueError(f"arrays must have as many rows as each other, got {told}")
    tables = [_from_array(array, name) for name, array in arrays.items()]
    return pl.concat(tables, how="horizontal")


READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": lambda path: pl.read_parquet(path, glob=False),
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
    ".ipc": _read_arrow,
    ".npy": lambda path: _from_array(np.load(path), "column"),
    ".npz": _read_npz,
}


def _to_polars(source: Any) -> pl.DataFrame:
    if isinstance(source, pl.DataFrame | pl.LazyFrame):
        return source.lazy().collect()
    if isinstance(source, np.ndarray):
        return _from_array(source, "column")
    if isinstance(source, pd.DataFrame):
        return pl.from_pandas(source.rename(columns=str))
    if isinstance(source, pa.Table):
        return pl.from_arrow(source)
    raise TypeError(
        "data must be a path or a table of Polars, pandas, Arrow or NumPy, "
        f"got {type(source).__name__}"
    )


def _from_array(array: np.ndarray, name: str) -> pl.DataFrame:
    """Return an array of one, two or three dimensions, or of records, as columns."""
    if array.dtype.names:
        return pl.from_numpy(array)
    if array.dtype.kind == "O" or array.ndim not in (1, 2, 3):
        raise ValueError(f"arrays must have 1 to 3 dimensions, got {array.dtype} {array.shape}")
    if array.ndim == 3:
        return _name_pixels(array)
    if array.ndim == 1:
        return pl.DataFrame({name: array})
    # Polars keeps columns: turn the array once.
    return pl.from_numpy(np.asfortranarray(array), _number(name, array.shape[1]), orient="row")


def _name_pixels(images: np.ndarray) -> pl.DataFrame:
    count, height, width = images.shape
    names = [f"pixel_{row}_{column}" for row in range(height) for column in range(width)]
    return pl.from_numpy(np.asfortranarray(images.reshape(count, -1)), names, orient="row")


def _number(name: str, count: int) -> list[str]:
    return [f"{name}_{i}" for i in range(1, count + 1)]


def _spread_vectors(table: pl.DataFrame) -> pl.DataFrame:
    """Return `table` with every column of vectors, or of images, as columns of numbers."""
    parts = [_spread(table[name]) for name in table.columns]
    return table if all(part.width == 1 for part in parts) else pl.concat(parts, how="horizontal")


def _spread(column: pl.Series) -> pl.DataFrame:
    if not isinstance(column.dtype, pl.List | pl.Array) or column.null_count():
        return column.to_frame()
    if isinstance(column.dtype, pl.List):
        lengths = column.list.len()
        if not column.dtype.inner.is_numeric() or lengths.n_unique() != 1 or not lengths[0]:
            return column.to_frame()
        column = column.list.to_array(lengths[0])
    array = column.to_numpy()
    return column.to_frame() if array.dtype.kind == "O" else _from_array(array, column.name)


def _read_images(folder: Path, side: int) -> pl.DataFrame:
    known = Image.registered_extensions()
    paths = sorted(path for path in folder.rglob("*.*") if path.suffix.lower() in known)
    if not paths:
        raise ValueError(f"folder {str(folder)!r} must hold images, got none")
    read = joblib.Parallel(n_jobs=-1, prefer="threads", return_as="generator")
    images = read(joblib.delayed(_read_image)(path, side) for path in paths)
    pixels = np.stack(list(track(images, "Reading", len(paths), unit="image")))
    facts = {"file": [path.relative_to(folder).as_posix() for path in paths]}
    if any(path.parent != folder for path in paths):
        facts["class"] = [path.parent.relative_to(folder).as_posix() for path in paths]
    return pl.concat([_name_pixels(pixels), pl.DataFrame(facts)], how="horizontal")


def _read_image(path: Path, side: int) -> np.ndarray:
    """Return an image as uint8 (side, side), transparent parts and margins black."""
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("RGBA")
    except (OSError, UnidentifiedImageError) as error:
        raise ValueError(f"image {str(path)!r} could not be read: {error}") from None
    opaque = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    return np.asarray(ImageOps.pad(opaque.convert("L"), (side, side)))
