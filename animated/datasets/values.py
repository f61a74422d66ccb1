"""Treat missing values and scale features."""

import numpy as np

from animated.validation import check_features

MISSING = ("drop", "mean", "error")
SCALINGS = ("auto", "none", "standard", "range")
DESCRIPTIONS = {
    "none": "none",
    "standard": "every column has mean 0 and standard deviation 1",
    "range": "every column extends from 0 to 1",
}
LEAST_ROWS = 3

# What a step did, by the name of the step.
Notes = dict[str, str]


def count(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural.

    >>> count(1, "column"), count(2_000, "column")
    ('1 column', '2,000 columns')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def treat_missing(values: np.ndarray, missing: str) -> tuple[np.ndarray, int, Notes]:
    """Return the rows to keep, the number of missing values, and a note.

    values: numbers (n_rows, n_features), which are missing where they are NaN or infinite; with
        the "mean" they are filled in in place.
    missing: "drop" the row, fill in the "mean" of the column, or raise an "error".

    Returns the numbers of the rows as integers (n_kept,).
    Raises ValueError when a value is missing that must not be, and when fewer than 3 rows remain.
    """
    rows = np.arange(len(values))
    is_missing = _find_missing(values)
    n_missing = int(is_missing.sum())
    if not n_missing:
        return rows, 0, {"missing": "none"}
    if missing == "error":
        raise ValueError(
            f"features must be finite numbers, got {n_missing:,} missing or infinite: "
            "missing='drop' leaves out their rows, 'mean' fills them in"
        )
    if missing == "mean":
        _fill_means(values, is_missing)
        change = "filled with the mean of the column"
    else:
        rows = _drop(is_missing)
        change = f"{count(len(values) - len(rows), 'row')} dropped"
    return rows, n_missing, {"missing": f"{count(n_missing, 'value')}, {change}"}


def _find_missing(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return np.zeros((), dtype=bool)
    return ~np.isfinite(values)


def _fill_means(values: np.ndarray, is_missing: np.ndarray) -> None:
    # A billionth of each value, since the sum of the largest numbers would be infinite.
    known = np.ldexp(np.where(is_missing, np.nan, values), -30)
    means = np.ldexp(np.nanmean(known, axis=0), 30)
    values[is_missing] = np.broadcast_to(means, values.shape)[is_missing]


def _drop(is_missing: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(~is_missing.any(axis=1))
    if len(rows) < LEAST_ROWS:
        raise ValueError(
            f"at least {LEAST_ROWS} rows must have all features, got {len(rows)}; "
            "missing='mean' keeps the others, or choose other columns"
        )
    return rows


def scale(values: np.ndarray, scaling: str) -> tuple[np.ndarray, Notes]:
    """Return the values scaled, as float32, and a note; a constant column becomes 0 by scaling.

    values: finite numbers (n_rows, n_features).
    scaling: "none", "standard" for mean 0 and standard deviation 1 in each column, or "range" for
        values from 0 to 1.

    Raises what `animated.validation.check_features` raises.
    """
    X = check_features(values if scaling == "none" else _rescale(values, scaling))
    n_constant = int((np.ptp(X, axis=0) == 0).sum())
    are = "is" if n_constant == 1 else "are"
    constant = f"; {count(n_constant, 'column')} {are} constant" if n_constant else ""
    return X, {"scaling": DESCRIPTIONS[scaling] + constant}


def _rescale(values: np.ndarray, scaling: str) -> np.ndarray:
    values = values.astype(np.float64)
    # Scaling by a power of two first is exact, and squares neither overflow nor vanish afterwards.
    values = np.ldexp(values, -np.frexp(np.abs(values).max(axis=0))[1])
    if scaling == "standard":
        offset, size = values.mean(axis=0), values.std(axis=0)
    else:
        offset, size = values.min(axis=0), np.ptp(values, axis=0)
    # Because of rounding, a constant may differ from its mean, and its deviation from 0.
    varies = np.ptp(values, axis=0) > 0
    return (values - np.where(varies, offset, values[0])) / np.where(varies, size, 1)
