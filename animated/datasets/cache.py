"""Where downloads and caches go, whatever the current folder."""

from pathlib import Path

from platformdirs import user_cache_path

PROJECT = "dimensionality-reduction-animated"
PACKAGE = Path(__file__).parent.parent


def find_clone() -> Path | None:
    """Return the root of the clone that this package is imported from, None when it is installed.

    In a clone, the folder above the package has the `pyproject.toml` of this project.
    """
    root = PACKAGE.parent
    project = root / "pyproject.toml"
    is_clone = project.is_file() and f'"{PROJECT}"' in project.read_text(encoding="utf-8")
    return root if is_clone else None


def cache_folder() -> Path:
    """Return the absolute path of the folder for downloads and caches, which exists afterwards.

    In a clone this is `data/cache`, otherwise the user's cache folder, such as
    `~/.cache/dimensionality-reduction-animated` on Linux.

    >>> cache_folder().is_dir()
    True

    Raises OSError when the folder cannot be made.
    """
    root = find_clone()
    folder = root / "data/cache" if root else user_cache_path(PROJECT, appauthor=False)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
