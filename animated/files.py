"""Files that are either whole or not there, and that one run at a time writes.

A file is written under a temporary name, `.<name>-<number>.partial.<ending>`, and then renamed.
Its writer holds a lock on it, which ends with the process, however that ends: so what a killed
process has left is known from what another is about to write, and is cleared away.
"""

import errno
import filecmp
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows has no such locks; there, two runs must not write the same file
    fcntl = None

PARTIAL = re.compile(r"\..*-\d+-\d+\.partial(\.\w+)?", re.DOTALL)
# Several threads may write the same file.
NUMBERS = count()
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Libraries that were not written in Python keep the number to themselves.
FULL_WORDS = ("No space left", "quota exceeded", "File too large")


@contextmanager
def replacing(path: str | Path, *, is_durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its name when the block ends well.

    After an exception the temporary file is gone and `path` is as it was.
    A file that would not change by a byte is left alone, its modification time included.

    is_durable: whether to wait until the disk has the file, so that it is whole even after a power
        failure. It is not worth its time for files whose readers notice when they are damaged.

    Raises what `check_folder` raises, and OSError when the disk is full.
    """
    path = Path(path)
    check_folder(path)
    if is_durable:
        clear_partial(path.absolute().parent)
    # The ending tells encoders the format.
    name = f".{path.stem[:40]}-{os.getpid()}-{next(NUMBERS)}.partial{path.suffix}"
    temporary = path.with_name(name)
    try:
        with explaining_full(path), temporary.open("ab") as file:
            with suppress(OSError):
                _lock(file)
            yield temporary
            if path.is_file() and filecmp.cmp(temporary, path, shallow=False):
                return
            if is_durable:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def claiming(path: str | Path) -> Iterator[None]:
    """Let nobody else claim `path` until the block ends, or the process does.

    Raises RuntimeError when another run has claimed it, and what `check_folder` raises.
    """
    check_folder(path)
    marker = Path(path).with_name(f".{Path(path).name}.lock")
    with _open_alone(marker, path):
        try:
            yield
        finally:
            marker.unlink(missing_ok=True)


def clear_partial(folder: str | Path) -> None:
    """Remove from `folder` the temporary files whose writers are no longer there."""
    with os.scandir(folder) as entries:
        partial = [entry.path for entry in entries if PARTIAL.fullmatch(entry.name)]
    for path in map(Path, partial):
        with suppress(OSError), path.open("rb") as file:  # its writer may just have renamed it
            _lock(file)
            path.unlink()


def check_folder(path: str | Path) -> None:
    """Raise an error when the folder that is to hold `path` cannot hold it.

    FileNotFoundError when it does not exist, PermissionError when it cannot be written to.
    """
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder of {str(path)!r} does not exist: create {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(
            f"the folder of {str(path)!r} cannot be written to: "
            f"change the permissions of {folder}, or choose another"
        )


@contextmanager
def explaining_full(path: str | Path) -> Iterator[None]:
    """Turn what libraries say of a full disk into one sentence that names `path`."""
    try:
        yield
    except Exception as error:
        is_full = isinstance(error, OSError) and error.errno in FULL
        if not is_full and not any(words in str(error) for words in FULL_WORDS):
            raise
        explained = OSError(
            f"there is no room for {str(path)!r}: free space on its disk, then run it again"
        )
        explained.errno = errno.ENOSPC
        raise explained from error


def _open_alone(marker: Path, path: str | Path) -> IO[bytes]:
    """Open a file as the only process that does."""
    while True:
        file = marker.open("ab")
        try:
            _lock(file)
        except BlockingIOError:
            file.close()
            raise RuntimeError(
                f"{str(path)!r} is being written by another run: wait for its end, or stop it"
            ) from None
        except OSError:  # some file systems have no locks; there, nobody can tell
            return file
        # Who had it before may have removed it between our opening and our locking.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), marker.stat()):
                return file
        file.close()


def _lock(file: IO[bytes]) -> None:
    """Lock an open file until it is closed.

    Raises BlockingIOError when another has locked it, and OSError where there are no locks.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "this system has no locks of this kind")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
