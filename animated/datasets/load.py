"""Load any table, or an example, as features and labels, with a summary of every step."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from animated.datasets.columns import (
    KINDS,
    choose_features,
    find_images,
    to_labels,
)
from animated.datasets.examples import EXAMPLES, Source
from animated.datasets.readers import read_table
from animated.datasets.values import (
    LEAST_ROWS,
    MISSING,
    SCALINGS,
    Notes,
    count,
    scale,
    treat_missing,
)
from animated.storage.tables import load_table, write_table
from animated.validation import check_choice, check_integer, check_seed, to_numbers

LONGEST_TITLE = 40
# A longer list of columns is abbreviated.
MOST_SHOWN = 12


class Dataset(NamedTuple):
    """A table, ready for a method.

    title: the name of the data in plots.
    table: the rows that remain, with all their columns; the row number is the `index` in an epoch
        store.
    X: float32 (n_samples, n_features), finite.
    labels: Enum of the sorted classes, or Float32, null where missing; None without a label.
    changes: what was done to the values, such as {"scaling": "standard"}, for an epoch store.
    summary: every step, as a table of `step` and `result`.
    """

    title: str
    table: pl.DataFrame
    X: np.ndarray
    labels: pl.Series | None
    changes: dict[str, str]
    summary: pl.DataFrame

    def save(self, path: str | Path) -> None:
        """Write the table as Parquet to `path`, unless that file already begins with these rows.

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
    seed: int | None = 42,
    title: str | None = None,
    image_side: int = 28,
) -> Dataset:
    """Return data ready for a method, with a summary of what was done to it.

    source: the name of an example, a key of `animated.datasets.examples.EXAMPLES`, or anything
        that `animated.datasets.readers.read_table` accepts.
    label: the column to colour by, which is never a feature; "" for none, None for the label of
        the example. It is prefixed with `label_` where its name is reserved for a column of the
        epoch store.
    columns: the features, which may be Boolean; None selects the pixels of images, or else all
        numeric columns.
    label_kind: see `animated.datasets.columns.to_labels`.
    missing: the treatment of a feature that is missing, NaN or infinite: "drop" its row, fill in
        the "mean" of its column, or raise an "error".
    scaling: "none", "standard" (each column has mean 0 and standard deviation 1) or "range" (each
        column extends from 0 to 1). "auto" standardises all features except pixels.
    n_rows: the number of rows to draw, without replacement and in their order; None takes all.
        Of MNIST, which is shuffled already, the first rows are taken.
    seed: the seed for drawing rows; None draws different rows each time.
    title: the name of the data in plots; None takes the name of the example or file.
    image_side: see `animated.datasets.readers.read_table`.

    >>> load_dataset("penguins").X.shape
    (342, 4)

    Raises ValueError for an invalid argument, for a missing value when `missing` is "error", and
    when fewer than 3 rows remain; and whatever `read_table`, `to_labels` and `choose_features`
    raise.
    """
    _check_options(label_kind, missing, scaling, n_rows, seed)
    origin = _find_source(source, image_side)
    label, columns = _fill_defaults(origin, label, columns)

    table, read = _read(origin, n_rows)
    features, chosen = _choose(table, label, columns)
    labels, labelled = _label(table, label, label_kind)
    scaling, pictured = _resolve_scaling(table.select(features), scaling)
    values = to_numbers(table.select(features))
    rows, n_missing, treated = treat_missing(values, missing)
    drawn_rows, drawn = _draw(rows, n_rows, seed, origin.has_order)
    X, scaled = scale(values[drawn_rows], scaling)

    changes = {"missing": missing if n_missing else "none", "scaling": scaling}
    return Dataset(
        title=title or origin.title,
        # The classes are those that are coloured.
        table=(table if labels is None else table.with_columns(labels))[drawn_rows],
        X=X,
        labels=None if labels is None else labels[drawn_rows],
        changes={step: change for step, change in changes.items() if change != "none"},
        summary=_summarise(read | labelled | chosen | pictured | treated | drawn | scaled),
    )


def _check_options(
    label_kind: str, missing: str, scaling: str, n_rows: int | None, seed: int | None
) -> None:
    check_choice("label_kind", label_kind, KINDS)
    check_choice("missing", missing, MISSING)
    check_choice("scaling", scaling, SCALINGS)
    if n_rows is not None:
        check_integer("n_rows", n_rows, LEAST_ROWS)
    check_seed(seed)


