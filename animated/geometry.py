"""Check, align, fit and measure embeddings."""

from typing import Any

import numpy as np
from scipy.linalg import orthogonal_procrustes


def align(embedding: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return an embedding moved, scaled, rotated and reflected to match `reference`.

    It gets the centre and the size of the reference, where the size is the root of the mean
    squared distance from the centre. (The scale that minimises the distances would shrink an
    embedding the more, the less it resembles the reference.) Among all rotations and reflections
    this one minimises the sum of squared distances.

    embedding, reference: arrays (n_samples, n_components) whose rows are the same samples.

    Returns float64 (n_samples, n_components).
    Raises ValueError when the shapes differ or a value is not finite, and TypeError when there are
    no numbers.

    Source: P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem", 1966.
    """
    reference = check_embedding(reference, None, None, "reference")
    n_samples, n_components = reference.shape
    embedding = check_embedding(embedding, n_samples, (n_components,))
    centre = reference.mean(axis=0)
    embedding, reference = embedding - embedding.mean(axis=0), reference - centre
    rotation, _ = orthogonal_procrustes(embedding, reference)
    # Points that all coincide have no size: they stay in the centre, and scale no others.
    size = np.linalg.norm(embedding) or 1
    scale = (np.linalg.norm(reference) or size) / size
    return centre + scale * embedding @ rotation


def fit(embedding: np.ndarray) -> np.ndarray:
    """Return an embedding moved and scaled into the unit square or cube.

    All axes have one scale: the longest fills [0, 1], and the others are centred.
    """
    low, high = embedding.min(axis=0), embedding.max(axis=0)
    scale = (high - low).max() or 1
    # Rounding could lead outside by the last bit.
    return (0.5 + (embedding - (low + high) / 2) / scale).clip(0, 1)


def distances_moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the Euclidean distance that each point has moved, |after_i - before_i|.

    before, after: float arrays (n_samples, n_components).

    Returns float64 (n_samples,).
    Raises ValueError when the shapes differ.
    """
    before, after = check_same_shape(before, after)
    return np.linalg.norm(after.astype(np.float64) - before, axis=1)


def mean_displacement(before: np.ndarray, after: np.ndarray) -> float:
    """Return the mean of `distances_moved`, 1 / n Σ_i |after_i - before_i|.

    Raises ValueError when the shapes differ.
    """
    return float(distances_moved(before, after).mean())


def check_embedding(
    embedding: Any,
    n_samples: int | None = None,
    n_components: tuple[int, ...] | None = (2, 3),
    name: str = "embedding",
) -> np.ndarray:
    """Return an embedding as a finite, C-contiguous float64 array (n_samples, n_components).

    n_samples: the number of rows, None for any but zero.
    n_components: the numbers of columns that are allowed, None for any but zero.

    Raises TypeError when it does not contain numbers, and ValueError when it has another shape or
    is not finite.
    """
    try:
        array = np.asarray(embedding)
    except ValueError:
        raise TypeError(
            f"{name} must be an array of numbers, got rows that differ in length"
        ) from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of numbers, got {array.dtype}")
    array = np.ascontiguousarray(array, dtype=np.float64)
    if not _fits(array.shape, n_samples, n_components):
        columns = " or ".join(map(str, n_components or ["n_components"]))
        allowed = f"({n_samples or 'n_samples'}, {columns})"
        raise ValueError(f"{name} must have shape {allowed}, got {array.shape}")
    if not np.isfinite(array).all():
        n_bad = (~np.isfinite(array)).any(axis=1).sum()
        raise ValueError(f"{name} must be finite, got {n_bad} rows that are not")
    return array


def _fits(
    shape: tuple[int, ...], n_samples: int | None, n_components: tuple[int, ...] | None
) -> bool:
    if len(shape) != 2 or 0 in shape:
        return False
    return n_samples in (None, shape[0]) and (n_components is None or shape[1] in n_components)


def check_same_shape(before: Any, after: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays whose rows are the same samples, unchanged.

    Raises ValueError unless both have the same two-dimensional shape and are not empty.
    """
    before, after = np.asarray(before), np.asarray(after)
    if before.shape != after.shape or before.ndim != 2 or not before.size:
        shapes = f"{before.shape} and {after.shape}"
        raise ValueError(f"both arrays must have the same two-dimensional shape, got {shapes}")
    return before, after
