"""Pixels, set as matplotlib's Agg renderer sets them.

A canvas is a uint8 array (height, width, 3) that is changed in place, a colour is straight RGBA
(uint8), and blending is Agg's own integer arithmetic.
"""

from functools import lru_cache

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform

from animated.numba_cache import numba

# A marker is kept at this many positions within a pixel, across as well as down.
POSITIONS = 16
# Agg mixes a color q of opacity o with a pixel p to (256 o q + 255 (256 - o) p) / (65280 + o),
# rounded down, and to q when o is 255: for each o the weights of q and of p, times 2 ** 40.
OPACITIES = np.arange(256, dtype=np.uint64)
INVERSES = 2**40 // (65280 + OPACITIES) + 1
ABOVE = np.where(OPACITIES == 255, 2**40, 256 * OPACITIES * INVERSES)
BELOW = np.where(OPACITIES == 255, 0, 255 * (256 - OPACITIES) * INVERSES)


@lru_cache(maxsize=256)
def make_stamps(shape: str, area: float, linewidth: float, dpi: float) -> np.ndarray:
    """Return how much of each pixel a marker covers, at each position within a pixel.

    shape: a marker that matplotlib knows, such as "o".
    area, linewidth: as `Axes.scatter` takes them, in square points and in points.

    Returns read-only uint8 (2, POSITIONS down, POSITIONS across, k, k), 255 where the face, and
    then the edge, of the marker covers a pixel whole. The marker lies in the middle pixel.
    Agg itself draws them, so only the position is rounded.
    """
    marker = MarkerStyle(shape)
    path = marker.get_path().transformed(marker.get_transform())
    radius = np.abs(path.get_extents().get_points()).max() if len(path.vertices) else 0
    reach = int(np.ceil((np.sqrt(area) * radius + linewidth) * dpi / 72)) + 1
    side = 2 * reach + 1
    steps = np.arange(POSITIONS)
    places = steps * side + reach + (steps + 0.5) / POSITIONS
    across, down = np.meshgrid(places, places)
    # To matplotlib the first row of pixels is the highest.
    offsets = np.c_[across.ravel(), POSITIONS * side - down.ravel()]
    coats = (
        {"facecolors": "white", "edgecolors": "none"},
        {"facecolors": "none", "edgecolors": "white", "linewidths": linewidth},
    )
    sheets = np.array([_draw_markers(path, offsets, area, dpi, **coat) for coat in coats])
    grid = sheets.reshape(2, POSITIONS, side, POSITIONS, side)
    stamps = _trim(grid.swapaxes(2, 3))
    stamps.flags.writeable = False
    return stamps


@lru_cache(maxsize=256)
def make_solid_stamps(
    shape: str, area: float, linewidth: float, dpi: float, opacity: int
) -> np.ndarray:
    """Return stamps as `make_stamps` does, but (1, ...): face and edge together, in one colour.

    opacity: of that colour, 0 to 255.
    """
    face, edge = make_stamps(shape, area, linewidth, dpi) * (opacity / 255**2)
    stamps = np.rint((face + edge - face * edge) * 255).astype(np.uint8)[None]
    stamps.flags.writeable = False
    return stamps


def _trim(stamps: np.ndarray) -> np.ndarray:
    """Return a copy without the rim that no position of the marker reaches."""
    used = stamps.any(axis=(0, 1, 2))
    used = np.flatnonzero((used | used.T | used[::-1] | used[:, ::-1]).any(axis=0))
    side = stamps.shape[-1]
    rim = used[0] if len(used) else 0
    return stamps[..., rim : side - rim, rim : side - rim].copy()


