"""Check what a page shows besides embeddings, before any work starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import pandas as pd
import polars as pl

from animated.explorer.embeddings import Embedding
from animated.palette import MISSING, get_colors
from animated.validation import to_enum

if TYPE_CHECKING:
    from animated.neighbors.search import Neighbors

MOST_CATEGORIES = 65_000
MOST_PIXELS = 128
MOST_NEIGHBORS = 10


class Labels(NamedTuple):
    """The category of every point: its number in `categories` is its code, int (n,)."""

    name: str
    categories: list[str]
    colors: list[str]
    codes: np.ndarray


class Column(NamedTuple):
    """A number for every point, float64 (n,), from `low` to `high`; NaN where it is missing."""

    name: str
    values: np.ndarray
    low: float
    high: float


def check_labels(labels: Iterable | None, size: int) -> Labels | None:
    """Return labels as sorted categories; missing labels become the last one, in grey.

    Raises ValueError unless there are `size` labels, of at most 65,000 categories, and TypeError
    unless they are text, numbers or dates.
    """
    if labels is None:
        return None
    series = _to_series(labels)
    if len(series) != size:
        raise ValueError(f"labels must have {size} values, one per point, got {len(series)}")
    if series.dtype.is_nested() or series.dtype in (pl.Object, pl.Binary):
        raise TypeError(f"labels must be text, numbers or dates, got {series.dtype}")
    enum = to_enum(series)
    names = cast(pl.Enum, enum.dtype).categories.to_list()
    codes = enum.to_physical().cast(pl.Int32)
    if len(names) > MOST_CATEGORIES:
        allowed = f"at most {MOST_CATEGORIES} different values"
        raise ValueError(f"labels must have {allowed}, got {len(names)}")
    colors = get_colors(len(names))
    if enum.null_count():
        codes = codes.fill_null(len(names))
        names, colors = [*names, _name_missing(names)], [*colors, MISSING]
    return Labels(series.name or "label", names, colors, codes.to_numpy())


def _to_series(labels: Iterable) -> pl.Series:
    kind = getattr(getattr(labels, "dtype", None), "kind", None)
    # Extension types of pandas and dates of NumPy; columns of objects are converted below.
    if isinstance(labels, pd.Series | pd.api.extensions.ExtensionArray) or kind == "M":
        series = pd.Series(labels)
        labels = series.tolist() if series.dtype == object else pl.from_pandas(series)
    if not isinstance(labels, pl.Series):
        values = labels.tolist() if hasattr(labels, "tolist") else list(labels)
        # NaN, NaT and pd.NA are missing; among text, Polars would turn NaN into the text "NaN".
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

    Raises ValueError for another dtype than uint8, other shapes, and sides above 128 pixels.
    """
    if images is None:
        return None
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise ValueError(f"images must be uint8, got {images.dtype}")
    if images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)):
        shapes = "(n, height, width) or (n, height, width, 3)"
        raise ValueError(f"images must have shape {shapes}, got {images.shape}")
    if len(images) != size:
        raise ValueError(f"images must be {size}, one per point, got {len(images)}")
    height, width, *channels = images.shape[1:]
    if not (1 <= height <= MOST_PIXELS and 1 <= width <= MOST_PIXELS):
        allowed = f"from 1 to {MOST_PIXELS} pixels per side"
        raise ValueError(f"images must have {allowed}, got {height} x {width}")
    return images.reshape(size, height, width, *(channels or [1]))


def check_neighbors(neighbors: Neighbors | np.ndarray | None, size: int) -> np.ndarray | None:
    """Return the indices of at most ten nearest neighbours, int (size, k), nearest first.

    A point is not its own neighbour: where its row contains the point itself, that entry is
    dropped, and every other row loses its last entry. Returns None if no neighbours are left.

    Raises ValueError for another shape, and for indices that are not those of points.
    """
    if neighbors is None:
        return None
    indices = np.asarray(getattr(neighbors, "indices", neighbors))
    _check_indices(indices, size)
    if not indices.size:
        return None
    is_own = indices == np.arange(size)[:, None]
    others = np.take_along_axis(indices, is_own.argsort(axis=1, kind="stable"), axis=1)
    n_neighbors = min(MOST_NEIGHBORS, indices.shape[1] - is_own.sum(axis=1).max())
    return others[:, :n_neighbors] if n_neighbors else None


def _check_indices(indices: np.ndarray, size: int) -> None:
    if indices.ndim != 2 or len(indices) != size:
        raise ValueError(f"neighbors must have shape ({size}, k), got {indices.shape}")
    if indices.dtype.kind not in "iu":
        raise ValueError(f"neighbors must be integers, got {indices.dtype}")
    if indices.size and not (indices.min() >= 0 and indices.max() < size):
        allowed, got = f"from 0 to {size - 1}", f"{indices.min()} to {indices.max()}"
        raise ValueError(f"neighbors must be indices of points, {allowed}, got {got}")
    if indices.size and indices.shape[1] > size:
        raise ValueError(f"neighbors must be at most {size} per point, got {indices.shape[1]}")


def check_columns(
    columns: pl.DataFrame | pd.DataFrame | Mapping[str, Any] | None, size: int
) -> list[Column]:
    """Return columns of numbers, in which NaN and null count as missing.

    Raises TypeError unless they are numbers, and ValueError unless each column has `size` of them,
    none of them infinite.
    """
    if columns is None:
        return []
    if not isinstance(columns, pl.DataFrame | pd.DataFrame | Mapping):
        kind = type(columns).__name__
        raise TypeError(f"columns must be a table or a mapping of names to numbers, got {kind}")
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
        raise ValueError(f"column {name!r} must be finite, got {n_bad} infinite numbers")
    known = values[~np.isnan(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    return Column(str(name), values, low, high)


def check_components(
    components: Mapping[str, np.ndarray] | None, embeddings: list[Embedding]
) -> dict[str, np.ndarray]:
    """Return images of the axes of embeddings, float64 (n_axes, height, width), by embedding.

    Raises TypeError unless `components` is a mapping, and ValueError for a name that no embedding
    has, another shape, and values that are not finite.
    """
    if components is None:
        return {}
    if not isinstance(components, Mapping):
        kind = type(components).__name__
        raise TypeError(f"components must map names of embeddings to arrays, got {kind}")
    n_axes = {embedding.name: embedding.n_axes for embedding in embeddings}
    for name in components:
        if name not in n_axes:
            names = ", ".join(map(repr, n_axes))
            raise ValueError(f"components must belong to an embedding, {names}, got {name!r}")
    return {name: _check_component(name, one, n_axes[name]) for name, one in components.items()}


def _check_component(name: str, component: Any, n_axes: int) -> np.ndarray:
    array = np.asarray(component, dtype=np.float64)
    if array.ndim != 3 or len(array) != n_axes or not array.size:
        shape = f"({n_axes}, height, width)"
        raise ValueError(f"components of {name!r} must have shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        n_bad = (~np.isfinite(array)).sum()
        raise ValueError(f"components of {name!r} must be finite, got {n_bad} values that are not")
    return array
