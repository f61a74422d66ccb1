"""View an embedding in three dimensions through a camera that circles around it.

    seen = turn(read_epoch("data/umap-3d.parquet", 199), angle=30)
    shaded = shade(seen, "digit")
    colors = shade_colors(palette, digits)
    ggplot(shaded, aes("x", "y", color="shade", size="size"))
    + geom_point(stroke=0)
    + scale_color_manual(values=colors, limits=list(colors))
    + scale_size_radius(range=(0, 1), limits=(0, 1))

Far points come first, so that near ones are drawn over them. Distance shows in size and in shade.
A far point is darkened, not made transparent, because points behind it would shine through.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from animated.runs.schema import AXES
from animated.validation import check_integer

# The radius of the sphere through the corners of the unit cube.
CORNER = 3**0.5 / 2
# The number of shades of a colour; more would be indistinguishable.
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

    The camera looks at the centre of the unit cube. At angle 0 and elevation 0 it sees x to the
    right and y upward, as in a plot of two dimensions, and z points towards it. It circles around
    the vertical axis through the centre, so angles at equal distances give a constant speed.

    table: has the columns `x`, `y` and `z` in [0, 1], and any others.
    angle: the position of the camera on its circle, in degrees; 360 equals 0.
    elevation: the height of the camera, in degrees from -90 to 90.
    distance: from the camera to the centre, in radii, greater than 1. The smaller it is, the
        stronger the perspective.
    radius: the radius of the sphere around the centre that fills the picture. The default
        encloses the whole cube; 0.5 suits the tables that `animated.motion.framing.View` reads.

    Returns a table with the rows and the other columns of `table`, and with
    - `x` and `y`: f64 in [0, 1] at every angle, since the picture shows the whole sphere,
    - `depth`: f64 in [0, 1], 0 at the far end of the sphere and 1 at its near end,
    - `size`: f64 in [0, 1], the apparent diameter, 1 at the near end.
    Points at the same depth stay in their order.
    Raises ValueError when a number is out of range, an axis is missing from the table, or a point
    lies outside the sphere.
    """
    _check_view(angle, elevation, distance, radius)
    x, y, z = _get_offsets(table) / radius
    _check_inside(x, y, z, radius)
    around, up = np.deg2rad([angle % 360, elevation])
    x, z = x * np.cos(around) + z * np.sin(around), z * np.cos(around) - x * np.sin(around)
    y, z = y * np.cos(up) - z * np.sin(up), z * np.cos(up) + y * np.sin(up)
    # The apparent radius of a sphere of radius 1 at this distance.
    outline = 1 / np.sqrt(distance**2 - 1)
    columns = {
        "x": 0.5 + x / (distance - z) / outline / 2,
        "y": 0.5 + y / (distance - z) / outline / 2,
        "depth": (z + 1) / 2,
        "size": (distance - 1) / (distance - z),
    }
    # Rounding may take points on the sphere beyond its ends.
    seen = {name: pl.Series(values.clip(0, 1)) for name, values in columns.items()}
    return table.drop("z").with_columns(**seen)[np.argsort(z, kind="stable")]


def shade(table: pl.DataFrame, label: str, n_levels: int = N_LEVELS) -> pl.DataFrame:
    """Return `table` with a column `shade`, the label and the level of depth, such as "7, 15".

    It is an Enum of all labels at all levels, of which 0 is the farthest, and it draws as fast as
    the labels themselves. `shade_colors` returns its colours.

    table: has the column `depth`, see `turn`, and the Enum column `label`.
    n_levels: the number of levels of depth, 1 or more.
    Raises TypeError when the label is not an Enum, and ValueError when `n_levels` is less than 1.
    """
    dtype = table[label].dtype
    if not isinstance(dtype, pl.Enum):
        raise TypeError(f"{label} must be an Enum, got {dtype}")
    check_integer("n_levels", n_levels, 1)
    names = _name_shades(dtype.categories.to_list(), n_levels)
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

        scale_color_manual(shade_colors(["red", "blue"], ["cat", "dog"]))

    colors: a colour for each label, in any notation of matplotlib.
    labels: all categories of their Enum.
    n_levels: the number of levels of depth, as in `shade`.
    darkest: the brightness that the farthest points retain, from 0, which is black, to 1.
    Raises ValueError when the numbers of colours and labels differ or a number is out of range.
    """
    from matplotlib.colors import to_hex, to_rgb  # takes longer to import than all else here

    if len(colors) != len(labels):
        raise ValueError(f"colors must have {len(labels)} values, one per label, got {len(colors)}")
    if not 0 <= darkest <= 1:
        raise ValueError(f"darkest must be between 0 and 1, got {darkest!r}")
    check_integer("n_levels", n_levels, 1)
    lights = np.linspace(darkest, 1, n_levels)
    shades = [to_hex(light * np.array(to_rgb(color))) for color in colors for light in lights]
    return dict(zip(_name_shades(labels, n_levels), shades, strict=True))


def _name_shades(labels: Sequence[str], n_levels: int) -> list[str]:
    return [f"{label}, {level}" for label in labels for level in range(n_levels)]


def _get_offsets(table: pl.DataFrame) -> np.ndarray:
    """Return positions relative to the centre of the unit cube, float64 (3, n_samples)."""
    missing = [axis for axis in AXES if axis not in table.columns]
    if missing:
        raise ValueError(f"table must have the columns x, y and z, {missing[0]} is missing")
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
    # Written such that NaN counts as outside.
    outside = ~(x * x + y * y + z * z <= 1 + 1e-9)
    if outside.any():
        raise ValueError(
            f"points must be within {radius:.3f} of the centre of the unit cube, "
            f"got {outside.sum()} outside"
        )
