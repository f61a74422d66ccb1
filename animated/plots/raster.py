"""Loops over pixels, compiled by numba: points, tiles and pictures on a canvas, and video colours.

A canvas is a uint8 array (height, width, 3) that is changed in place, a colour is straight RGBA
(uint8), and blending is the integer arithmetic of matplotlib's Agg renderer.

Importing numba takes about a second, so the functions that draw import this module when they are
first called.
"""

import numpy as np

from animated.storage.numba_cache import numba

# Agg mixes a color q of opacity o with a pixel p to (256 o q + 255 (256 - o) p) / (65280 + o),
# rounded down, and to q when o is 255: for each o the weights of q and of p, times 2 ** 40.
OPACITIES = np.arange(256, dtype=np.uint64)
INVERSES = 2**40 // (65280 + OPACITIES) + 1
ABOVE = np.where(OPACITIES == 255, 2**40, 256 * OPACITIES * INVERSES)
BELOW = np.where(OPACITIES == 255, 0, 255 * (256 - OPACITIES) * INVERSES)


@numba.njit(nogil=True, cache=True, inline="always")
def _multiply(a, b):
    """Return a * b / 255, rounded, as agg::rgba8::multiply."""
    t = a * b + 128
    return ((t >> 8) + t) >> 8


@numba.njit(nogil=True, cache=True, inline="always")
def _blend(pixel, color, opacity):
    """Blend `color` onto an opaque pixel exactly as Agg's fixed_blender_rgba_plain does."""
    above, below = ABOVE[np.uint8(opacity)], BELOW[np.uint8(opacity)]
    for channel in range(3):
        mixed = above * np.uint64(color[channel]) + below * np.uint64(pixel[channel])
        pixel[channel] = np.uint8(mixed >> np.uint64(40))


@numba.njit(nogil=True, cache=True)
def draw_points(canvas, clip, x, y, colors, stamps, styles):
    """Stamp points on a canvas in the order given.

    clip: left, top, right and bottom of the part of the canvas to draw in, in pixels.
    x, y: float64 (n,), pixels from the left and from the top; a point that is not finite is left
        out.
    colors: uint8 (n, 4).
    stamps: uint8 (n_styles, n_positions, n_positions, k, k), see `stamps.make_stamps`.
    styles: int32 (n,), the number of the stamp of each point.
    """
    left, top, right, bottom = clip
    n_positions, side = stamps.shape[1], stamps.shape[3]
    reach = side // 2
    for i in range(len(x)):
        # False for NaN and infinity too, whose casts to integers below would be undefined.
        if not (left - side < x[i] < right + side and top - side < y[i] < bottom + side):
            continue
        column, row = int(np.floor(x[i])), int(np.floor(y[i]))
        down, across = int((y[i] - row) * n_positions), int((x[i] - column) * n_positions)
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
    """Fill rectangles on a canvas in the order given.

    clip: as in `draw_points`.
    x, y: int32 (n, 2), left and right, top and bottom in pixels; right and bottom are exclusive.
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
    """Blend a picture, uint8 (height, width, 4), onto a canvas of the same size."""
    for row in range(canvas.shape[0]):
        for column in range(canvas.shape[1]):
            opacity = np.int32(picture[row, column, 3])
            if opacity:
                _blend(canvas[row, column], picture[row, column], opacity)


# The weights of red, green and blue in luma.
RED, GREEN, BLUE = (np.float32(weight) for weight in (0.2126, 0.7152, 0.0722))
# From differences of 0 to 255 to stored levels: chroma has 224 of them, luma 219 from 16 onward.
RED_SCALE = np.float32(224 / 255 / (2 * (1 - RED)))
BLUE_SCALE = np.float32(224 / 255 / (2 * (1 - BLUE)))
LUMA_SCALE = np.float32(219 / 255)
THREE, FOUR = np.float32(3), np.float32(4)
# The stored zero plus half a level, so that truncation rounds.
GREY, BLACK = np.float32(128.5), np.float32(16.5)


@numba.njit(nogil=True, cache=True)
def to_yuv(picture):
    """Return a picture in the colours of video: Y'CbCr of BT.709, 4:2:0, in TV range.

    picture: uint8 (height, width, 3), with an even height and width.

    Chroma is the mean of four pixels. Luma is chosen such that each decoded pixel comes as close
    to the picture as this shared chroma allows, which keeps small bright points bright.

    Returns uint8 (height * 3 / 2, width): the planes Y, U and V one after the other, the layout of
    ffmpeg's yuv420p.

    Source: Recommendation ITU-R BT.709-6, 2015.
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
                # Most of a picture is black or white, for which nothing needs to be computed.
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
    """Return the stored luma that reproduces a pixel with the least squared error.

    r, g, b: the differences that the decoder adds to luma to obtain red, green and blue.
    """
    red, green, blue = np.float32(pixel[0]) - r, np.float32(pixel[1]) - g, np.float32(pixel[2]) - b
    luma = (red + green + blue) / THREE
    # A channel that the decoder clips to the value it should have fits with any luma.
    is_red, is_green, is_blue = (
        not _is_clipped(pixel[0], luma + r),
        not _is_clipped(pixel[1], luma + g),
        not _is_clipped(pixel[2], luma + b),
    )
    count = is_red + is_green + is_blue
    if 0 < count < 3:
        luma = (red * is_red + green * is_green + blue * is_blue) / np.float32(count)
    return np.uint8(BLACK + min(max(luma, np.float32(0)), np.float32(255)) * LUMA_SCALE)


@numba.njit(nogil=True, cache=True, inline="always")
def _is_clipped(value, decoded):
    return (value == 0 and decoded < 0) or (value == 255 and decoded > 255)
