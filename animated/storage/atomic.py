"""Files that are either whole or not there, and that one run at a time writes.

A file is written under a temporary name, `.<name>-<numbers>.partial.<ending>`, and then renamed.
Its writer holds a lock on it, which ends with the process, however that ends: so what a killed
process has left is known from what another is about to write, and is cleared away.
"""

import errno
import filecmp
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows has no such locks; there, two runs must not write the same file
    fcntl = None

PARTIAL = re.compile(r"\..*-\d+-\d+\.partial(\.[^.]*)?", re.DOTALL)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Libraries that were not written in Python keep the number to themselves.
FULL_WORDS = (
    "No space left",
    "quota exceeded",
    "File too large",
    "File size limit",
    "transport error",
)


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
    with explaining_full(path), _open_partial(path) as (file, temporary):
        yield temporary
        if path.is_file() and filecmp.cmp(temporary, path, shallow=False):
            return
        if is_durable:
            os.fsync(file.fileno())
        temporary.replace(path)


@contextmanager
def claiming(path: str | Path) -> Iterator[None]:
    """Let nobody else claim `path` until the block ends, or the process does.

    Raises RuntimeError when another run has claimed it, and what `check_folder` raises.
    """
    check_folder(path)
    marker = Path(path).with_name(f".{Path(path).name}.lock")
    with ExitStack() as stack:
        try:
            stack.enter_context(_locking(marker))
        except BlockingIOError:
            raise RuntimeError(
                f"{str(path)!r} is being written by another run: wait for its end, or stop it"
            ) from None
        stack.callback(marker.unlink, missing_ok=True)
        yield


def clear_partial(folder: str | Path) -> None:
    """Remove from `folder` the temporary files whose writers are no longer there."""
    with os.scandir(folder) as entries:
        partial = [entry.path for entry in entries if PARTIAL.fullmatch(entry.name)]
    for path in map(Path, partial):
        # Its writer may be there, or may just have renamed it.
        with suppress(OSError), path.open("r+b") as file:
            if _lock(file, path):
                path.unlink()


def check_folder(path: str | Path) -> None:
    """Raise an error when `path` cannot be written, because of its folder or because it is one.

    FileNotFoundError when its folder does not exist, PermissionError when that cannot be written
    to, IsADirectoryError when `path` is a folder itself.
    """
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder of {str(path)!r} does not exist: create {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(
            f"the folder of {str(path)!r} cannot be written to: "
            f"change the permissions of {folder}, or choose another"
        )
    if Path(path).is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder: remove it, or choose another name")


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


@contextmanager
def _open_partial(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Open a temporary file beside `path`, locked, and remove it when the block ends."""
    # No thread, process or container chooses the same name. The ending tells encoders the format.
    numbers = f"{os.getpid()}-{secrets.randbits(64)}"
    temporary = path.with_name(f".{path.stem[:40]}-{numbers}.partial{path.suffix}")
    try:
        with _locking(temporary, is_patient=True) as file:
            yield file, temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _locking(path: Path, *, is_patient: bool = False) -> Iterator[IO[bytes]]:
    """Open a file and lock it until the block ends, as `_lock` does.

    Where there are no locks nobody can tell whether another has it, too.
    """
    while True:
        with path.open("ab") as file:
            try:
                is_ours = _lock(file, path, is_patient=is_patient)
            except BlockingIOError:
                raise
            except OSError:
                is_ours = True
            if is_ours:
                yield file
                return


def _lock(file: IO[bytes], path: Path, *, is_patient: bool = False) -> bool:
    """Lock an open file until it is closed, and return whether it is still the one at `path`.

    Between its opening and its locking another process may have removed it.
    Raises BlockingIOError when another has locked it, unless it is patient, and OSError where
    there are no locks.
    """
    if fcntl is None:
        raise OSError(errno.ENOTSUP, "this system has no locks of this kind")
    fcntl.flock(file, fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False
