"""The header of a page: what the browser has to know before it reads a block, as JSON."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from animated.explorer import blocks
from animated.explorer.checks import Column, Labels
from animated.explorer.embeddings import Embedding
from animated.explorer.pictures import draw_components, draw_ink
from animated.palette import adapt

# Blocks of images have at most this size, so that the first images appear early.
CHUNK_BYTES = 1_960_000


def describe_labels(labels: Labels) -> dict[str, Any]:
    """Return name, categories, colours and counts of labels, and one sample of each category."""
    name, categories, colors, codes = labels
    counts = np.bincount(codes, minlength=len(categories))
    # The sample of a class is the middle one of its points, by index; -1 for an empty class.
    places = np.cumsum(counts) - counts + counts // 2
    samples = np.append(codes.argsort(kind="stable"), -1)[np.minimum(places, len(codes))]
    return {
        "name": name,
        "categories": categories,
        "colors": adapt(colors),
        "counts": counts.tolist(),
        "samples": np.where(counts > 0, samples, -1).tolist(),
    }


def count_in_chunk(images: np.ndarray) -> int:
    """Return how many images (n, height, width, n_channels) one block holds."""
    n_values = int(np.prod(images.shape[1:]))
    return max(1, CHUNK_BYTES // ((n_values + 1) // 2))


def describe_images(images: np.ndarray) -> dict[str, Any]:
    """Return the shape of images (n, height, width, n_channels), their mean, and two pixels."""
    size, height, width, channels = images.shape
    chunk = count_in_chunk(images)
    mean = _average(images)
    return {
        "width": width,
        "height": height,
        "channels": channels,
        "chunk": chunk,
        "count": -(-size // chunk),
        "footprint": blocks.measure_footprint(mean),
        "mean": draw_ink(mean),
        "pixels": [height * part // 20 * width + width // 2 for part in (8, 13)],
    }


def _average(images: np.ndarray) -> np.ndarray:
    """Return the mean of the first channel of all images, uint8 (height, width)."""
    first = images[..., 0]
    mean = first.mean(axis=0) if len(images) else np.zeros(first.shape[1:])
    return np.rint(mean).astype(np.uint8)


def describe_columns(columns: list[Column], n_kept: int) -> Iterator[dict[str, Any]]:
    """Yield the range of each column, and then of `n_kept` columns of neighbours kept."""
    for column in columns:
        yield {"name": column.name, "min": column.low, "max": column.high, "embedding": None}
    for i in range(n_kept):
        yield {"name": "neighbors kept", "min": 0, "max": 1, "embedding": i}


def describe_embedding(
    embedding: Embedding, labels: Labels | None, components: np.ndarray | None, step: int
) -> dict[str, Any]:
    """Return epochs and bounds of an embedding, the middles of classes, and pictures of axes."""
    last = embedding.read_last()
    return {
        "name": embedding.name,
        "axes": embedding.n_axes,
        "epochs": embedding.epochs,
        "isThinned": embedding.is_thinned,
        "step": step,
        "bounds": blocks.measure_bounds(last),
        "middles": None if labels is None else _find_middles(last, labels),
        "pictures": None if components is None else draw_components(components),
    }


def _find_middles(positions: np.ndarray, labels: Labels) -> list[list[int]]:
    return blocks.find_middles(positions, labels.codes, len(labels.categories))
