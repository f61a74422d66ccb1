"""What all methods take, and how it is checked before any work starts."""

from collections.abc import Callable
from typing import Any

import numpy as np

OnEpoch = Callable[[int, np.ndarray], Any]


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


def check_embedding(embedding: np.ndarray, n_samples: int) -> np.ndarray:
    """Return a layout of `n_samples` samples as a C-contiguous array of float64.

    Raises ValueError when it has another shape or is not finite.
    """
    embedding = np.ascontiguousarray(embedding, dtype=np.float64)
    if embedding.shape not in ((n_samples, 2), (n_samples, 3)):
        shape = embedding.shape
        raise ValueError(f"embedding must have shape ({n_samples}, 2 or 3), got {shape}")
    if not np.isfinite(embedding).all():
        bad = (~np.isfinite(embedding)).any(axis=1).sum()
        raise ValueError(f"embedding must be finite, got {bad} rows not so")
    return embedding
