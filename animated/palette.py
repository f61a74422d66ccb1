"""The colours of labels and of values, on a dark page and on a light one."""

from functools import cache

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex, to_rgb
from mizani.palettes import brewer_pal

MISSING = "#888888"
N_PAIRED = 12
# More colours than these one could not tell apart, so they repeat.
MOST_COLORS = 256
# The luminance of paper and the contrast that points have on it at least.
PAPER = {"dark": 0.0, "light": 1.0}
CONTRAST = {"dark": 3.4, "light": 2.5}
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
# Among so many shades of red, green and blue each they are looked for.
SHADES = 24
# Darker ones would be lost on black, and less vivid ones be taken for the grey of what is missing.
LEAST_LIGHTNESS, MOST_LIGHTNESS, LEAST_CHROMA = 0.5, 0.95, 0.07
# From linear RGB to responses of cones, and from their cube roots to OKLab, in which distances
# are as they are seen. Source: Björn Ottosson, "A perceptual color space for image processing",
# 2020, https://bottosson.github.io/posts/oklab/.
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def get_colors(n_colors: int) -> list[str]:
    """Return colours for labels as "#rrggbb".

    Up to twelve are ColorBrewer's Paired, of which up to six are the strong one of each pair, so
    that no two look related; those after them are each the least like all before.
    """
    colors = _list_colors()
    if n_colors <= N_PAIRED // 2:
        return colors[1:N_PAIRED:2][:n_colors]
    return [colors[i % len(colors)] for i in range(n_colors)]


def get_gradient() -> list[str]:
    """Return colours for small to large values as "#rrggbb", the part of viridis seen on black."""
    return [to_hex(mpl.colormaps["viridis"](share)) for share in np.linspace(0.3, 1, 15)]


def get_colormap() -> list[str]:
    """Return the colours of the values 0 to 254 of a column, viridis, and of 255, a missing one."""
    return [to_hex(mpl.colormaps["viridis"](share)) for share in np.linspace(0, 1, 255)] + [MISSING]


def adapt(colors: list[str]) -> dict[str, list[str]]:
    """Return colours for each theme, "dark" and "light", lightened or darkened to be seen on it.

    Their contrast is at least 3.4 on black and 2.5 on white.
    """
    return {theme: [_adapt(color, theme) for color in colors] for theme in PAPER}


@cache
def _adapt(color: str, theme: str) -> str:
    paper = PAPER[theme]
    shares = np.linspace(0, 1, 21)[:, None]
    mixtures = np.array(to_rgb(color)) * (1 - shares) + (1 - paper) * shares
    luminances = _to_linear(mixtures) @ LUMINANCE
    # The contrast that WCAG 2 defines.
    light, dark = np.maximum(luminances, paper) + 0.05, np.minimum(luminances, paper) + 0.05
    return to_hex(mixtures[np.argmax(light / dark >= CONTRAST[theme])])


@cache
def _list_colors() -> list[str]:
    """Return ColorBrewer's Paired, and after it always the colour least like those before it."""
    colors = [color.lower() for color in brewer_pal("qual", "Paired")(N_PAIRED)]
    others = _list_candidates()
    places = _to_lab(others)
    known = _to_lab(np.array([to_rgb(color) for color in colors]))
    distances = np.linalg.norm(places[:, None] - known, axis=2).min(axis=1)
    while len(colors) < MOST_COLORS:
        farthest = distances.argmax()
        colors.append(to_hex(others[farthest]))
        new = np.linalg.norm(places - places[farthest], axis=1)
        distances = np.minimum(distances, new)
    return colors


def _list_candidates() -> np.ndarray:
    """Return the colours to choose from as RGB shares (n, 3)."""
    shades = np.linspace(0, 1, SHADES)
    rgb = np.stack(np.meshgrid(shades, shades, shades), axis=-1).reshape(-1, 3)
    lightness, *chroma = _to_lab(rgb).T
    is_light = (lightness >= LEAST_LIGHTNESS) & (lightness <= MOST_LIGHTNESS)
    return rgb[is_light & (np.hypot(*chroma) >= LEAST_CHROMA)]


def _to_lab(rgb: np.ndarray) -> np.ndarray:
    return np.cbrt(_to_linear(rgb) @ TO_CONES.T) @ TO_LAB.T


def _to_linear(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
