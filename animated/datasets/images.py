"""Read a folder of images."""

import warnings
from pathlib import Path

import joblib
import numpy as np
import polars as pl
from PIL import Image, ImageOps

from animated.datasets.convert import FILE_HINT, explaining, from_array, join_tables
from animated.progress import track

MOST_PIXELS = 128
# To read some other formats Pillow starts programs, which execute what a file contains.
FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")


def read_images(folder: Path, side: int) -> pl.DataFrame:
    """Return a row for each image in a folder and its subfolders, sorted by path.

    side: the width and height in pixels to which they are resized.

    Returns the columns `pixel_<row>_<column>` (u8, grey), `file` (the path within the folder) and,
    if any image is in a subfolder, `class` (the name of the subfolder).
    Raises ValueError for a folder without images, and for an image that cannot be read.
    """
    paths = _find_paths(folder)
    if not paths:
        raise ValueError(f"folder {str(folder)!r} must hold images, got none")
    facts = {"file": [path.relative_to(folder).as_posix() for path in paths]}
    if any(path.parent != folder for path in paths):
        facts["class"] = [path.parent.relative_to(folder).as_posix() for path in paths]
    return join_tables([from_array(_read_all(paths, side), "pixel"), pl.DataFrame(facts)])


def _find_paths(folder: Path) -> list[Path]:
    known = Image.registered_extensions()
    endings = {ending for ending, format in known.items() if format in FORMATS}
    return sorted(path for path in folder.rglob("*.*") if path.suffix.lower() in endings)


def _read_all(paths: list[Path], side: int) -> np.ndarray:
    read = joblib.Parallel(n_jobs=-1, prefer="threads", return_as="generator")
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        images = read(joblib.delayed(_read_image)(path, side) for path in paths)
        return np.stack(list(track(images, "Reading", len(paths), unit="image")))


def _read_image(path: Path, side: int) -> np.ndarray:
    """Return an image as uint8 (side, side), with transparent parts and margins in black."""
    formats = [format for format in FORMATS if format in Image.OPEN]
    with explaining(f"image {str(path)!r}", FILE_HINT):
        with Image.open(path, formats=formats) as file:
            file.verify()  # the checksums of a PNG, which loading ignores
        with Image.open(path, formats=formats) as file:
            image = ImageOps.exif_transpose(file).convert("RGBA")
        opaque = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
        return np.asarray(ImageOps.pad(opaque.convert("L"), (side, side)))
