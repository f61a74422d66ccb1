"""Files that are either whole or not there."""

import filecmp
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its name when the block ends well.

    After an exception the temporary file is gone and `path` is as it was.
    A file that would not change by a byte is left alone, its modification time included.
    Raises FileNotFoundError when the folder does not exist.
    """
    path = Path(path)
    check_folder(path)
    # The process number keeps two writers apart; the suffix tells encoders the format.
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        yield temporary
        if not (path.is_file() and filecmp.cmp(temporary, path, shallow=False)):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def check_folder(path: str | Path) -> None:
    """Raise FileNotFoundError when the folder that is to hold `path` does not exist."""
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder of {str(path)!r} does not exist: create {folder}")
