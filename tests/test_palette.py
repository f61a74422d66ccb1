"""Colours are distinct, reproducible and quick to load; test_export.py looks at their contrast."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from mizani.palettes import brewer_pal

from animated.palette import MISSING, PAIRED, get_colormap, get_colors, get_gradient


def to_oklab(colors):
    """Return OKLab as Ottosson gives it, by way of the colour space XYZ."""
    rgb = np.array([to_rgb(color) for color in colors])
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = linear @ np.array(
        [[0.4124564, 0.2126729, 0.0193339], [0.3575761, 0.7151522, 0.1191920],
         [0.1804375, 0.0721750, 0.9503041]]
    )  # fmt: skip
    cones = xyz @ np.array(
        [[0.8189330101, 0.0329845436, 0.0482003018], [0.3618667424, 0.9293118715, 0.2643662691],
         [-0.1288597137, 0.0361456387, 0.6338517070]]
    )  # fmt: skip
    return np.cbrt(cones) @ np.array(
        [[0.2104542553, 1.9779984951, 0.0259040371], [0.7936177850, -2.4285922050, 0.7827717662],
         [-0.0040720468, 0.4505937099, -0.8086757660]]
    )  # fmt: skip


def test_first_colors_are_colorbrewers():
    paired = [color.lower() for color in brewer_pal("qual", "Paired")(12)]
    assert list(PAIRED) == get_colors(12) == paired
    for n_colors in range(7):
        assert get_colors(n_colors) == paired[1::2][:n_colors]
    for n_colors in range(7, 12):
        assert get_colors(n_colors) == paired[:n_colors]


def test_more_colors_never_change_the_first():
    most = get_colors(256)
    assert get_colors(40) == most[:40] and get_colors(300) == most + most[:44]
    # The next ones are fixed, too: stores are drawn again years later.
    assert most[12:16] == ["#f400ff", "#9b7aff", "#3737ff", "#00ff00"]


@pytest.mark.parametrize(("n_colors", "least"), [(40, 0.079), (100, 0.068)])
def test_colors_differ(n_colors, least):
    lab = to_oklab(get_colors(n_colors))
    distances = np.linalg.norm(lab[:, None] - lab, axis=2) + np.eye(n_colors)
    assert distances.min() > least
    assert np.linalg.norm(lab - to_oklab([MISSING]), axis=1).min() > 0.07


def test_values():
    viridis = mpl.colormaps["viridis"]
    assert get_gradient() == [to_hex(viridis(share)) for share in np.linspace(0.3, 1, 15)]
    *colors, missing = get_colormap()
    assert colors == [to_hex(viridis(share)) for share in np.linspace(0, 1, 255)]
    assert missing == MISSING


def test_import_loads_no_library_but_numpy():
    code = """
import sys
import animated.palette
print(*{"matplotlib", "mizani", "numba", "plotnine", "glasbey"} & {*sys.modules})
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "\n"
