"""What decides how a plot looks, in 64 hexadecimal digits."""

import hashlib
from importlib.metadata import version
from types import FunctionType
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
from plotnine import ggplot

# What of a plot decides how it looks, besides its tables.
PARTS = ("mapping", "layers", "scales", "coordinates", "facet", "guides", "labels", "theme")
# What does not: the variables around a plot, and what a theme has already worked out.
OTHERS = ("environment", "T")
# What draws decides as well. Looked up once: it takes milliseconds.
VERSIONS = [version(library) for library in ("plotnine", "matplotlib", "pillow", "polars")]
# Counts the changes of our own code that change a picture.
DRAWING = 2


def hash_plot(plot: ggplot) -> str:
    """Return a digest that differs when plots with the same tables would look different.

    It covers mappings, layers, scales, coordinates, facets, guides, labels and theme, and the
    versions of what draws; neither the tables nor the variables that an expression looks up.
    """
    parts = [_to_plain(getattr(plot, part)) for part in PARTS]
    return join_hashes([joblib.hash([parts, VERSIONS, DRAWING])])


def hash_table(table: pd.DataFrame | pl.DataFrame | None) -> str:
    """Return a digest that differs when tables do: in values, or in names or types of columns.

    The order of columns says nothing: plotnine's annotate takes it from a set.
    """
    if table is None:
        return ""
    names = sorted(map(str, table.columns))
    if isinstance(table, pl.DataFrame):
        types = [str(table.schema[name]) for name in names]
        rows = table.select(names).hash_rows(seed=0).to_numpy()
    else:
        types = [str(table[name].dtype) for name in names]
        rows = pd.util.hash_pandas_object(table[names], index=False).to_numpy()
    return join_hashes([repr((names, types)), np.ascontiguousarray(rows)])


def hash_picture(picture: np.ndarray) -> str:
    """Return a digest of the pixels and the size of a picture."""
    return join_hashes([repr(picture.shape), np.ascontiguousarray(picture)])


def join_hashes(parts: list[str | np.ndarray]) -> str:
    """Return the SHA-256 of texts and arrays, one after the other."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0" if isinstance(part, str) else part)
    return digest.hexdigest()


def _to_plain(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """Return `value` as something whose hash is the same in every process, without its tables.

    inside: identities of the objects that hold `value`, as some of plotnine's hold each other.
    """
    if isinstance(value, pd.DataFrame | pl.DataFrame):
        return "table"
    if isinstance(value, dict):
        return {str(key): _to_plain(item, inside) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(item, inside) for item in value]
    if isinstance(value, FunctionType):
        code = value.__code__
        variables = [cell.cell_contents for cell in value.__closure__ or ()]
        return [code.co_code, code.co_names, repr(code.co_consts), _to_plain(variables, inside)]
    if id(value) in inside:
        return type(value).__name__
    if type(value).__module__.startswith("plotnine"):
        state = {key: item for key, item in vars(value).items() if key not in OTHERS}
        return [type(value).__name__, _to_plain(state, (*inside, id(value)))]
    return value
