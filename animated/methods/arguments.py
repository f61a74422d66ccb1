"""What all methods take, and how it is checked before any work starts."""

from collections.abc import Callable
from typing import Any

import numpy as np

OnEpoch = Callable[[int, np.ndarray], Any]
# The squares of smaller differences vanish in float32.
SMALLEST = 1e-15


def check_arguments(n_components: int, n_epochs: int, on_epoch: OnEpoch | None) -> None:
    """Raise ValueError for numbers that are out of range, TypeError for what cannot be called."""
    check_integer("n_components", n_components, 1)
    check_integer("n_epochs", n_epochs, 0)
    check_callback(on_epoch)


def check_callback(on_epoch: OnEpoch | None) -> None:
    """Raise TypeError for what cannot be called and is not None."""
    if on_epoch is not None and not callable(on_epoch):
        raise TypeError(f"on_epoch must be callable or None, got {type(on_epoch).__name__}")


def check_integer(name: str, value: int, least: int, most: float = float("inf")) -> None:
    """Raise ValueError when `value` is no integer from `least` to `most`."""
    if not is_integer(value) or not least <= value <= most:
        allowed = f"of at least {least}" if most == float("inf") else f"from {least} to {most}"
        raise ValueError(f"{name} must be an integer {allowed}, got {value!r}")


def is_integer(value: Any) -> bool:
    """Return whether `value` is an integer, of Python or of NumPy, and not a truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_seed(seed: int | None, most: int = 2**32 - 1) -> None:
    """Raise ValueError when `seed` is neither None nor an integer from 0 to `most`."""
    if seed is not None:
        check_integer("seed", seed, 0, most)


def check_pca(X: np.ndarray, n_components: int, remedy: str = "") -> None:
    """Raise ValueError when a first layout of `X` by PCA, scaled to one size, is not defined.

    remedy: what else can be done, the end of the sentence.
    """
    if min(X.shape) < n_components:
        raise ValueError(
            f"X must have at least {n_components} samples and features for a first layout by PCA, "
            f"got {X.shape}{remedy}"
        )
    if np.ptp(X, axis=0).max() <= SMALLEST:
        raise ValueError(
            f"X must have samples that differ by more than {SMALLEST:g} for a first layout by PCA, "
            f"got {len(X)} that do not{remedy}"
        )


def check_embedding(embedding: np.ndarray, n_samples: int) -> np.ndarray:
    """Return a layout of `n_samples` samples as a C-contiguous array of float64.

    Raises TypeError when it holds no numbers, and ValueError when it has another shape or is not
    finite.
    """
    try:
        embedding = np.asarray(embedding)
    except ValueError:
        raise TypeError("embedding must be an array of numbers, got rows of any length") from None
    if embedding.dtype.kind not in "biuf":
        raise TypeError(f"embedding must be an array of numbers, got {embedding.dtype}")
    embedding = np.ascontiguousarray(embedding, dtype=np.float64)
    if embedding.shape not in ((n_samples, 2), (n_samples, 3)):
        shape = embedding.shape
        raise ValueError(f"embedding must have shape ({n_samples}, 2 or 3), got {shape}")
    if not np.isfinite(embedding).all():
        bad = (~np.isfinite(embedding)).any(axis=1).sum()
        raise ValueError(f"embedding must be finite, got {bad} rows not so")
    return embedding