def _draw_markers(
    path: Path, offsets: np.ndarray, area: float, dpi: float, **style: object
) -> np.ndarray:
    """Return the coverage (uint8) of a square canvas on which each marker has room."""
    size = int(np.ceil(offsets.max() + offsets.min()))
    renderer = RendererAgg(size, size, dpi)
    # A size for each marker, as plotnine gives it: Agg would snap markers of one size to pixels.
    areas = np.full(len(offsets), area)
    collection = PathCollection(
        [path], areas, offsets=offsets, offset_transform=IdentityTransform(), **style
    )
    collection.set_transform(IdentityTransform())
    collection.set_figure(Figure(dpi=dpi))
    collection.draw(renderer)
    return np.asarray(renderer.buffer_rgba())[..., 3].copy()


@numba.njit(nogil=True, cache=True, inline="always")
def _multiply(a, b):
    """Return a * b / 255, rounded, as agg::rgba8::multiply."""
    t = a * b + 128
    return ((t >> 8) + t) >> 8


@numba.njit(nogil=True, cache=True, inline="always")
def _blend(pixel, color, opacity):
    """Lay `color` on an opaque pixel, exactly as fixed_blender_rgba_plain of matplotlib does."""
    above, below = ABOVE[np.uint8(opacity)], BELOW[np.uint8(opacity)]
    for channel in range(3):
        mixed = above * np.uint64(color[channel]) + below * np.uint64(pixel[channel])
        pixel[channel] = np.uint8(mixed >> np.uint64(40))


@numba.njit(nogil=True, cache=True)
def draw_points(canvas, clip, x, y, colors, stamps, styles):
    """Stamp points in the order given.

    clip: left, top, right and bottom of the part of the canvas to draw in, in pixels.
    x, y: float64 (n,), pixels from the left and from the top; not finite: not drawn.
    colors: uint8 (n, 4).
    stamps: uint8 (n_styles, POSITIONS, POSITIONS, k, k), see `make_stamps`.
    styles: int32 (n,), which of the stamps a point has.
    """
    left, top, right, bottom = clip
    side = stamps.shape[3]
    reach = side // 2
    for i in range(len(x)):
        # Comparisons with what is not finite are false, and the cast below would be undefined.
        if not (left - side < x[i] < right + side and top - side < y[i] < bottom + side):
            continue
        column, row = int(np.floor(x[i])), int(np.floor(y[i]))
        down, across = int((y[i] - row) * POSITIONS), int((x[i] - column) * POSITIONS)
        stamp, alpha = stamps[styles[i], down, across], np.int32(colors[i, 3])
        column -= reach
        row -= reach
        for v in range(max(top - row, 0), min(bottom - row, side)):
            for u in range(max(left - column, 0), min(right - column, side)):
                cover = np.int32(stamp[v, u])
                if cover:
                    opacity = cover if alpha == 255 else _multiply(cover, alpha)
                    _blend(canvas[row + v, column + u], colors[i], opacity)


@numba.njit(nogil=True, cache=True)
def draw_tiles(canvas, clip, x, y, colors):
    """Fill rectangles in the order given.

    clip: as in `draw_points`.
    x, y: int32 (n, 2), left and right, top and bottom in pixels; right and bottom are outside.
    colors: uint8 (n, 4).
    """
    left, top, right, bottom = clip
    for i in range(len(x)):
        opacity = np.int32(colors[i, 3])
        if opacity:
            for row in range(max(y[i, 0], top), min(y[i, 1], bottom)):
                for column in range(max(x[i, 0], left), min(x[i, 1], right)):
                    _blend(canvas[row, column], colors[i], opacity)


@numba.njit(nogil=True, cache=True)
def lay_over(canvas, picture):
    """Lay a picture, uint8 (height, width, 4), on a canvas of its size."""
    for row in range(canvas.shape[0]):
        for column in range(canvas.shape[1]):
            opacity = np.int32(picture[row, column, 3])
            if opacity:
                _blend(canvas[row, column], picture[row, column], opacity)


