"""The colours of labels and of values, on a dark page and on a light one.

The package glasbey chooses colours in the same way, but it compiles for many seconds whenever it
is imported, and its first 40 colours depend on how many are asked for. The smallest CIEDE2000
difference among 40 and among 100 colours is 9 and 7 here, and 9 to 12 and 6 to 7 there.
"""

from functools import cache

import numpy as np

# ColorBrewer's Paired, a pale and a strong colour of each hue. Source: Cynthia Brewer,
# https://colorbrewer2.org/#type=qualitative&scheme=Paired&n=12.
PAIRED = (
    *("#a6cee3", "#1f78b4", "#b2df8a", "#33a02c", "#fb9a99", "#e31a1c"),
    *("#fdbf6f", "#ff7f00", "#cab2d6", "#6a3d9a", "#ffff99", "#b15928"),
)
MISSING = "#888888"
# Nobody can tell more colours than these apart, so they repeat.
MOST_COLORS = 256
# The luminance of the page, and the least contrast of a point with it.
PAPER = {"dark": 0.0, "light": 1.0}
CONTRAST = {"dark": 3.4, "light": 2.5}
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
# Further colours are chosen from a grid of so many shades of red, green and blue. Darker ones would
# be lost on black, and less vivid ones would look like the grey of missing values.
SHADES = 24
LEAST_LIGHTNESS, MOST_LIGHTNESS, LEAST_CHROMA = 0.5, 0.95, 0.07
# From linear RGB to the responses of cones, and from their cube roots to OKLab, a space in which
# distances match perceived differences. Source: Björn Ottosson, "A perceptual color space for image
# processing", 2020, https://bottosson.github.io/posts/oklab/.
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
    """Return distinct colours for labels as "#rrggbb".

        get_colors(3)  # ["#1f78b4", "#33a02c", "#e31a1c"]

    Up to six are the strong colours of ColorBrewer's Paired, so that no two look related, and up
    to twelve are all of Paired. Each further colour differs as much as possible from all before
    it, after Glasbey, and after 256 they repeat.

    Source: Chris Glasbey et al., "Colour displays for categorical images", 2007.
    """
    colors = _list_colors()
    if n_colors <= len(PAIRED) // 2:
        return [*PAIRED[1::2]][:n_colors]
    return [colors[i % len(colors)] for i in range(n_colors)]


def get_gradient() -> list[str]:
    """Return 15 colours for small to large values as "#rrggbb", viridis without its dark end."""
    return _sample_viridis(0.3, 15)


def get_colormap() -> list[str]:
    """Return "#rrggbb" for the values 0 to 254 of a column, viridis, and grey for 255, missing."""
    return [*_sample_viridis(0, 255), MISSING]


def adapt(colors: list[str]) -> dict[str, list[str]]:
    """Return colours by theme, "dark" and "light", lightened or darkened to be visible on its page.

    Their contrast is at least 3.4 with black and 2.5 with white.
    """
    return {theme: [_adapt(color, theme) for color in colors] for theme in PAPER}


@cache
def _adapt(color: str, theme: str) -> str:
    paper = PAPER[theme]
    shares = np.linspace(0, 1, 21)[:, None]
    mixtures = _to_rgb(color) * (1 - shares) + (1 - paper) * shares
    luminances = _to_linear(mixtures) @ LUMINANCE
    # Contrast as WCAG 2 defines it.
    light, dark = np.maximum(luminances, paper) + 0.05, np.minimum(luminances, paper) + 0.05
    return _to_hex(mixtures[np.argmax(light / dark >= CONTRAST[theme])])


@cache
def _list_colors() -> list[str]:
    """Return ColorBrewer's Paired, and then always the candidate farthest from all before it."""
    colors = [*PAIRED]
    candidates = _list_candidates()
    points = _to_lab(candidates)
    chosen = _to_lab(np.array([_to_rgb(color) for color in colors]))
    distances = np.linalg.norm(points[:, None] - chosen, axis=2).min(axis=1)
    while len(colors) < MOST_COLORS:
        farthest = distances.argmax()
        colors.append(_to_hex(candidates[farthest]))
        distances = np.minimum(distances, np.linalg.norm(points - points[farthest], axis=1))
    return colors


def _list_candidates() -> np.ndarray:
    """Return the colours to choose from as RGB, float64 (n, 3) in [0, 1]."""
    shades = np.linspace(0, 1, SHADES)
    rgb = np.stack(np.meshgrid(shades, shades, shades), axis=-1).reshape(-1, 3)
    lightness, *chroma = _to_lab(rgb).T
    is_light = (lightness >= LEAST_LIGHTNESS) & (lightness <= MOST_LIGHTNESS)
    return rgb[is_light & (np.hypot(*chroma) >= LEAST_CHROMA)]


def _sample_viridis(start: float, n_colors: int) -> list[str]:
    from matplotlib import colormaps  # which takes half a second to load

    viridis = colormaps["viridis"]
    return [_to_hex(np.array(viridis(share)[:3])) for share in np.linspace(start, 1, n_colors)]


def _to_rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def _to_hex(rgb: np.ndarray) -> str:
    return "#" + "".join(f"{round(share * 255):02x}" for share in rgb)


def _to_lab(rgb: np.ndarray) -> np.ndarray:
    """Return RGB (n, 3) as OKLab (n, 3)."""
    return np.cbrt(_to_linear(rgb) @ TO_CONES.T) @ TO_LAB.T


def _to_linear(rgb: np.ndarray) -> np.ndarray:
    """Return sRGB as linear RGB, without the gamma curve."""
    return np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
