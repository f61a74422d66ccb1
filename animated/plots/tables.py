"""The tables that plots are made of, Polars or pandas alike."""

from typing import Any, TypeAlias, TypeGuard, cast

import pandas as pd
import polars as pl

Table: TypeAlias = pd.DataFrame | pl.DataFrame

# The types of a column of words.
WORDS = (pl.String, pl.Categorical, pl.Enum)


def is_table(value: Any) -> TypeGuard[Table]:
    """Return whether `value` is a Polars or pandas data frame."""
    return isinstance(value, Table)


def read_column(table: Table, name: str) -> pl.Series:
    """Return a column of a Polars or pandas table as a Polars Series."""
    if isinstance(table, pl.DataFrame):
        return table[name]
    return cast(pl.Series, pl.from_pandas(table[name]))


def select_rows(table: Table, rows: list[int]) -> Table:
    """Return the rows at these positions."""
    return table[rows] if isinstance(table, pl.DataFrame) else table.iloc[rows]


def describe_type(table: Table, name: Any) -> str:
    """Return the type of a column, including the order of its categories if it has any."""
    if isinstance(table, pl.DataFrame):
        column = table[name]
        if column.dtype == pl.Categorical:
            return repr(column.unique(maintain_order=True).to_list())
        return str(column.dtype)
    dtype = table[name].dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return repr((dtype.categories.tolist(), dtype.ordered))
    return str(dtype)
