"""Align, fit and measure embeddings."""

import numpy as np
from scipy.linalg import orthogonal_procrustes


def align(layout: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return a layout moved, scaled, turned and mirrored to lie as near `reference` as it can.

    It gets the centre of the reference and its size, which is the root of the mean squared
    distance from the centre. (The scale that is best for the distances would shrink a layout the
    more, the less it is like the reference.) Among all turns, mirrored or not, this is the one
    that leaves the least sum of squared distances.

    layout, reference: arrays (n_samples, n_components) whose rows are the same points.

    Returns float64 (n_samples, n_components).
    Raises ValueError when the shapes differ or something is not finite.

    Source: P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem", 1966.
    """
    reference = check_embedding_shape("reference", reference, "n_samples", "n_components")
    layout = check_embedding_shape("layout", layout, *reference.shape)
    centre = reference.mean(axis=0)
    layout, reference = layout - layout.mean(axis=0), reference - centre
    rotation, _ = orthogonal_procrustes(layout, reference)
    # All points in one place have no size: they stay in the centre, and are no measure for others.
    size = np.linalg.norm(layout) or 1
    scale = (np.linalg.norm(reference) or size) / size
    return centre + scale * layout @ rotation


def fit(layout: np.ndarray) -> np.ndarray:
    """Return a layout moved and scaled into the unit square, or cube.

    One scale holds for all axes: the longest fills [0, 1] and the others are centred.
    """
    low, high = layout.min(axis=0), layout.max(axis=0)
    scale = (high - low).max() or 1
    # Clipped because of rounding errors.
    return (0.5 + (layout - (low + high) / 2) / scale).clip(0, 1)


def distances_moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the Euclidean distance that each point has moved, |after_i - before_i|.

    before, after: float arrays (n_samples, n_components).

    Returns float64 (n_samples,).
    Raises ValueError when the arrays differ in shape.
    """
    before, after = check_same_shape(before, after)
    return np.linalg.norm(after.astype(np.float64) - before, axis=1)


def mean_displacement(before: np.ndarray, after: np.ndarray) -> float:
    """Return the mean of `distances_moved`, 1 / n Σ_i |after_i - before_i|.

    Raises ValueError when the arrays differ in shape.
    """
    return float(distances_moved(before, after).mean())


def check_embedding_shape(
    name: str, layout: np.ndarray, n_samples: int | str, n_components: int | str
) -> np.ndarray:
    """Return a layout as finite float64; a size may be any when it is a word."""
    layout = np.asarray(layout, dtype=np.float64)
    sizes = (n_samples, n_components)
    is_alike = layout.ndim == len(sizes) and all(
        isinstance(size, str) or size == given
        for size, given in zip(sizes, layout.shape, strict=True)
    )
    if not is_alike or not layout.size:
        raise ValueError(
            f"{name} must have shape ({n_samples}, {n_components}), got {layout.shape}"
        )
    if not np.isfinite(layout).all():
        bad = (~np.isfinite(layout)).any(axis=1).sum()
        raise ValueError(f"{name} must be finite, got {bad} rows not so")
    return layout


def check_same_shape(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    before, after = np.asarray(before), np.asarray(after)
    if before.shape != after.shape or before.ndim != 2 or not before.size:
        shapes = f"{before.shape} and {after.shape}"
        raise ValueError(f"both arrays must have the same two-dimensional shape, got {shapes}")
    return before, after
