"""The aesthetics of a layer as arrays: the columns of its table mapped by the trained scales.

plotnine maps every row separately, in pandas. Here a scale maps each possible value of an aesthetic
once and rows look their value up, so that a million rows take milliseconds.
"""

from functools import partial
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

from animated.plots.tables import WORDS, Table, read_column

# The number of points at which a continuous scale is sampled: a colour channel has 256 levels.
LEVELS = 4096


class Aesthetic(NamedTuple):
    """The values that an aesthetic takes, and which of them each row has.

    values: one value for all rows, or several for `codes` to choose from.
    codes: int32 (n_rows,), the position in `values` of each row's value, or None if all rows
        share one.
    """

    values: list[Any]
    codes: np.ndarray | None = None

    def spread(self, values: np.ndarray, n_rows: int) -> np.ndarray:
        """Return an entry of `values`, which correspond to `self.values`, for each row."""
        return np.repeat(values, n_rows, axis=0) if self.codes is None else values[self.codes]

    def is_missing(self, n_rows: int) -> np.ndarray:
        """Return, for each row, whether its value is missing, bool (n_rows,)."""
        missing = [value is None or value is pd.NA or value != value for value in self.values]
        return self.spread(np.array(missing), n_rows)


def get_mapping(plot: ggplot, spec: layer) -> dict[str, Any]:
    """Return the expression of each aesthetic that a layer maps, without those set to a value."""
    mapping = spec.mapping.inherit(plot.mapping) if spec.inherit_aes else spec.mapping
    return {name: value for name, value in mapping.items() if name not in spec.geom.aes_params}


def get_scale(scales: list[scale], aesthetic: str) -> scale | None:
    """Return the scale of an aesthetic, or None if it has none."""
    return next((one for one in scales if aesthetic in one.aesthetics), None)


def has_limits(one: scale | None) -> bool:
    """Return whether a scale has limits that no data can change."""
    limits = getattr(one, "limits", None)
    if limits is None or callable(limits):
        return False
    return all(limit is not None for limit in limits)


def get_facets(plot: ggplot) -> list[str]:
    """Return the names of the variables that divide a plot into panels."""
    return [name for kind in ("vars", "rows", "cols") for name in getattr(plot.facet, kind, [])]


def read_aesthetic(
    plot: ggplot,
    spec: layer,
    mapping: dict[str, Any],
    table: Table,
    name: str,
    known: dict[Any, list[Any]],
) -> Aesthetic:
    """Return an aesthetic other than a position, be it set, mapped or left at its default.

    plot: a plot that plotnine has built, so that its scales are trained.
    mapping: the mapping of the layer, see `get_mapping`.
    known: the values that scales have returned before, which the function adds to.
    Raises NotImplementedError when the scale or the column is of an unsupported kind.
    """
    if name in spec.geom.aes_params:
        return Aesthetic([spec.geom.aes_params[name]])
    if name not in mapping:
        return Aesthetic([spec.geom.DEFAULT_AES[name]])
    scale, column = get_scale(plot.scales, name), read_column(table, mapping[name])
    if isinstance(scale, MapTrainMixin):
        raise NotImplementedError(f"{type(scale).__name__}, which has no values of its own")
    if isinstance(scale, scale_discrete) and column.dtype in WORDS:
        levels, codes = _encode_words(column)
        key, sample = (name, *levels), partial(pd.Series, [*levels, None], dtype=object)
    elif isinstance(scale, scale_continuous) and column.dtype.is_numeric():
        codes = _encode_numbers(scale, column)
        key, sample = (name,), partial(_sample, scale)
    else:
        raise NotImplementedError(f"{type(scale).__name__} of a column of {column.dtype}")
    if key not in known:
        known[key] = list(scale.map(sample()))
    return Aesthetic(known[key], codes)


def _encode_words(words: pl.Series) -> tuple[list[str], np.ndarray]:
    """Return the levels and, for each row, the position of its level, int32 (n_rows,).

    A missing word has the position after the last level.
    """
    dtype = words.dtype
    if not isinstance(dtype, pl.Enum):
        words = words.cast(pl.String)
        dtype = pl.Enum(words.unique().drop_nulls().sort())
    levels = dtype.categories.to_list()
    codes = words.cast(dtype).to_physical().cast(pl.Int32).fill_null(len(levels))
    return levels, codes.to_numpy()


def _sample(scale: scale_continuous) -> np.ndarray:
    """Return values from end to end of a scale, then one below, one above and a missing one.

    They are in the space to which the scale transforms.
    """
    low, high = scale.final_limits
    return np.array([*np.linspace(low, high, LEVELS), low - 1, high + 1, np.nan])


def _encode_numbers(scale: scale_continuous, column: pl.Series) -> np.ndarray:
    """Return the position of the sample that is nearest to each row, int32 (n_rows,)."""
    values = scale.transform(column.cast(pl.Float64).to_numpy())
    low, high = scale.final_limits
    with np.errstate(invalid="ignore"):
        shares = np.nan_to_num((values - low) / ((high - low) or 1), posinf=1, neginf=0)
        codes = np.rint(shares.clip(0, 1) * (LEVELS - 1)).astype(np.int32)
        codes[values < low], codes[values > high] = LEVELS, LEVELS + 1
    codes[np.isnan(values)] = LEVELS + 2
    return codes


def paint(color: Aesthetic, alpha: Aesthetic, n_rows: int) -> np.ndarray:
    """Return the colour of each row with its opacity, combined as plotnine does, uint8 (n_rows, 4).

    A colour may bring an opacity of its own, or be "none", and then alpha does not apply.
    """
    solid, clear = (
        np.rint(to_rgba_array([_join(value, opacity) for value in color.values]) * 255)
        for opacity in (1.0, 0.0)
    )
    rows = color.spread(solid, n_rows).astype(np.uint8)
    alphas = np.rint(np.array(alpha.values, dtype=float) * 255)
    takes_alpha = color.spread(solid[:, 3] != clear[:, 3], n_rows)
    rows[:, 3] = np.where(takes_alpha, alpha.spread(alphas, n_rows), rows[:, 3])
    return rows


def _join(color: Any, opacity: float) -> Any:
    return "none" if pd.isna(color) else to_rgba(color, opacity)
