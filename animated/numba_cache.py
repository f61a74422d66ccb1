"""Where numba keeps what it has compiled: seen to before the first function that it is to keep."""

import atexit
import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

# What numba compiles for us and keeps, it keeps beside these modules.
FOLDERS = ("methods", "neighbors", "plots", "quality")
LIBRARIES = ("umap", "pynndescent", "pacmap")
BLOCK = 512


def prepare_cache() -> None:
    """Let numba work on machines where it would fail while it imports or calls a function.

    It cannot do without a place for what it compiles, and it stumbles over what a power failure
    has cut off. Elsewhere nothing changes.
    """
    folders = [Path(__file__).parent / name / "__pycache__" for name in FOLDERS]
    found = filter(None, map(find_spec, LIBRARIES))
    folders += [Path(module.origin).with_name("__pycache__") for module in found if module.origin]
    for folder in folders:
        _clear_cut(folder)
    if not all(map(_is_writable, folders)):
        _offer_folder()


def _clear_cut(folder: Path) -> None:
    """Remove the files that end too early: numba writes pickles, which end with a full stop."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            # They are cut off at a block of the disk, if anything was written at all.
            if entry.name.endswith((".nbi", ".nbc")) and entry.stat().st_size % BLOCK == 0:
                path = Path(entry.path)
                if not path.read_bytes().endswith(b"."):
                    path.unlink()


def _is_writable(folder: Path) -> bool:
    return os.access(folder if folder.exists() else folder.parent, os.W_OK | os.X_OK)


def _offer_folder() -> None:
    """Name numba a temporary folder of this process and its workers, unless it has another.

    It is a new one that nobody else can write to, as numba runs what it finds there.
    """
    import shutil
    import tempfile

    import numba
    from numba.misc.appdirs import user_cache_dir

    if any(map(_can_hold, (numba.config.CACHE_DIR, user_cache_dir("numba", False)))):
        return
    with suppress(OSError):
        folder = tempfile.mkdtemp(prefix="numba-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["NUMBA_CACHE_DIR"] = folder
        numba.config.reload_config()


def _can_hold(folder: str) -> bool:
    """Return whether a folder is there or can be made, and can be written to."""
    path = Path(folder)
    if not path.is_absolute():  # nobody knows whose home this is
        return False
    with suppress(OSError):
        path.mkdir(parents=True, exist_ok=True)
    return os.access(path, os.W_OK | os.X_OK)
