"""numba, with a cache of compiled code that works on every machine.

numba caches what it compiles beside the source, or else in the user's cache folder. It fails
where it can write to neither, and it fails where a power failure has cut off one of its files.
This module adds a remedy for each, and both act only where numba would have failed.

umap-learn, pynndescent and pacmap compile as they are imported. A module that imports numba or one
of them therefore imports this one first:

    from animated.storage.numba_cache import numba
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import numba

__all__ = ["numba"]


def prepare_cache() -> None:
    """Let numba cache into a temporary folder if need be, and recompile what it cannot read.

    A numba whose internals have changed is left as it is.
    """
    with suppress(ImportError, AttributeError, ValueError):
        caching: Any = import_module("numba.core.caching")
        locators, files = caching.CacheImpl._locator_classes, caching.IndexDataCacheFile
        load_index, load_data = files._load_index, files._load_data
        # numba asks them in turn. The folder beside the source comes first, and after ours the
        # user's cache folder, which numba would create in the current folder as "~/.cache/numba"
        # for a user without a home.
        locators.insert(locators.index(caching.InTreeCacheLocator) + 1, TemporaryFolder)
        files._load_index = _recompile_damaged(load_index, lambda: {})
        files._load_data = _recompile_damaged(load_data, _report_missing)


class TemporaryFolder:
    """A place for numba's cache when it can write neither beside the source nor to the user's."""

    @staticmethod
    def from_function(function: Callable[..., Any], path: str) -> Any:
        """Return numba's locator of the cache of `function`, whose source is at `path`.

        None leaves the choice to the next locator.
        """
        from numba.core.caching import UserProvidedCacheLocator
        from numba.misc.appdirs import user_cache_dir

        if Path(path).exists() and not _is_usable(user_cache_dir("numba", False)):
            _provide_folder()
        return UserProvidedCacheLocator.from_function(function, path)


def _is_usable(folder: str) -> bool:
    """Return whether `folder` can be written to, creating it if it does not exist.

    A relative path, such as "~/.cache" of a user without a home, is not usable.
    """
    path = Path(folder)
    if not path.is_absolute():
        return False
    with suppress(OSError):
        path.mkdir(parents=True, exist_ok=True)
    return os.access(path, os.W_OK | os.X_OK)


@cache
def _provide_folder() -> None:
    """Give numba a temporary folder for as long as this process and its workers run.

    The folder is new and nobody else can write to it, because numba executes what it finds there.
    """
    with suppress(OSError):
        folder = tempfile.mkdtemp(prefix="numba-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["NUMBA_CACHE_DIR"] = folder
        numba.config.reload_config()


def _recompile_damaged(load: Callable[..., Any], replace: Callable[[], Any]) -> Callable[..., Any]:
    """Return `load`, one of numba's methods that unpickle a file, with an answer for damaged files.

    numba has answers for an index that is empty and for code that is missing: it compiles the
    function and overwrites the file.
    """

    @wraps(load)
    def load_or_replace(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except OSError:
            raise
        except Exception:  # damaged pickles raise nearly any error
            return replace()

    return load_or_replace


def _report_missing() -> None:
    raise FileNotFoundError("the cached code is damaged")


prepare_cache()