def _find_source(source: Any, image_side: int) -> Source:
    """Return the example of this name, or the user's own data in the same form."""
    if isinstance(source, str) and source in EXAMPLES:
        return EXAMPLES[source]
    return Source(_make_title(source), "a row", lambda _: _read_own(source, image_side))


def _fill_defaults(
    origin: Source, label: str | None, columns: Sequence[str] | None
) -> tuple[str | None, Sequence[str] | None]:
    """Return the label and the columns, those of the source where the user gives none."""
    label = origin.label if label is None else label
    return None if label == "" else label, origin.columns if columns is None else columns


def _make_title(source: Any) -> str:
    title = Path(source).resolve().stem if isinstance(source, str | Path) else "Data"
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def _read_own(source: Any, image_side: int) -> pl.DataFrame:
    try:
        return read_table(source, image_side=image_side)
    except (FileNotFoundError, ValueError) as error:
        if isinstance(source, str) and not Path(source).exists():
            raise type(error)(f"{error}; examples are {', '.join(EXAMPLES)}") from None
        raise


def _read(origin: Source, n_rows: int | None) -> tuple[pl.DataFrame, Notes]:
    table = origin.read(n_rows)
    if table.height < LEAST_ROWS:
        raise ValueError(f"data must have at least {LEAST_ROWS} rows, got {table.height}")
    return table, {"read": f"{table.height:,} rows, {count(table.width, 'column')}"}


def _label(table: pl.DataFrame, label: str | None, kind: str) -> tuple[pl.Series | None, Notes]:
    if label is None:
        return None, {"label": "none"}
    labels = to_labels(table[label], kind)
    others = [name for name in table.columns if name != label]
    labels = labels.alias(_find_free_name(labels.name, others))
    missing = f", {labels.null_count():,} missing" if labels.null_count() else ""
    return labels, {"label": f"{label}, {_describe_values(labels)}{missing}"}


def _find_free_name(name: str, taken: Collection[str]) -> str:
    """Return `name`, prefixed with `label_` until it differs from all names that are taken."""
    return _find_free_name(f"label_{name}", taken) if name in taken else name


def _describe_values(labels: pl.Series) -> str:
    if isinstance(labels.dtype, pl.Enum):
        return f"{len(labels.dtype.categories)} classes"
    numbers = labels.drop_nulls().to_numpy()
    return f"numbers from {numbers.min():g} to {numbers.max():g}"


def _choose(
    table: pl.DataFrame, label: str | None, columns: Sequence[str] | None
) -> tuple[list[str], Notes]:
    features = choose_features(table, label, columns)
    used = {label, *features}
    others = [name for name in table.columns if name not in used]
    return features, {"features": _list_columns(features), "not used": _list_columns(others)}


def _list_columns(names: list[str]) -> str:
    shown = names if len(names) <= MOST_SHOWN else [*names[:3], "…", names[-1]]
    return f"{count(len(names), 'column')}: {', '.join(shown)}" if names else "none"


def _resolve_scaling(features: pl.DataFrame, scaling: str) -> tuple[str, Notes]:
    """Return the scaling that "auto" stands for, or the given one."""
    images = find_images(features)
    if scaling == "auto":
        scaling = "none" if images else "standard"
    return scaling, {"images": f"{images.height} x {images.width} pixels" if images else "none"}


def _draw(
    rows: np.ndarray, n_rows: int | None, seed: int | None, has_order: bool
) -> tuple[np.ndarray, Notes]:
    """Return `n_rows` of the rows in their order: the first ones if they are shuffled already."""
    drawn = rows[:n_rows]
    if has_order and len(drawn) < len(rows):
        drawn = np.sort(np.random.default_rng(seed).choice(rows, n_rows, replace=False))
    return drawn, {"rows": f"{len(drawn):,} of {len(rows):,}"}


def _summarise(notes: Notes) -> pl.DataFrame:
    return pl.DataFrame({"step": list(notes), "result": list(notes.values())})


def _begins_with(path: Path, table: pl.DataFrame) -> bool:
    try:
        return load_table(path, table.height).equals(table)
    except (FileNotFoundError, ValueError):
        return False  # missing or damaged
