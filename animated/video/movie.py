"""Make movies of frames: an MP4 for players, a GIF for READMEs, and a poster for both."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import ffmpeg
import numpy as np
from PIL import Image

from animated.progress import track
from animated.storage.atomic import check_folder, claiming, replacing
from animated.video.encoding import encode_yuv, make_gif, make_h264
from animated.video.ffmpeg import find_ffmpeg, get_size, run_ffmpeg
from animated.video.frames import Frames
from animated.video.png import explaining_damage, read_frame

Picture: TypeAlias = str | Path | np.ndarray

MEGABYTE = 1_000_000
# A GIF shows every frame, or every second one, and so on, until it is small enough.
GIF_STRIDES = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30)


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

        write_movie(Frames(plot_frame, range(200)), "movies/umap.mp4")

    frames: `animated.video.frames.Frames`, which are drawn while they are encoded, or pictures as
        paths or uint8 arrays (height, width, 3), all of the same size. An odd width or height is
        padded with one black pixel.
    output_path: ends in .mp4. A movie that exists is replaced atomically.
    fps: frames per second, from 1 to 240.
    hold: seconds, from 0 to 60.
    crf: the constant rate factor of x264, from 0 (lossless) to 51. It is raised in steps of 2
        while the movie is larger than `max_bytes`.

    Returns the path.
    Raises ValueError when there are no frames, their sizes differ, one of them is damaged or a
    number is out of range; FileNotFoundError when a frame, the folder or ffmpeg does not exist;
    RuntimeError when ffmpeg fails, with its own message, or while another run writes the same
    movie; and OSError when the disk is full or the path cannot be written to.
    """
    frames = _check_frames(frames, output_path, ".mp4")
    _check_range("fps", fps, 1, 240)
    _check_range("hold", hold, 0, 60)
    _check_range("crf", crf, 0, 51)
    with claiming(output_path), replacing(output_path) as temporary:
        for quality in np.arange(crf, 52, 2):
            make_stream = partial(make_h264, temporary, fps=fps, hold=hold, crf=quality)
            _run(make_stream, frames, f"Making {Path(output_path).name}", encode_yuv)
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

    The GIF lasts as long as the movie of the same frames at `fps`. While it is larger than
    `max_bytes` it shows only every second frame, then every third, and so on, but always the first
    and the last one.

    output_path: ends in .gif.
    width: in pixels, from 16 to 4096; the height follows from the shape of the frames.

    Returns the path, and raises what `write_movie` raises.
    """
    frames = _check_frames(frames, output_path, ".gif")
    _check_range("width", width, 16, 4096)
    _check_range("fps", fps, 1, 240)
    _check_range("hold", hold, 0, 60)
    with claiming(output_path), replacing(output_path) as temporary:
        for stride in GIF_STRIDES:
            make_stream = partial(make_gif, temporary, width=width, fps=fps / stride, hold=hold)
            _run(make_stream, _thin(frames, stride), f"Making {Path(output_path).name}")
            if get_size(temporary) <= max_bytes:
                break
    return Path(output_path)


def write_poster(frames: Frames | Iterable[Picture], output_path: str | Path) -> Path:
    """Save the last frame as the picture that a page shows before the movie plays.

    output_path: ends in .png.

    Returns the path, and raises what `write_movie` raises.
    """
    frames = _check_frames(frames, output_path, ".png")
    with replacing(output_path) as temporary:
        Image.fromarray(_read(frames[-1])).save(temporary, optimize=True)
    return Path(output_path)


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
    """Send each frame to ffmpeg as soon as it is drawn, in the form that `encode` gives it."""
    shown: Any = track(frames, title, len(frames))
    # Closing the iterator stops the drawing at once when ffmpeg fails.
    with closing(shown):
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
    """Return the frames as something that can be iterated over repeatedly."""
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
    """Yield pictures, and raise ValueError at the first one of another size."""
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
