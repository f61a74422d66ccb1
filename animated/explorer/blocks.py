"""Pack arrays into the blocks of a page: small, and easy to read in JavaScript."""

import zlib
from collections.abc import Iterable, Iterator

import numpy as np

# Positions become 16-bit numbers from MARGIN to MARGIN + EXTENT. The margins hold the rounding
# error of a position, which is at most half a step.
MARGIN, EXTENT = 256, 65_000
# With more bits, a move across the whole embedding would not fit into 16 bits.
LEAST_BITS, MOST_BITS = 7, 15
MISSING = 255
# Extent given to an embedding whose points coincide.
LEAST_EXTENT = 0.1
# How many points together mark the middle of a class.
N_MIDDLES = 15
# Mean ink, of 255, below which a pixel counts as empty in most images.
FAINTEST = 13


def compress(block: bytes) -> bytes:
    """Return a block deflated by zlib at its highest level."""
    return zlib.compress(block, 9)


def to_places(positions: np.ndarray) -> np.ndarray:
    """Return positions in [0, 1] as numbers from 256 to 65,256, not yet rounded."""
    return MARGIN + positions * EXTENT


def pack_numbers(numbers: np.ndarray) -> bytes:
    """Return an array (n,) or (n, n_axes), rounded to 16-bit numbers.

    Each axis holds all low bytes, then all high bytes: similar bytes side by side deflate better.
    """
    columns = np.atleast_2d(np.rint(numbers).T).astype("<u2")
    planes = np.ascontiguousarray(columns).view(np.uint8).reshape(*columns.shape, 2)
    return planes.transpose(0, 2, 1).tobytes()


def pack_moves(frames: Iterable[np.ndarray], step: int) -> Iterator[bytes]:
    """Yield the moves from each frame to the next, in multiples of `step`.

    frames: arrays (n, n_axes) as returned by `to_places`, the last epoch first.

    Moves start from the rounded positions that the page has, not from the exact ones. Errors
    therefore do not add up, and every point stays within half a step of its exact position.
    """
    frames = iter(frames)
    seen = np.rint(next(frames))
    for places in frames:
        moves = np.rint((places - seen) / step).astype(np.int32)
        seen = seen + moves * step
        yield pack_numbers(moves << 1 ^ moves >> 31)  # zigzag: small moves are small numbers


def pack_images(images: np.ndarray) -> bytes:
    """Return images, uint8 (n, ...), with 4 bits per value, the first value in the low bits.

    Each image is padded to a whole number of bytes.
    """
    values = images.reshape(len(images), int(np.prod(images.shape[1:])))
    values = (values.astype(np.uint16) + 8) // 17  # 255 becomes 15
    values = np.pad(values, ((0, 0), (0, values.shape[1] % 2))).astype(np.uint8)
    return (values[:, ::2] | values[:, 1::2] << 4).tobytes()


def pack_indices(indices: np.ndarray) -> bytes:
    """Return indices as 24-bit numbers: all low bytes, all middle bytes, all high bytes."""
    bytes_ = np.ascontiguousarray(indices, dtype="<u4").view(np.uint8).reshape(-1, 4)
    return bytes_[:, :3].T.tobytes()


def pack_column(values: np.ndarray, low: float, high: float) -> bytes:
    """Return values as bytes from 0 for `low` to 254 for `high`; NaN becomes 255."""
    shares = (values / 2 - low / 2) / ((high / 2 - low / 2) or 1.0)
    codes = np.rint(shares.clip(0, 1) * 254)
    return np.where(np.isnan(values), MISSING, codes).astype(np.uint8).tobytes()


def measure_bounds(positions: np.ndarray) -> dict[str, float]:
    """Return the middle and the extent of positions (n, n_axes).

    In 3-D the extent is that of a sphere, which contains the points however they are turned.
    """
    n_axes = positions.shape[1]
    low = positions.min(axis=0, initial=1)
    high = positions.max(axis=0, initial=0) if len(positions) else low
    middle = (low + high) / 2
    # Coinciding points need an extent, too.
    width, height = np.where(high > low, high - low, LEAST_EXTENT)[:2]
    bounds = dict(zip("xyz", middle, strict=False))
    if n_axes == 3:
        distances = np.linalg.norm(positions - middle, axis=1)
        radius = distances.max(initial=0) or LEAST_EXTENT
        width = height = 2 * radius
        bounds |= {"radius": radius}
    bounds |= {"width": width, "height": height}
    return {key: round(float(value), 5) for key, value in bounds.items()}


def find_middles(positions: np.ndarray, classes: np.ndarray, n_classes: int) -> list[list[int]]:
    """Return for each class the indices of the points nearest to its median, nearest first.

    Unlike the median itself, they lie within the class at every epoch, whatever its shape.
    """
    ends = np.bincount(classes, minlength=n_classes).cumsum()
    groups = np.split(classes.argsort(kind="stable"), ends)[:n_classes]
    return [_find_middle(positions, rows) if len(rows) else [] for rows in groups]


def _find_middle(positions: np.ndarray, rows: np.ndarray) -> list[int]:
    offsets = positions[rows] - np.median(positions[rows], axis=0)
    return rows[(offsets**2).sum(axis=1).argsort(kind="stable")[:N_MIDDLES]].tolist()


def measure_footprint(mean: np.ndarray) -> float:
    """Return the share of an image's side that holds ink, which images must not cover.

    mean: the mean of all images, uint8 (height, width).
    """
    height, width = mean.shape
    rows, columns = np.nonzero(mean > FAINTEST)
    if not len(rows):
        return 1.0
    reach = max(*(np.abs(rows - (height - 1) / 2)), *(np.abs(columns - (width - 1) / 2))) + 0.5
    return round(min(1, 2 * float(reach) / max(height, width)), 4)
