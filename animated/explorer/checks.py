"""What a page may show besides layouts, and how it is checked before any work starts."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from animated.explorer.layouts import Layout
from animated.neighbors.search import Neighbors
from animated.palette import MISSING, get_colors
from animated.validation import to_enum

MOST_CATEGORIES = 65_000
MOST_PIXELS = 128
MOST_NEIGHBORS = 10


class Labels(NamedTuple):
    """The category of every point, as a code, int (n,)."""

    name: str
    categories: list[str]
    colors: list[str]
    codes: np.ndarray


class Column(NamedTuple):
    """A number for every point, float64 (n,), from `low` to `high`; a missing one is NaN."""

    name: str
    values: np.ndarray
    low: float
    high: float


def check_labels(labels: Iterable | None, size: int) -> Labels | None:
    """Return labels as categories in their sorted order; those missing become a last one, in grey.

    Raises ValueError when there are not `size` labels or they are too many different ones, and
    TypeError when they are neither text nor numbers.
    """
    if labels is None:
        return None
    series = _to_series(labels)
    if len(series) != size:
        raise ValueError(f"there must be {size} labels, got {len(series)}")
    if series.dtype.is_nested() or series.dtype in (pl.Object, pl.Binary):
        raise TypeError(f"labels must be text, numbers or dates, got {series.dtype}")
    enum = to_enum(series)
    names, codes = enum.dtype.categories.to_list(), enum.to_physical().cast(pl.Int32)
    if len(names) > MOST_CATEGORIES:
        raise ValueError(f"labels must be at most {MOST_CATEGORIES} different, got {len(names)}")
    colors = get_colors(len(names))
    if enum.null_count():
        codes = codes.fill_null(len(names))
        names, colors = [*names, _name_missing(names)], [*colors, MISSING]
    return Labels(series.name or "label", names, colors, codes.to_numpy())


def _to_series(labels: Iterable) -> pl.Series:
    kind = getattr(getattr(labels, "dtype", None), "kind", None)
    # What pandas and NumPy keep in types of their own, but for mere objects.
    if isinstance(labels, pd.Series | pd.api.extensions.ExtensionArray) or kind == "M":
        series = pd.Series(labels)
        labels = series.tolist() if series.dtype == object else pl.from_pandas(series)
    if not isinstance(labels, pl.Series):
        values = labels.tolist() if hasattr(labels, "tolist") else list(labels)
        # NaN and pandas' own signs; among text Polars would make them the text "NaN".
        values = [None if value is pd.NA or value != value else value for value in values]
        labels = pl.Series("label", values, strict=False)
    return labels.fill_nan(None) if labels.dtype.is_float() else labels


def _name_missing(names: list[str]) -> str:
    name = "missing"
    while name in names:
        name += "_"
    return name


def check_images(images: np.ndarray | None, size: int) -> np.ndarray | None:
    """Return images as uint8 (size, height, width, n_channels), of 1 or 3 channels.

    Raises ValueError for other shapes, more than 128 pixels a side and other types than uint8.
    """
    if images is None:
        return None
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise ValueError(f"images must be uint8, got {images.dtype}")
    if images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)):
        raise ValueError(f"images must have shape (n, h, w) or (n, h, w, 3), got {images.shape}")
    if len(images) != size:
        raise ValueError(f"there must be {size} images, got {len(images)}")
    height, width, *channels = images.shape[1:]
    if not (1 <= height <= MOST_PIXELS and 1 <= width <= MOST_PIXELS):
        allowed = f"from 1 to {MOST_PIXELS} pixels a side"
        raise ValueError(f"images must have {allowed}, got {height} x {width}")
    return images.reshape(size, height, width, *(channels or [1]))


def check_neighbors(neighbors: Neighbors | np.ndarray | None, size: int) -> np.ndarray | None:
    """Return the numbers of at most ten nearest neighbours, int (size, k), nearest first.

    A point itself is left out where its row has it, and then the last of every other row is, too.
    Returns None when no neighbour is left.
    Raises ValueError for another shape and numbers that are not of a point.
    """
    if neighbors is None:
        return None
    indices = np.asarray(neighbors.indices if isinstance(neighbors, Neighbors) else neighbors)
    if indices.ndim != 2 or len(indices) != size:
        raise ValueError(f"neighbors must have shape ({size}, k), got {indices.shape}")
    if indices.dtype.kind not in "iu":
        raise ValueError(f"neighbors must be integers, got {indices.dtype}")
    if indices.size and not (indices.min() >= 0 and indices.max() < size):
        got = f"{indices.min()} to {indices.max()}"
        raise ValueError(f"neighbors must be numbers of points, 0 to {size - 1}, got {got}")
    if not indices.size:
        return None
    itself = indices == np.arange(size)[:, None]
    if indices.shape[1] > size:
        raise ValueError(f"neighbors must be at most {size} a point, got {indices.shape[1]}")
    others = np.take_along_axis(indices, itself.argsort(axis=1, kind="stable"), axis=1)
    n_neighbors = min(MOST_NEIGHBORS, indices.shape[1] - itself.sum(axis=1).max())
    return others[:, :n_neighbors] if n_neighbors else None


def check_columns(
    columns: pl.DataFrame | pd.DataFrame | Mapping[str, Any] | None, size: int
) -> list[Column]:
    """Return columns of numbers, in which NaN and null are missing.

    Raises TypeError when they are no numbers, and ValueError when there are not `size` of them, or
    one is infinite.
    """
    if columns is None:
        return []
    if not isinstance(columns, pl.DataFrame | pd.DataFrame | Mapping):
        kind = type(columns).__name__
        raise TypeError(f"columns must be a table or map names to numbers, got {kind}")
    names = columns if isinstance(columns, Mapping) else columns.columns
    return [_check_column(name, columns[name], size) for name in names]


def _check_column(name: str, numbers: Any, size: int) -> Column:
    series = _to_series(numbers)
    if not (series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null)):
        raise TypeError(f"column {name!r} must hold numbers, got {series.dtype}")
    values = series.cast(pl.Float64).to_numpy().astype(np.float64)
    if values.shape != (size,):
        raise ValueError(f"column {name!r} must have {size} numbers, got {len(values)}")
    if np.isinf(values).any():
        n_bad = np.isinf(values).sum()
        raise ValueError(f"column {name!r} must not be infinite, got {n_bad} numbers so")
    known = values[~np.isnan(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    return Column(str(name), values, low, high)


def check_components(
    components: Mapping[str, np.ndarray] | None, layouts: list[Layout]
) -> dict[str, np.ndarray]:
    """Return images of the axes of layouts, float64 (n_axes, height, width), by their names.

    Raises TypeError when they have no names, and ValueError for names that no layout has, another
    shape and values that are not finite.
    """
    if not isinstance(components, Mapping | None):
        kind = type(components).__name__
        raise TypeError(f"components must map names of layouts to arrays, got {kind}")
    checked = {}
    for name, component in (components or {}).items():
        layout = next((layout for layout in layouts if layout.name == name), None)
        if layout is None:
            names = ", ".join(repr(layout.name) for layout in layouts)
            raise ValueError(f"components must be of a layout, {names}, got {name!r}")
        array = np.asarray(component, dtype=np.float64)
        if array.ndim != 3 or len(array) != layout.n_axes or not array.size:
            shape = f"({layout.n_axes}, h, w)"
            raise ValueError(f"components of {name!r} must have shape {shape}, got {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"components of {name!r} must be finite, got some not so")
        checked[name] = array
    return checked
