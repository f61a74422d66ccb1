"""What a layer looks like, as arrays: its table taken through the trained scales of its plot.

plotnine maps every row by itself, in pandas. Here an aesthetic other than a position is mapped once
for each value that it can take, and rows only look it up: a million rows take milliseconds.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
from matplotlib.colors import to_rgba_array
from plotnine import ggplot
from plotnine._utils import to_rgba
from plotnine.layer import layer
from plotnine.scales.scale import scale
from plotnine.scales.scale_continuous import scale_continuous
from plotnine.scales.scale_discrete import scale_discrete
from plotnine.scales.scale_identity import MapTrainMixin

from animated.plots.fingerprints import Table

# A continuous scale is read at this many places: a colour channel has 256 levels.
LEVELS = 4096
WORDS = (pl.String, pl.Categorical, pl.Enum)


class Aesthetic(NamedTuple):
    """The values that an aesthetic takes, and codes (n_rows,) int32 that say which a row has.

    Without codes there is one value for all rows.
    """

    values: list[Any]
    codes: np.ndarray | None = None

    def spread(self, values: np.ndarray, n_rows: int) -> np.ndarray:
        """Return for each row what `values`, one for each of its own, holds for it."""
        return np.repeat(values, n_rows, axis=0) if self.codes is None else values[self.codes]

    def is_missing(self, n_rows: int) -> np.ndarray:
        """Return for each row whether it has no value."""
        missing = [value is None or value is pd.NA or value != value for value in self.values]
        return self.spread(np.array(missing), n_rows)


def get_mapping(plot: ggplot, spec: layer) -> dict[str, Any]:
    """Return what each aesthetic of a layer is mapped to, without those that are set."""
    mapping = spec.mapping.inherit(plot.mapping) if spec.inherit_aes else spec.mapping
    return {name: value for name, value in mapping.items() if name not in spec.geom.aes_params}


def read_column(table: Table, name: str) -> pl.Series:
    """Return a column of a Polars or pandas table as a Polars Series."""
    return table[name] if isinstance(table, pl.DataFrame) else pl.from_pandas(table[name])


def get_scale(scales: list[scale], aesthetic: str) -> scale | None:
    """Return the scale of an aesthetic, or None."""
    return next((one for one in scales if aesthetic in one.aesthetics), None)


def has_limits(one: scale | None) -> bool:
    """Return whether no data can change the limits of a scale."""
    limits = getattr(one, "limits", None)
    if limits is None or callable(limits):
        return False
    return all(limit is not None for limit in limits)


def get_facets(plot: ggplot) -> list[str]:
    """Return the names of what the panels of a plot differ by."""
    return [name for kind in ("vars", "rows", "cols") for name in getattr(plot.facet, kind, [])]


def read_aesthetic(
    plot: ggplot,
    spec: layer,
    mapping: dict[str, Any],
    table: Table,
    name: str,
    known: dict[Any, list[Any]],
) -> Aesthetic:
    """Return an aesthetic that is no position, be it set, mapped or left at its default.

    plot: one that plotnine has built, so that its scales are trained.
    mapping: that of the layer, see `get_mapping`.
    known: what its scales have been asked before; it is filled.
    Raises NotImplementedError when the scale or the column are of an unknown kind.
    """
    if name in spec.geom.aes_params:
        return Aesthetic([spec.geom.aes_params[name]])
    if name not in mapping:
        return Aesthetic([spec.geom.DEFAULT_AES[name]])
    scale, column = get_scale(plot.scales, name), read_column(table, mapping[name])
    if isinstance(scale, MapTrainMixin):
        raise NotImplementedError(f"{type(scale).__name__}, which has no values of its own")
    if isinstance(scale, scale_discrete) and column.dtype in WORDS:
        column = _to_enum(column)
        levels = column.dtype.categories
        codes = column.to_physical().cast(pl.Int32).fill_null(len(levels)).to_numpy()
        key = (name, *levels)
    elif isinstance(scale, scale_continuous) and column.dtype.is_numeric():
        codes = _encode(scale, column)
        key, levels = (name,), None
    else:
        raise NotImplementedError(f"{type(scale).__name__} of a column of {column.dtype}")
    if key not in known:
        places = _sample(scale) if levels is None else pd.Series([*levels, None], dtype=object)
        known[key] = list(scale.map(places))
    return Aesthetic(known[key], codes)


def _to_enum(words: pl.Series) -> pl.Series:
    if words.dtype == pl.Enum:
        return words
    words = words.cast(pl.String)
    return words.cast(pl.Enum(words.unique().drop_nulls().sort()))


def _sample(scale: scale_continuous) -> np.ndarray:
    """Return places from end to end of a scale, then below, above and missing.

    They are in the space into which the scale transforms.
    """
    low, high = scale.final_limits
    return np.array([*np.linspace(low, high, LEVELS), low - 1, high + 1, np.nan])


def _encode(scale: scale_continuous, column: pl.Series) -> np.ndarray:
    """Return for each row which of the sampled places is the nearest, int32 (n_rows,)."""
    values = scale.transform(column.cast(pl.Float64).to_numpy())
    low, high = scale.final_limits
    with np.errstate(invalid="ignore"):
        shares = np.nan_to_num((values - low) / ((high - low) or 1), posinf=1, neginf=0)
        codes = np.rint(shares.clip(0, 1) * (LEVELS - 1)).astype(np.int32)
        codes[values < low], codes[values > high] = LEVELS, LEVELS + 1
    codes[np.isnan(values)] = LEVELS + 2
    return codes


def paint(color: Aesthetic, alpha: Aesthetic, n_rows: int) -> np.ndarray:
    """Return the colour of each row, uint8 (n_rows, 4), joined with its opacity as in plotnine."""
    solid, clear = (
        np.rint(to_rgba_array([_join(value, opacity) for value in color.values]) * 255)
        for opacity in (1.0, 0.0)
    )
    rows = color.spread(solid, n_rows).astype(np.uint8)
    alphas = np.rint(np.array(alpha.values, dtype=float) * 255)
    # A colour may bring its own opacity, or be none.
    takes_alpha = color.spread(solid[:, 3] != clear[:, 3], n_rows)
    rows[:, 3] = np.where(takes_alpha, alpha.spread(alphas, n_rows), rows[:, 3])
    return rows


def _join(color: Any, opacity: float) -> Any:
    return "none" if pd.isna(color) else to_rgba(color, opacity)