# The weights of red, green and blue in luma.
RED, GREEN, BLUE = (np.float32(weight) for weight in (0.2126, 0.7152, 0.0722))
# From differences of 0 to 255 to what is stored: chroma has 224 levels, luma 219 from 16 onward.
RED_SCALE = np.float32(224 / 255 / (2 * (1 - RED)))
BLUE_SCALE = np.float32(224 / 255 / (2 * (1 - BLUE)))
LUMA_SCALE = np.float32(219 / 255)
THREE, FOUR = np.float32(3), np.float32(4)
# Zero as it is stored, and half a level, which makes cutting off the rest a rounding.
GREY, BLACK = np.float32(128.5), np.float32(16.5)


@numba.njit(nogil=True, cache=True)
def to_yuv(picture):
    """Return a picture in the colours of video: Y'CbCr of BT.709, 4:2:0, in TV range.

    picture: uint8 (height, width, 3) of even sizes.

    Chroma is the mean of four pixels. Luma is not that of the pixel, but the one with which red,
    green and blue come out best in spite of this: it keeps small bright points bright.

    Returns uint8 (height * 3 / 2, width): the planes Y, U and V one after the other, as ffmpeg's
    yuv420p. Source: Recommendation ITU-R BT.709-6, 2015.
    """
    height, width, _ = picture.shape
    planes = np.empty((height * 3 // 2, width), dtype=np.uint8)
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    for i in range(height // 2):
        top, low, top_luma, low_luma = (
            picture[2 * i], picture[2 * i + 1], planes[2 * i], planes[2 * i + 1]
        )  # fmt: skip
        for j in range(width // 2):
            k, m = 2 * j, 2 * j + 1
            red, green, blue = _sum(top, low, k, 0), _sum(top, low, k, 1), _sum(top, low, k, 2)
            if red == green == blue and (red == 0 or red == 4 * 255):
                # Black or white, as most of a picture is: no need to work it out.
                chroma[0, i, j], chroma[1, i, j] = 128, 128
                level = 16 if red == 0 else 235
                top_luma[k], top_luma[m], low_luma[k], low_luma[m] = level, level, level, level
                continue
            r, g, b = np.float32(red) / FOUR, np.float32(green) / FOUR, np.float32(blue) / FOUR
            luma = RED * r + GREEN * g + BLUE * b
            r, g, b = r - luma, g - luma, b - luma
            chroma[0, i, j] = np.uint8(GREY + b * BLUE_SCALE)
            chroma[1, i, j] = np.uint8(GREY + r * RED_SCALE)
            top_luma[k], top_luma[m] = _fit_luma(top[k], r, g, b), _fit_luma(top[m], r, g, b)
            low_luma[k], low_luma[m] = _fit_luma(low[k], r, g, b), _fit_luma(low[m], r, g, b)
    return planes


@numba.njit(nogil=True, cache=True, inline="always")
def _sum(top, low, k, channel):
    """Return the sum of a channel over four pixels."""
    above = np.int32(top[k, channel]) + top[k + 1, channel]
    return above + low[k, channel] + low[k + 1, channel]


@numba.njit(nogil=True, cache=True, inline="always")
def _fit_luma(pixel, r, g, b):
    """Return the stored luma that gives a pixel back with the least squared error.

    r, g, b: how far its chroma will take these channels from luma.
    """
    red, green, blue = np.float32(pixel[0]) - r, np.float32(pixel[1]) - g, np.float32(pixel[2]) - b
    luma = (red + green + blue) / THREE
    # A channel that is cut off where it belongs fits whatever the luma.
    is_red, is_green, is_blue = (
        not _is_cut(pixel[0], luma + r),
        not _is_cut(pixel[1], luma + g),
        not _is_cut(pixel[2], luma + b),
    )
    count = is_red + is_green + is_blue
    if 0 < count < 3:
        luma = (red * is_red + green * is_green + blue * is_blue) / np.float32(count)
    return np.uint8(BLACK + min(max(luma, np.float32(0)), np.float32(255)) * LUMA_SCALE)


@numba.njit(nogil=True, cache=True, inline="always")
def _is_cut(value, decoded):
    return (value == 0 and decoded < 0) or (value == 255 and decoded > 255)
