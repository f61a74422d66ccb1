"""Downloads and caches are found whatever the current folder, in a clone and without one."""

import os
import shutil

import polars as pl
import pytest
from conftest import ROOT, run_python

from animated.datasets import cache, mnist
from animated.datasets.cache import PROJECT, cache_folder, find_clone
from animated.datasets.load import load_dataset


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The package is imported from a folder that is not a clone; return the user's cache folder."""
    site = tmp_path / "site-packages"
    (site / "data").mkdir(parents=True)
    (site / "pyproject.toml").write_text('[project]\nname = "another-project"\n')
    monkeypatch.setattr(cache, "PACKAGE", site / "animated")
    monkeypatch.setattr(cache, "user_cache_path", lambda name, appauthor: tmp_path / "home" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home" / PROJECT


def test_a_clone_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_clone() == ROOT and cache_folder() == ROOT / "data/cache"
    assert cache_folder().is_dir() and not list(tmp_path.iterdir())


def test_without_a_clone_the_cache_is_the_user_s(installed):
    assert find_clone() is None and cache_folder() == installed
    assert installed.is_dir()


@pytest.mark.skipif(os.name != "posix", reason="the folder is another one on each system")
def test_a_copied_package_has_the_cache_of_its_user(tmp_path):
    """The package, imported from a folder of its own, and without any help by this process."""
    shutil.copytree(ROOT / "animated/datasets", tmp_path / "animated/datasets")
    shutil.copy(ROOT / "animated/__init__.py", tmp_path / "animated")
    code = """
    import os, sys
    os.environ |= {"HOME": sys.argv[1], "XDG_CACHE_HOME": sys.argv[1] + "/.cache"}
    sys.path.insert(0, sys.argv[1])
    from animated.datasets.cache import cache_folder, find_clone
    print(find_clone(), cache_folder().relative_to(sys.argv[1]).parts[-1])
    """
    done = run_python(code, tmp_path, cwd=tmp_path)
    assert done.stdout.split() == ["None", PROJECT], done.stderr


def test_mnist_in_a_clone_is_read_from_any_folder(tmp_path, monkeypatch, digits):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mnist, "load", lambda *args: pytest.fail("a source was asked"))
    assert load_dataset("mnist", n_rows=100).table.equals(digits[:100])
    assert not list(tmp_path.iterdir())


def test_mnist_without_a_clone_comes_from_the_cache(installed, monkeypatch, digits):
    """It is downloaded into the user's cache folder, and nothing is written elsewhere."""
    images = mnist.Images(digits.drop("digit").to_numpy(), digits["digit"].to_physical().to_numpy())
    folders = []

    def load(name, sums, sources, folder):
        folders.append((name, folder))
        return images

    monkeypatch.setattr(mnist, "load", load)
    assert load_dataset("mnist", n_rows=100).table.equals(digits[:100])
    assert folders == [("MNIST", installed)]
    assert not list(installed.parent.parent.rglob("*.parquet"))


def test_more_digits_than_are_committed_leave_the_file_alone(tmp_path, monkeypatch, digits):
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file = tmp_path / "data/digits.parquet"
    mnist.write_table(digits[:50], file)
    content = file.read_bytes()
    monkeypatch.setattr(cache, "PACKAGE", tmp_path / "animated")
    monkeypatch.setattr(mnist, "load_mnist", lambda: digits)
    table = load_dataset("mnist", n_rows=80).table
    assert table.equals(digits[:80]) and table.schema["digit"] == pl.Enum(list("0123456789"))
    assert file.read_bytes() == content
