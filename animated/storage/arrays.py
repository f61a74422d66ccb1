"""Named arrays in one file, with the fingerprint of what they belong to."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from animated.storage.atomic import replacing


def save_arrays(
    path: str | Path, fingerprint: str, *, is_durable: bool = True, **arrays: np.ndarray
) -> None:
    """Write arrays to `path` as .npz, atomically.

        save_arrays("neighbors.npz", "euclidean, k=15", indices=indices, distances=distances)

    fingerprint: identifies what the arrays were computed from, for the reader to compare.
    is_durable: see `animated.storage.atomic.replacing`.
    """
    content: dict[str, Any] = {"fingerprint": np.array(fingerprint), **arrays}
    with replacing(path, is_durable=is_durable) as temporary:
        np.savez(temporary, **content)


def load_arrays(path: str | Path) -> tuple[str, dict[str, np.ndarray]] | None:
    """Return the fingerprint and the arrays at `path`, None if the file is missing or damaged.

    Nothing in the file is executed: arrays of Python objects count as damage.
    """
    try:
        with zipfile.ZipFile(path) as file:
            if file.testzip() is not None:  # np.load does not verify every checksum
                return None
        with np.load(path) as file:
            arrays = dict(file)
            return str(arrays.pop("fingerprint")), arrays
    except Exception:  # whatever is wrong with the file, its arrays are computed again
        return None
