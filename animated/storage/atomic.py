"""Atomic files, and locks that let one run at a time write a result.

A file is written under a temporary name, `.<name>-<numbers>.partial.<ending>`, and then renamed.
Meanwhile its writer holds a lock, `.<name>-<numbers>.lock`, which the operating system releases
when the process ends, however it ends. A temporary file whose lock is free was therefore left by a
process that was killed, and the next writer removes it.
"""

import errno
import filecmp
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

# A temporary file or its lock. The group is the part of the name that the two share.
PARTIAL = re.compile(r"(\..*-\d+-\d+)\.(?:partial(?:\.[^.]*)?|lock)", re.DOTALL)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Libraries that are not written in Python report a full disk in words, without the number.
FULL_WORDS = (
    "No space left",
    "quota exceeded",
    "File too large",
    "File size limit",
    "transport error",
)


@contextmanager
def replacing(path: str | Path, *, is_durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path` that is renamed to `path` when the block succeeds.

        with replacing("data/digits.parquet") as temporary:
            table.write_parquet(temporary)

    After an exception the temporary file is gone and `path` is as it was.
    A file whose bytes would not change is left alone, and so is its modification time.

    is_durable: wait until the file is on the disk, so that not even a power failure leaves it
        incomplete. Choose False for files whose readers notice damage and can do without them.

    Raises what `check_folder` raises, and OSError when the disk is full.
    """
    path = Path(path)
    check_folder(path)
    if is_durable:
        clear_partial(path.absolute().parent)
    with explaining_full(path), _providing_partial(path) as temporary:
        yield temporary
        if path.is_file() and filecmp.cmp(temporary, path, shallow=False):
            return
        if is_durable:
            _sync(temporary)
        temporary.replace(path)


@contextmanager
def claiming(path: str | Path) -> Iterator[None]:
    """Keep every other run from claiming `path` until the block, or the process, ends.

    Raises RuntimeError when another run has claimed it, and what `check_folder` raises.
    """
    check_folder(path)
    lock = Path(path).with_name(f".{Path(path).name}.lock")
    with ExitStack() as stack:
        try:
            stack.enter_context(_locking(lock))
        except Timeout:
            raise RuntimeError(
                f"{str(path)!r} is being written by another run: wait until it ends, or stop it"
            ) from None
        stack.callback(_remove, lock)
        yield


def clear_partial(folder: str | Path) -> None:
    """Remove the temporary files that killed writers have left in `folder`."""
    leftovers: dict[str, list[Path]] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            match = PARTIAL.fullmatch(entry.name)
            if match and entry.is_file(follow_symlinks=False):
                leftovers.setdefault(match[1], []).append(Path(entry.path))
    for name, paths in leftovers.items():
        lock = Path(folder, f"{name}.lock")
        # The writer may still be alive: then it has the lock.
        with suppress(OSError), _locking(lock) as is_locked:
            for path in [*paths, lock] if is_locked else [lock]:
                _remove(path)


def check_folder(path: str | Path) -> None:
    """Check that a file can be written to `path`.

    Raises FileNotFoundError when its folder does not exist, PermissionError when that folder is
    not writable, and IsADirectoryError when `path` itself is a folder.
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
    """Turn any library's error about a full disk into one OSError that names `path`."""
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
def _providing_partial(path: Path) -> Iterator[Path]:
    """Create a temporary file beside `path`, locked, and remove it when the block ends."""
    # No thread, process or container chooses the same numbers. Encoders need the ending.
    name = f".{path.stem[:40]}-{os.getpid()}-{secrets.randbits(64)}"
    lock, temporary = path.with_name(f"{name}.lock"), path.with_name(f"{name}.partial{path.suffix}")
    with ExitStack() as stack:
        stack.callback(_remove, lock)
        stack.callback(_remove, temporary)
        with _locking(lock, is_patient=True):
            temporary.touch()
            yield temporary


@contextmanager
def _locking(path: Path, *, is_patient: bool = False) -> Iterator[bool]:
    """Hold the lock at `path` until the block ends, and yield whether there are locks at all.

    Some network drives have none, and then runs cannot be kept apart.

    Raises Timeout when another holds the lock, unless `is_patient`, and PermissionError when the
    lock belongs to another user.
    """
    lock = FileLock(path, blocking=is_patient)
    try:
        try:
            lock.acquire()
        except (Timeout, PermissionError):
            raise
        except OSError:
            pass
        yield lock.is_locked
    finally:
        lock.release()  # also when interrupted while it was acquired


def _remove(path: Path) -> None:
    # Windows does not remove a file that is open, and removes a lock itself when it is released.
    with suppress(OSError):
        path.unlink()


def _sync(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())
