"""Look at a layout in three dimensions, from a camera that circles around it.

    seen = turn(read_epoch("data/umap-3d.parquet", 199), angle=30)
    shaded = shade(seen, "digit")
    colors = shade_colors(palette, digits)
    ggplot(shaded, aes("x", "y", color="shade", size="size"))
    + geom_point(stroke=0)
    + scale_color_manual(values=colors, limits=list(colors))
    + scale_size_radius(range=(0, 1), limits=(0, 1))

Far points come first, so that near ones are drawn over them. Distance shows in size and in shade:
a colour that is darkened and not one that is made transparent, as through a near point one would
see those behind it.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.colors import to_hex, to_rgb

from animated.runs.schema import AXES
from animated.validation import check_integer

# The radius of the sphere through the corners of the unit cube.
CORNER = 3**0.5 / 2
# Shades of a colour; more cannot be told apart.
N_LEVELS = 16


def turn(
    table: pl.DataFrame,
    angle: float,
    *,
    elevation: float = 20.0,
    distance: float = 3.0,
    radius: float = CORNER,
) -> pl.DataFrame:
    """Return points in space as the camera sees them, the farthest first.

    The camera looks at the middle of the unit cube. At angle 0 and elevation 0 it sees x to the
    right and y upward, as in a plot of two dimensions, and z is towards it. It circles around the
    vertical axis through the middle: the same distance from angle to angle is the same speed.

    table: with `x`, `y` and `z` in [0, 1], and whatever else.
    angle: of the way around, in degrees; 360 is 0 again.
    elevation: how high the camera is, in degrees from -90 to 90.
    distance: from the camera to the middle, in radii, more than 1; the less, the stronger is the
        perspective.
    radius: of the sphere around the middle that fills the picture. It holds the whole cube unless
        told otherwise; 0.5 suits what `animated.motion.framing.View` reads.

    Returns a table with the rows and the other columns of `table`, and with
    - `x` and `y`: f64 in [0, 1] at every angle, as the sphere is in the picture,
    - `depth`: f64 in [0, 1], 0 at the far end of the sphere and 1 at its near end,
    - `size`: f64 in [0, 1], the apparent diameter, 1 at the near end.
    Points at the same depth keep their order.
    Raises ValueError for numbers out of range, for a table without one of the axes, and for
    points outside of the sphere.
    """
    _check_view(angle, elevation, distance, radius)
    x, y, z = _get_offsets(table) / radius
    _check_inside(x, y, z, radius)
    around, up = np.deg2rad([angle % 360, elevation])
    x, z = x * np.cos(around) + z * np.sin(around), z * np.cos(around) - x * np.sin(around)
    y, z = y * np.cos(up) - z * np.sin(up), z * np.cos(up) + y * np.sin(up)
    # The outline of a sphere of radius 1 appears this large to a camera so near.
    outline = 1 / np.sqrt(distance**2 - 1)
    columns = {
        "x": 0.5 + x / (distance - z) / outline / 2,
        "y": 0.5 + y / (distance - z) / outline / 2,
        "depth": (z + 1) / 2,
        "size": (distance - 1) / (distance - z),
    }
    # Points on the sphere itself may miss its ends by a rounding error.
    news = {name: values.clip(0, 1) for name, values in columns.items()}
    return table.drop("z").with_columns(**news)[np.argsort(z, kind="stable")]


def shade(table: pl.DataFrame, label: str, n_levels: int = N_LEVELS) -> pl.DataFrame:
    """Return `table` with a column `shade`: the label and how near the point is, "7, 15" say.

    It is an Enum of all labels at all levels, 0 being the farthest, which draws as fast as labels
    do. `shade_colors` returns its colours.

    table: with `depth`, see `turn`, and the Enum column `label`.
    n_levels: of depth, 1 or more.
    Raises TypeError when the label is no Enum, and ValueError for another number of levels.
    """
    if table[label].dtype != pl.Enum:
        raise TypeError(f"{label} must be an Enum, got {table[label].dtype}")
    check_integer("n_levels", n_levels, 1)
    names = _name_shades(table[label].dtype.categories.to_list(), n_levels)
    values = pl.Series("shade", names, dtype=pl.Enum(names))
    levels = (table["depth"] * n_levels).floor().clip(0, n_levels - 1).cast(pl.UInt32)
    codes = table[label].to_physical().cast(pl.UInt32) * n_levels + levels
    return table.with_columns(values[codes])


def shade_colors(
    colors: Sequence[str],
    labels: Sequence[str],
    n_levels: int = N_LEVELS,
    darkest: float = 0.25,
) -> dict[str, str]:
    """Return the colour of each value of the column that `shade` adds, as "#rrggbb".

    colors: of the labels, in any way that matplotlib knows, one each.
    labels: all categories of their Enum.
    darkest: what is left of the light of the farthest points, from 0, which is black, to 1.
    Raises ValueError when there are not as many colours as labels, or a number is out of range.
    """
    if len(colors) != len(labels):
        raise ValueError(f"there must be {len(labels)} colors, got {len(colors)}")
    if not 0 <= darkest <= 1:
        raise ValueError(f"darkest must be between 0 and 1, got {darkest!r}")
    check_integer("n_levels", n_levels, 1)
    lights = np.linspace(darkest, 1, n_levels)
    shades = [to_hex(light * np.array(to_rgb(color))) for color in colors for light in lights]
    return dict(zip(_name_shades(labels, n_levels), shades, strict=True))


def _name_shades(labels: Sequence[str], n_levels: int) -> list[str]:
    return [f"{label}, {level}" for label in labels for level in range(n_levels)]


def _get_offsets(table: pl.DataFrame) -> np.ndarray:
    """Return positions from the middle of the unit cube, float64 (3, n_samples)."""
    missing = [axis for axis in AXES if axis not in table.columns]
    if missing:
        raise ValueError(f"table must have the columns x, y and z, got none named {missing[0]}")
    return np.array([table[axis].cast(pl.Float64).to_numpy() for axis in AXES]) - 0.5


def _check_view(angle: float, elevation: float, distance: float, radius: float) -> None:
    if not np.isfinite(angle):
        raise ValueError(f"angle must be a number of degrees, got {angle!r}")
    if not -90 <= elevation <= 90:
        raise ValueError(f"elevation must be from -90 to 90 degrees, got {elevation!r}")
    if not 1 < distance < np.inf:
        raise ValueError(f"distance must be finite and more than 1, got {distance!r}")
    if not 0 < radius < np.inf:
        raise ValueError(f"radius must be finite and more than 0, got {radius!r}")


def _check_inside(x: np.ndarray, y: np.ndarray, z: np.ndarray, radius: float) -> None:
    # What is not a number is not inside either.
    outside = ~(x * x + y * y + z * z <= 1 + 1e-9)
    if outside.any():
        raise ValueError(
            f"points must be within {radius:.3f} of the middle of the unit cube, "
            f"got {outside.sum()} that are not"
        )
