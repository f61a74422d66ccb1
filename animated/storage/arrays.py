"""Arrays kept between two runs: whole, of the run that asks for them, or not there."""

import zipfile
from pathlib import Path

import numpy as np

from animated.storage.atomic import replacing


def save_arrays(
    path: str | Path, mark: str, *, is_durable: bool = True, **arrays: np.ndarray
) -> None:
    """Write arrays as .npz to `path`, whole or not at all.

    mark: tells later whether they are still those that are wanted.
    is_durable: see `animated.storage.atomic.replacing`.
    """
    with replacing(path, is_durable=is_durable) as temporary:
        np.savez(temporary, mark=np.array(mark), **arrays)


def load_arrays(path: str | Path) -> tuple[str, dict[str, np.ndarray]] | None:
    """Return the mark and the arrays that are kept at `path`, None if they are not or are damaged.

    Nothing in the file is run as code: arrays of Python objects count as damage.
    """
    try:
        with zipfile.ZipFile(path) as file:
            if file.testzip() is not None:  # np.load would not notice all that this does
                return None
        with np.load(path) as file:
            arrays = dict(file)
            return str(arrays.pop("mark")), arrays
    except Exception:  # whatever is wrong with the file, what it held is made anew
        return None
