"""How frames are encoded: the settings of H.264 and GIF, and the streams that ffmpeg runs."""

from pathlib import Path

import ffmpeg
import numpy as np

from animated.video.ffmpeg import to_url

# Chosen with `benchmarks/encoders.py` for movies of many small points, which are noise to an
# encoder: a better picture than x264's default preset at the same size, in a third of its time.
H264 = {
    "vcodec": "libx264",
    "preset": "superfast",
    "tune": "psnr",
    "x264-params": "trellis=1:subme=2:bframes=0:8x8dct=0:chroma-qp-offset=-5",
    "pix_fmt": "yuv420p",
    "movflags": "+faststart",
    # The number of threads changes the bytes, so it must not depend on the number of cores.
    "threads": 4,
    "fflags": "+bitexact",
}
# The number of colours in the palette of a GIF.
GIF_COLORS = 128


def _open(
    size: tuple[int, int], fps: float, pix_fmt: str = "rgb24"
) -> ffmpeg.nodes.FilterableStream:
    # The rate must be that of the input: as an option of the output it drops or doubles frames.
    width, height = size
    return ffmpeg.input(
        "pipe:", format="rawvideo", pix_fmt=pix_fmt, s=f"{width}x{height}", framerate=fps
    )


def make_h264(
    path: Path, size: tuple[int, int], *, fps: float, hold: float, crf: float
) -> ffmpeg.nodes.OutputStream:
    """Return the stream of an MP4, which takes pictures in the form that `encode_yuv` returns.

    size: width and height of the pictures in pixels.
    """
    width, height = (side + side % 2 for side in size)
    return (
        _open((width, height), fps, "yuv420p")
        # Some players assume other colours for a movie that does not declare BT.709.
        .filter("setparams", range="tv", colorspace="bt709")
        .filter("setparams", color_primaries="bt709", color_trc="bt709")
        .filter("tpad", stop_mode="clone", stop_duration=hold)
        .output(to_url(path), **H264, crf=crf)
    )


def encode_yuv(picture: np.ndarray) -> np.ndarray:
    """Return a picture in the colours of video, padded with black to an even width and height."""
    from animated.plots.raster import to_yuv  # loads numba

    height, width, _ = picture.shape
    if height % 2 or width % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)))
    return to_yuv(np.ascontiguousarray(picture))


def make_gif(
    path: Path, size: tuple[int, int], *, width: int, fps: float, hold: float
) -> ffmpeg.nodes.OutputStream:
    """Return the stream of a GIF of this width, which takes pictures as RGB.

    size: width and height of the pictures in pixels.
    """
    # The file states how long the last frame stays, in hundredths of a second.
    return _paint(_open(size, fps), width).output(
        to_url(path), format="gif", final_delay=round(hold * 100)
    )


def _paint(stream: ffmpeg.nodes.FilterableStream, width: int) -> ffmpeg.nodes.FilterableStream:
    """Shrink the pictures, and reduce them to the palette that suits all of them best."""
    both = stream.filter("scale", width, -1, flags="area").filter_multi_output("split")
    palette = both[0].filter("palettegen", max_colors=GIF_COLORS, stats_mode="full")
    return ffmpeg.filter([both[1], palette], "paletteuse", dither="none", diff_mode="rectangle")
