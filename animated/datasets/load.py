"""Your own data, or an example, as a method takes it: features, labels, and what was done."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from animated.datasets.columns import KINDS, choose_features, find_images, to_labels
from animated.datasets.examples import EXAMPLES
from animated.datasets.readers import read_table
from animated.storage.tables import load_table, write_table
from animated.validation import check_features, check_integer, check_seed, to_numbers

MISSING = ("drop", "mean", "error")
SCALINGS = ("auto", "none", "standard", "range")
LEAST_ROWS = 3
LONGEST_TITLE = 40


class Dataset(NamedTuple):
    """Rows as a method takes them.

    title: what plots call the data.
    table: the rows that are left, with all their columns; row number = `index` in an epoch store.
    X: float32 (n_samples, n_features), finite.
    labels: Enum of the sorted classes, or Float32, null where missing; None without a label.
    changes: what was done to the values, such as {"scaling": "standard"}, for an epoch store.
    summary: all that was done, a table of `step` and `result`.
    """

    title: str
    table: pl.DataFrame
    X: np.ndarray
    labels: pl.Series | None
    changes: dict[str, str]
    summary: pl.DataFrame

    def save(self, path: str | Path) -> None:
        """Write the table as Parquet to `path`; a file that begins with these rows is left alone.

        Raises FileNotFoundError when the folder does not exist.
        """
        if not _begins_with(Path(path), self.table):
            write_table(self.table, path)


def load_dataset(
    source: Any,
    label: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    label_kind: str = "auto",
    missing: str = "drop",
    scaling: str = "auto",
    n_rows: int | None = None,
    seed: int = 42,
    title: str | None = None,
    image_side: int = 28,
) -> Dataset:
    """Return data ready for a method, with a summary of what was done to it.

    source: the name of one of `animated.datasets.examples.EXAMPLES`, or what `read_table` takes.
    label: the column to colour by, which is no feature; "" for none, None for that of an example.
        Where its name is taken by another column, it gets a `label_` before it.
    columns: the features, also truth values; None takes the pixels of images, otherwise all
        numeric columns.
    label_kind: see `animated.datasets.columns.to_labels`.
    missing: what to do where a feature is missing, NaN or infinite: "drop" the row, take the
        "mean" of its column, or raise an "error".
    scaling: "none", "standard" (each column has mean 0 and standard deviation 1) or "range" (each
        column goes from 0 to 1). "auto" leaves pixels as they are and standardises other columns.
    n_rows: how many rows to draw from those that are left; they keep their order.
        None takes all. Of MNIST, which has no order, the first are taken.
    seed: decides which rows are drawn; None draws others each time.
    title: what plots call the data; None takes the name of the file.
    image_side: see `animated.datasets.readers.read_table`.

    Raises ValueError for bad arguments, when a value is missing that must not, and when fewer than
    3 rows are left; and what `read_table`, `to_labels` and `choose_features` raise.
    """
    _check_choice("label_kind", label_kind, KINDS)
    _check_choice("missing", missing, MISSING)
    _check_choice("scaling", scaling, SCALINGS)
    if n_rows is not None:
        check_integer("n_rows", n_rows, LEAST_ROWS)
    check_seed(seed)
    example = EXAMPLES.get(source) if isinstance(source, str) else None
    table = example.read(n_rows) if example else _read(source, image_side)
    if table.height < LEAST_ROWS:
        raise ValueError(f"data must have at least {LEAST_ROWS} rows, got {table.height}")
    if example:
        label = example.label if label is None else label
        columns = example.columns if columns is None else columns
    label = None if label == "" else label
    features = choose_features(table, label, columns)
    labels = None if label is None else to_labels(table[label], label_kind)
    while labels is not None and labels.name != label and labels.name in table.columns:
        labels = labels.alias(f"label_{labels.name}")
    images = find_images(table.select(features))
    if scaling == "auto":
        scaling = "none" if images else "standard"

    values = to_numbers(table.select(features))
    rows, n_missing = _treat_missing(values, missing)
    kept = _sample(rows, n_rows, seed, has_order=example is None or example.has_order)
    X = check_features(_scale(values[kept], scaling))
    steps = {
        "read": f"{table.height:,} rows, {table.width:,} columns",
        "label": _describe_labels(label, labels),
        "features": _describe_columns(features),
        "not used": _describe_columns([n for n in table.columns if n not in {label, *features}]),
        "images": f"{images.height} x {images.width} pixels" if images else "none",
        "missing": _describe_missing(n_missing, missing, table.height - len(rows)),
        "rows": f"{len(kept):,} of {len(rows):,}",
        "scaling": _describe_scaling(scaling, X),
    }
    if labels is not None:
        table = table.with_columns(labels)  # classes as they are coloured
    return Dataset(
        title=title or (example.title if example else _make_title(source)),
        table=table[kept],
        X=X,
        labels=None if labels is None else labels[kept],
        changes=({"missing": missing} if n_missing else {})
        | ({"scaling": scaling} if scaling != "none" else {}),
        summary=pl.DataFrame({"step": list(steps), "result": list(steps.values())}),
    )


def _check_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        *others, last = map(repr, allowed)
        raise ValueError(f"{name} must be {', '.join(others)} or {last}, got {value!r}")


def _read(source: Any, image_side: int) -> pl.DataFrame:
    try:
        return read_table(source, image_side=image_side)
    except (FileNotFoundError, ValueError) as error:
        if isinstance(source, str) and not Path(source).exists():
            raise type(error)(f"{error}; examples are {', '.join(EXAMPLES)}") from None
        raise


def _begins_with(path: Path, table: pl.DataFrame) -> bool:
    try:
        return load_table(path, table.height).equals(table)
    except (FileNotFoundError, ValueError):
        return False  # not there, or damaged


def _treat_missing(values: np.ndarray, missing: str) -> tuple[np.ndarray, int]:
    """Return the rows to keep and how many values were missing; means are filled in in place."""
    rows = np.arange(len(values))
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return rows, 0
    is_missing = ~np.isfinite(values)
    n_missing = int(is_missing.sum())
    if missing == "error":
        raise ValueError(
            f"features must be finite numbers, got {n_missing:,} that are missing: "
            "missing='drop' leaves their rows out, 'mean' fills them in"
        )
    if missing == "mean":
        # A billionth of each: the sum of the largest numbers would be infinite.
        known = np.ldexp(np.where(is_missing, np.nan, values), -30)
        means = np.ldexp(np.nanmean(known, axis=0), 30)
        values[is_missing] = np.broadcast_to(means, values.shape)[is_missing]
        return rows, n_missing
    rows = rows[~is_missing.any(axis=1)]
    if len(rows) < LEAST_ROWS:
        raise ValueError(
            f"at least {LEAST_ROWS} rows must have all features, got {len(rows)}; "
            "missing='mean' keeps the others, or choose other columns"
        )
    return rows, n_missing


def _sample(rows: np.ndarray, n_rows: int | None, seed: int | None, has_order: bool) -> np.ndarray:
    """Return `n_rows` of the rows in their order, the first ones if the rows have none."""
    if n_rows is None or n_rows >= len(rows):
        return rows
    if not has_order:
        return rows[:n_rows]
    return np.sort(np.random.default_rng(seed).choice(rows, n_rows, replace=False))


def _scale(values: np.ndarray, scaling: str) -> np.ndarray:
    """Return the values scaled; a column that never changes becomes 0."""
    if scaling == "none":
        return values
    values = values.astype(np.float64)
    # By a power of two first, which is exact: squares must neither overflow nor vanish.
    values = np.ldexp(values, -np.frexp(np.abs(values).max(axis=0))[1])
    if scaling == "standard":
        low, size = values.mean(axis=0), values.std(axis=0)
    else:
        low, size = values.min(axis=0), np.ptp(values, axis=0)
    # By rounding, what never changes may differ from its mean, and its deviation from 0.
    changes = np.ptp(values, axis=0) > 0
    return (values - np.where(changes, low, values[0])) / np.where(changes, size, 1)


def _make_title(source: Any) -> str:
    title = Path(source).resolve().stem if isinstance(source, str | Path) else "Data"
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def _describe_labels(label: str | None, labels: pl.Series | None) -> str:
    if labels is None:
        return "none"
    missing = f", {labels.null_count():,} missing" if labels.null_count() else ""
    if labels.dtype.is_float():
        return f"{label}, numbers from {labels.min():g} to {labels.max():g}{missing}"
    return f"{label}, {len(labels.dtype.categories)} classes{missing}"


def _describe_missing(n_missing: int, missing: str, n_dropped: int) -> str:
    if not n_missing:
        return "none"
    done = f"{n_dropped:,} rows dropped" if missing == "drop" else "the mean of the column taken"
    return f"{n_missing:,} values, {done}"


def _describe_columns(names: list[str]) -> str:
    shown = ", ".join(names if len(names) <= 12 else [*names[:3], "…", names[-1]])
    return f"{len(names):,} columns: {shown}" if names else "none"


def _describe_scaling(scaling: str, X: np.ndarray) -> str:
    n_constant = int((np.ptp(X, axis=0) == 0).sum())
    constant = f"; {n_constant:,} columns never change" if n_constant else ""
    told = {
        "none": "none",
        "standard": "every column has mean 0 and standard deviation 1",
        "range": "every column goes from 0 to 1",
    }
    return told[scaling] + constant
