"""What decides how a plot looks, in 64 hexadecimal digits."""

import hashlib
import inspect
import sys
from functools import cached_property, partial
from importlib.metadata import version
from types import CodeType, FunctionType
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import polars as pl
from plotnine import ggplot

Table = pd.DataFrame | pl.DataFrame

# What of a plot decides how it looks, besides its tables.
PARTS = (
    "mapping",
    "layers",
    "scales",
    "coordinates",
    "facet",
    "guides",
    "labels",
    "theme",
    "watermarks",
)
# What does not: the variables around a plot, and what a theme has already looked up.
OTHERS = ("environment", "T")
# What draws decides as well. Looked up once: it takes milliseconds.
VERSIONS = [version(library) for library in ("plotnine", "matplotlib", "pillow", "polars")]
# What looks the same wherever it is.
PLAIN = (str, bytes, bool, int, float, complex, type(None))
# Counts the changes of our own code that change a picture.
GENERATION = 4


def hash_plot(plot: ggplot) -> str:
    """Return a digest that differs when plots with the same tables would look different.

    It covers mappings and the variables in them, layers, scales, coordinates, facets, guides,
    labels, theme and watermarks, and the versions of what draws; but not the tables.
    """
    parts = [_to_plain(getattr(plot, part, None)) for part in PARTS]
    return join_hashes([repr([parts, _to_plain(_find_variables(plot)), VERSIONS, GENERATION])])


def hash_table(table: Table | None) -> str:
    """Return a digest that differs when tables do: in values, or in names or types of columns.

    The order of columns says nothing: plotnine's annotate takes it from a set.
    """
    if table is None:
        return ""
    names = sorted(table.columns, key=str)
    if isinstance(table, pl.DataFrame):
        rows = table.select(names).hash_rows(seed=0).to_numpy()
    else:
        rows = _hash_pandas(table[names])
    return join_hashes([repr([(name, get_kind(table, name)) for name in names]), rows])


def get_kind(table: Table, name: Any) -> str:
    """Return the type of a column, with the order of its values as far as it has one."""
    if isinstance(table, pl.DataFrame):
        column = table[name]
        if column.dtype == pl.Categorical:
            return repr(column.unique(maintain_order=True).to_list())
        return str(column.dtype)
    dtype = table[name].dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return repr((dtype.categories.tolist(), dtype.ordered))
    return str(dtype)


def _hash_pandas(table: pd.DataFrame) -> np.ndarray | str:
    try:
        return pd.util.hash_pandas_object(table, index=False).to_numpy()
    except TypeError:  # a column of lists, say
        return joblib.hash(table.to_dict("list"))


def _find_variables(plot: ggplot) -> dict[str, Any]:
    """Return the variables around a plot that its mappings may look up."""
    mappings = [plot.mapping, *(layer.mapping for layer in plot.layers)]
    words = [str(value) for mapping in mappings for value in mapping.values()]
    tables = [plot.data, *(getattr(layer, "_data", None) for layer in plot.layers)]
    columns = {str(name) for table in tables for name in getattr(table, "columns", ())}
    variables = {}
    for name in sorted(_find_names(words) - columns):
        try:
            variables[name] = plot.environment.namespace[name]
        except (KeyError, AttributeError):
            continue
    return {name: value for name, value in variables.items() if not inspect.ismodule(value)}


def _find_names(expressions: list[str]) -> set[str]:
    names = set()
    for expression in expressions:
        try:
            names |= {*compile(expression, "", "eval").co_names}
        except (SyntaxError, ValueError):
            continue
    return names


def hash_picture(picture: np.ndarray) -> str:
    """Return a digest of the pixels and the size of a picture."""
    return join_hashes([repr(picture.shape), np.ascontiguousarray(picture)])


def join_hashes(parts: list[str | bytes | np.ndarray]) -> str:
    """Return the SHA-256 of texts, bytes and arrays, one after the other."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0" if isinstance(part, str) else part)
    return digest.hexdigest()


def _to_plain(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """Return `value` as something that looks the same in every process, without its tables.

    inside: identities of the objects that hold `value`, as some of plotnine's hold each other.
    """
    if isinstance(value, Table):
        return "table"
    if isinstance(value, dict):
        items = [[repr(key), _to_plain(item, inside)] for key, item in value.items()]
        return sorted(items, key=lambda item: item[0])
    if isinstance(value, list | tuple):
        return [_to_plain(item, inside) for item in value]
    if id(value) in inside:
        return type(value).__name__
    inside = (*inside, id(value))
    if isinstance(value, partial):
        return _to_plain([value.func, value.args, value.keywords], inside)
    if isinstance(value, FunctionType):
        return _describe_function(value, inside)
    if type(value).__module__.startswith(("plotnine", "mizani")) and hasattr(value, "__dict__"):
        return [type(value).__name__, _to_plain(_get_state(value), inside)]
    return value if isinstance(value, PLAIN) else _hash_object(value)


def _get_state(value: Any) -> dict[str, Any]:
    """Return the attributes of an object, without those that it has worked out from others."""
    kind = type(value)
    return {
        name: item
        for name, item in vars(value).items()
        if name not in OTHERS and not isinstance(getattr(kind, name, None), cached_property)
    }


def _hash_object(value: Any) -> str:
    try:
        return joblib.hash(value)
    except Exception:  # it can only be pickled by value
        return join_hashes([cloudpickle.dumps(value)])


def _describe_function(function: FunctionType, inside: tuple[int, ...]) -> list[Any]:
    """Return what a function does, or for one of a library its name."""
    variables = [cell.cell_contents for cell in function.__closure__ or ()]
    bound = _to_plain([variables, function.__defaults__, function.__kwdefaults__], inside)
    module = sys.modules.get(function.__module__)
    if "site-packages" in str(getattr(module, "__file__", "")):
        return [function.__module__, function.__qualname__, bound]
    names = {
        name: function.__globals__[name]
        for name in function.__code__.co_names
        if name in function.__globals__ and not inspect.ismodule(function.__globals__[name])
    }
    return [_describe_code(function.__code__), _to_plain(names, inside), bound]


def _describe_code(code: CodeType) -> list[Any]:
    constants = [
        _describe_code(constant) if isinstance(constant, CodeType) else repr(constant)
        for constant in code.co_consts
    ]
    return [code.co_code, code.co_names, constants]
