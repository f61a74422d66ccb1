"""Fingerprints of plots: 64 hexadecimal digits that differ when two plots would look different.

They are the same in every process and on every machine that draws with the same versions.
"""

import hashlib
import inspect
import sys
from collections.abc import Sequence
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

from animated.plots.tables import Table, describe_type

# The parts of a plot that decide how it looks, besides its tables.
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
# Attributes that do not: the variables around a plot, and what a theme has already looked up.
IRRELEVANT = ("environment", "T")
# The libraries that draw. Their versions are looked up once, as that takes milliseconds.
VERSIONS = [version(library) for library in ("plotnine", "matplotlib", "pillow", "polars")]
# Types whose `repr` is the same in every process.
PLAIN = (str, bytes, bool, int, float, complex, type(None))
# Raised by one with each change of our own code that changes a picture.
GENERATION = 4


def hash_plot(plot: ggplot) -> str:
    """Return a fingerprint of everything that decides how a plot looks except its tables.

    It covers mappings and the variables they name, layers, scales, coordinates, facets, guides,
    labels, theme and watermarks, and the versions of the libraries that draw.
    """
    parts = [_to_plain(getattr(plot, part, None)) for part in PARTS]
    return join_hashes([repr([parts, _to_plain(_find_variables(plot)), VERSIONS, GENERATION])])


def hash_table(table: Table | None) -> str:
    """Return a fingerprint of a table: of its values and of the names and types of its columns.

    The order of columns does not count, because plotnine's `annotate` takes it from a set.
    """
    if table is None:
        return ""
    names = sorted(table.columns, key=str)
    types = [(name, describe_type(table, name)) for name in names]
    return join_hashes([repr(types), _hash_rows(table, names)])


def hash_picture(picture: np.ndarray) -> str:
    """Return a fingerprint of the size and the pixels of a picture."""
    return join_hashes([repr(picture.shape), np.ascontiguousarray(picture)])


def join_hashes(parts: Sequence[str | bytes | np.ndarray]) -> str:
    """Return the SHA-256 of texts, bytes and arrays, one after the other."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode() + b"\0")
        else:
            digest.update(part.data if isinstance(part, np.ndarray) else part)
    return digest.hexdigest()


def _hash_rows(table: Table, names: list[Any]) -> np.ndarray | str:
    if isinstance(table, pl.DataFrame):
        return table.select(names).hash_rows(seed=0).to_numpy()
    try:
        return pd.util.hash_pandas_object(table[names], index=False).to_numpy()
    except TypeError:  # for example a column of lists
        return joblib.hash(table[names].to_dict("list"))


def _find_variables(plot: ggplot) -> dict[str, Any]:
    """Return the variables around a plot that its mappings may look up."""
    names = _find_names(_list_expressions(plot)) - _list_columns(plot)
    namespace = getattr(getattr(plot, "environment", None), "namespace", {})
    variables = {name: namespace[name] for name in sorted(names) if name in namespace}
    return {name: value for name, value in variables.items() if not inspect.ismodule(value)}


def _list_expressions(plot: ggplot) -> list[str]:
    mappings = [plot.mapping, *(layer.mapping for layer in plot.layers)]
    return [str(value) for mapping in mappings for value in mapping.values()]


def _list_columns(plot: ggplot) -> set[str]:
    tables = [plot.data, *(getattr(layer, "_data", None) for layer in plot.layers)]
    return {str(name) for table in tables for name in getattr(table, "columns", ())}


def _find_names(expressions: list[str]) -> set[str]:
    names: set[str] = set()
    for expression in expressions:
        try:
            names |= {*compile(expression, "", "eval").co_names}
        except (SyntaxError, ValueError):
            continue
    return names


def _to_plain(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """Return `value` as plain data with the same `repr` in every process, without its tables.

    inside: identities of the objects that hold `value`, since some of plotnine's hold each other.
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
    return _describe_object(value, (*inside, id(value)))


def _describe_object(value: Any, inside: tuple[int, ...]) -> Any:
    """Return an object that is neither a table nor a collection as plain data."""
    if isinstance(value, partial):
        return _to_plain([value.func, value.args, value.keywords], inside)
    if isinstance(value, FunctionType):
        return _describe_function(value, inside)
    if type(value).__module__.startswith(("plotnine", "mizani")) and hasattr(value, "__dict__"):
        return [type(value).__name__, _to_plain(_get_state(value), inside)]
    return value if isinstance(value, PLAIN) else _hash_object(value)


def _get_state(value: Any) -> dict[str, Any]:
    """Return the attributes of an object, without those that it computed from the others."""
    kind = type(value)
    return {
        name: item
        for name, item in vars(value).items()
        if name not in IRRELEVANT and not isinstance(getattr(kind, name, None), cached_property)
    }


def _hash_object(value: Any) -> str:
    try:
        return joblib.hash(value)
    except Exception:  # it can only be pickled by value
        return join_hashes([cloudpickle.dumps(value)])


def _describe_function(function: FunctionType, inside: tuple[int, ...]) -> list[Any]:
    """Return what a function does: its name if it is a library's, otherwise its code."""
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
