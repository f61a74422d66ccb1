"""The options that the page and the widget have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Required, TypedDict

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl

    from animated.neighbors.search import Neighbors


class PageOptions(TypedDict, total=False):
    """The keyword arguments of `animated.export` and `animated.Explorer`, which describe them.

    Only `labels` has to be given; it may be None.
    """

    labels: Required[Iterable[Any] | None]
    images: np.ndarray | None
    epochs: int | Iterable[int] | None
    neighbors: Neighbors | np.ndarray | None
    columns: pl.DataFrame | pd.DataFrame | Mapping[str, Any] | None
    components: Mapping[str, np.ndarray] | None
    title: str | None
    bits: int


def check_options(options: Mapping[str, Any]) -> None:
    """Raise TypeError for an option that does not exist, or if `labels` is not given."""
    names = PageOptions.__annotations__
    for name in options:
        if name not in names:
            raise TypeError(f"options must be among {', '.join(names)}, got {name!r}")
    if "labels" not in options:
        raise TypeError("labels must be given; use labels=None for points without labels")
