"""A notebook finds the repository from any folder inside it, and is refused outside."""

from pathlib import Path

import pytest

from animated.storage.repository import enter_repository


@pytest.fixture
def clone(tmp_path):
    """A folder that looks like a clone, with a folder of notebooks and one deeper."""
    for name in ("data", "movies", "notebooks/deeper"):
        (tmp_path / "clone" / name).mkdir(parents=True)
    (tmp_path / "clone/util.py").touch()
    return tmp_path / "clone"


@pytest.mark.parametrize("start", [".", "notebooks", "notebooks/deeper"])
def test_root_is_found_from_inside(clone, start, monkeypatch):
    monkeypatch.chdir(clone / start)
    enter_repository()
    assert Path.cwd() == clone
    assert Path("data/cache").is_dir(), "where notebooks store what they compute"


def test_a_folder_outside_is_refused_by_name(clone, monkeypatch):
    monkeypatch.chdir(clone.parent)
    with pytest.raises(FileNotFoundError, match=rf"got the folder '{clone.parent}'.*--cwd"):
        enter_repository()
    assert Path.cwd() == clone.parent
