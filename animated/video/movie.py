"""Frames to a movie: an MP4 for players, a GIF for READMEs, a poster for both."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path

import ffmpeg
import numpy as np
from PIL import Image

from animated.plots.raster import to_yuv
from animated.progress import track
from animated.storage.atomic import check_folder, claiming, replacing
from animated.video.ffmpeg import find_ffmpeg, get_size, run_ffmpeg, to_url
from animated.video.frames import Frames
from animated.video.png import explaining_damage, read_frame

Picture = str | Path | np.ndarray

MEGABYTE = 1_000_000
# Chosen by `benchmarks/encoders.py` for movies of many small points, which are noise to an encoder:
# better than x264's own preset at the same size, in a third of its time.
H264 = {
    "vcodec": "libx264",
    "preset": "superfast",
    "tune": "psnr",
    "x264-params": "trellis=1:subme=2:bframes=0:8x8dct=0:chroma-qp-offset=-5",
    "pix_fmt": "yuv420p",
    "movflags": "+faststart",
    # The number of threads changes the bytes: the same everywhere, whatever the cores.
    "threads": 4,
    "fflags": "+bitexact",
}
# Of this many frames every one, every second, ... is kept until a GIF is small enough.
GIF_STRIDES = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30)
GIF_COLORS = 128


def write_movie(
    frames: Frames | Iterable[Picture],
    output_path: str | Path,
    *,
    fps: float = 30,
    hold: float = 2.0,
    crf: float = 26.4,
    max_bytes: int = 10 * MEGABYTE,
) -> Path:
    """Encode frames as H.264 that every browser plays, and hold the last one for `hold` seconds.

    frames: `animated.video.frames.Frames`, which are drawn while they are encoded, or pictures as paths
        or uint8 arrays (height, width, 3), all of one size; an odd width or height gets one more
        black pixel.
    fps: frames per second.
    crf: the quality that x264 keeps, from 0 (lossless) to 51. When the movie would be larger than
        `max_bytes`, the quality is lowered by as much as that needs.

    Returns the path. A movie that was there is replaced whole or not at all.
    Raises ValueError for no frames, different sizes, a damaged frame or a bad number,
    FileNotFoundError for a frame, a folder or an ffmpeg that does not exist, RuntimeError with
    ffmpeg's own words if it fails or while another run writes the same movie, and OSError when the
    disk is full or the path cannot be written to.
    """
    frames = _check_frames(frames, output_path, ".mp4")
    _check_range("fps", fps, 1, 240)
    _check_range("hold", hold, 0, 60)
    _check_range("crf", crf, 0, 51)
    with claiming(output_path), replacing(output_path) as temporary:
        for quality in np.arange(crf, 52, 2):
            make_stream = partial(_make_h264, temporary, fps=fps, hold=hold, crf=quality)
            _run(make_stream, frames, f"Making {Path(output_path).name}", _encode_yuv)
            if get_size(temporary) <= max_bytes:
                break
    return Path(output_path)


def write_gif(
    frames: Frames | Iterable[Picture],
    output_path: str | Path,
    *,
    width: int = 600,
    fps: float = 30,
    hold: float = 2.0,
    max_bytes: int = 5 * MEGABYTE,
) -> Path:
    """Encode frames as a GIF with a palette of its own, and hold the last one for `hold` seconds.

    It lasts as long as the movie of the same frames at `fps`, but shows only every second one, or
    third, and so on: as many as fit into `max_bytes`. The first and the last are always shown.

    Returns the path. Raises what `write_movie` raises.
    """
    frames = _check_frames(frames, output_path, ".gif")
    _check_range("width", width, 16, 4096)
    _check_range("fps", fps, 1, 240)
    _check_range("hold", hold, 0, 60)
    with claiming(output_path), replacing(output_path) as temporary:
        for stride in GIF_STRIDES:
            make_stream = partial(_make_gif, temporary, width=width, fps=fps / stride, hold=hold)
            _run(make_stream, _thin(frames, stride), f"Making {Path(output_path).name}")
            if get_size(temporary) <= max_bytes:
                break
    return Path(output_path)


def write_poster(frames: Frames | Iterable[Picture], output_path: str | Path) -> Path:
    """Save the last frame as the picture that stands for the movie before it plays.

    Returns the path. Raises what `write_movie` raises.
    """
    frames = _check_frames(frames, output_path, ".png")
    with replacing(output_path) as temporary:
        Image.fromarray(_read(frames[-1])).save(temporary, optimize=True)
    return Path(output_path)


def _open(
    size: tuple[int, int], fps: float, pix_fmt: str = "rgb24"
) -> ffmpeg.nodes.FilterableStream:
    # The rate belongs to the input: given only to the output, frames would be dropped or doubled.
    width, height = size
    return ffmpeg.input(
        "pipe:", format="rawvideo", pix_fmt=pix_fmt, s=f"{width}x{height}", framerate=fps
    )


def _make_h264(
    path: Path, size: tuple[int, int], *, fps: float, hold: float, crf: float
) -> ffmpeg.nodes.OutputStream:
    width, height = (side + side % 2 for side in size)
    return (
        _open((width, height), fps, "yuv420p")
        # Players take an untagged movie of this height for BT.709, which is what it is.
        .filter("setparams", range="tv", colorspace="bt709")
        .filter("setparams", color_primaries="bt709", color_trc="bt709")
        .filter("tpad", stop_mode="clone", stop_duration=hold)
        .output(to_url(path), **H264, crf=crf)
    )


def _encode_yuv(picture: np.ndarray) -> np.ndarray:
    """Return a picture as H.264 wants it, with one more black row or column where it is odd."""
    height, width, _ = picture.shape
    if height % 2 or width % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)))
    return to_yuv(np.ascontiguousarray(picture))


def _make_gif(
    path: Path, size: tuple[int, int], *, width: int, fps: float, hold: float
) -> ffmpeg.nodes.OutputStream:
    # The player is told how long the last frame stays, in hundredths of a second.
    return _paint(_open(size, fps), width).output(
        to_url(path), format="gif", final_delay=round(hold * 100)
    )


def _paint(stream: ffmpeg.nodes.FilterableStream, width: int) -> ffmpeg.nodes.FilterableStream:
    """Shrink the pictures, and give them the colours that suit them."""
    both = stream.filter("scale", width, -1, flags="area").filter_multi_output("split")
    palette = both[0].filter("palettegen", max_colors=GIF_COLORS, stats_mode="full")
    return ffmpeg.filter([both[1], palette], "paletteuse", dither="none", diff_mode="rectangle")


def _thin(frames: Frames | list[Picture], stride: int) -> Frames | list[Picture]:
    """Return every `stride`-th frame counted from the last one, and the first one."""
    kept = range(len(frames))[::-stride][::-1]
    return frames if stride == 1 else [frames[i] for i in sorted({0, *kept})]


def _run(
    make_stream: Callable[[tuple[int, int]], ffmpeg.nodes.OutputStream],
    frames: Frames | list[Picture],
    title: str,
    encode: Callable[[np.ndarray], np.ndarray] = np.ascontiguousarray,
) -> None:
    """Send frames to ffmpeg, as soon as they are there and as `encode` makes them."""
    # Closed at once, so that nothing is drawn any more when ffmpeg fails.
    with closing(track(frames, title, len(frames))) as shown:
        pictures = map(_read, shown)
        first = next(pictures)
        height, width, _ = first.shape
        stream = make_stream((width, height))
        run_ffmpeg(stream, map(encode, _check_sizes(chain([first], pictures))))


def _read(frame: Picture) -> np.ndarray:
    return frame if isinstance(frame, np.ndarray) else read_frame(frame)


def _check_frames(
    frames: Frames | Iterable[Picture], output_path: str | Path, suffix: str
) -> Frames | list[Picture]:
    """Return the frames, which can be iterated over again and again."""
    frames = frames if isinstance(frames, Frames) else list(frames)
    if not len(frames):
        raise ValueError("frames must name at least one picture, got none")
    if Path(output_path).suffix.lower() != suffix:
        raise ValueError(f"output_path must end in {suffix}, got {str(output_path)!r}")
    check_folder(output_path)
    if suffix != ".png":
        find_ffmpeg()
    if not isinstance(frames, Frames):
        shapes = [_measure(frame) for frame in frames]
        for position, shape in enumerate(shapes):
            _check_size(shape, shapes[0], position)
    return frames


def _check_sizes(pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield pictures as long as they have the size of the first."""
    first = None
    for position, picture in enumerate(pictures):
        first = first or picture.shape
        _check_size(picture.shape, first, position)
        yield picture


def _check_size(shape: tuple[int, ...], first: tuple[int, ...], position: int) -> None:
    if shape[:2] != first[:2]:
        sizes = [f"{width} x {height}" for height, width in (first[:2], shape[:2])]
        raise ValueError(f"frames must all be {sizes[0]} pixels, got {sizes[1]} at {position}")


def _measure(frame: Picture) -> tuple[int, int]:
    """Return the height and width of a picture."""
    if isinstance(frame, np.ndarray):
        return frame.shape[:2]
    if not Path(frame).is_file():
        raise FileNotFoundError(f"there is no frame {str(frame)!r}")
    with explaining_damage(frame), Image.open(frame) as image:
        return image.height, image.width


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least} to {most}, got {value!r}")
