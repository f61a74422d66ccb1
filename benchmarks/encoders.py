"""Compare settings of x264 for these movies by size, PSNR and processor time.

    python benchmarks/encoders.py [n_epochs]

The PSNR is that of the decoded frames against the originals, over all pixels of the movie; the time
is the sum over all cores. The first row is the baseline, libx264's default preset at crf 22. The
second row is ours, which must be no larger and no worse.
"""

import contextlib
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from movie import encode
from tools import ROOT, load_notebook

from animated.video import movie
from animated.video.frames import Frames
from animated.video.movie import find_ffmpeg, write_movie

BT709 = ["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709"]
BT709 += ["-color_primaries", "bt709", "-color_trc", "bt709"]
OTHERS = {
    "medium, crf 24": ["-crf", "24"],
    "veryfast, crf 22": ["-preset", "veryfast"],
    "veryfast, tune psnr, crf 26": ["-preset", "veryfast", "-tune", "psnr", "-crf", "26"],
    "superfast, tune psnr, crf 26": ["-preset", "superfast", "-tune", "psnr", "-crf", "26"],
    "tune animation, crf 22": ["-tune", "animation"],
    "slow, crf 22": ["-preset", "slow"],
}


def decode(path: Path, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return the frames of a movie, uint8 (height, width, 3)."""
    command = [find_ffmpeg(), "-loglevel", "error", "-i", str(path), "-f", "rawvideo"]
    raw = subprocess.run([*command, "-pix_fmt", "rgb24", "pipe:"], stdout=subprocess.PIPE).stdout
    return list(np.frombuffer(raw, np.uint8).reshape(-1, *shape))


def measure_psnr(path: Path, frames: list[np.ndarray]) -> float:
    """Return the PSNR of a movie in dB, without the frames that it holds at its end."""
    pairs = zip(decode(path, frames[0].shape), frames, strict=False)
    errors = [((a.astype(np.int16) - b).astype(np.int32) ** 2).mean() for a, b in pairs]
    return 10 * np.log10(255**2 / np.mean(errors))


def count_seconds() -> float:
    """Return the processor time in seconds of the child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(n_epochs: int = 200) -> None:
    """Print a table of all settings, and how ours compare with libx264's default preset."""
    with contextlib.chdir(ROOT), tempfile.TemporaryDirectory() as folder:
        frames = list(Frames(load_notebook()["plot_frame"], range(n_epochs), None))
        path, rows = Path(folder) / "movie.mp4", []
        tries = {
            "libx264's own, crf 22": lambda: encode(frames, path, *BT709),
            "ours": lambda: write_movie(frames, path, hold=0, max_bytes=2**40),
        } | {
            name: lambda options=options: encode(frames, path, *BT709, *options)
            for name, options in OTHERS.items()
        }
        for name, write in tries.items():
            start = count_seconds()
            write()
            seconds, size = count_seconds() - start, path.stat().st_size / movie.MEGABYTE
            rows.append((name, size, measure_psnr(path, frames), seconds))
    schema = ["settings", "megabytes", "psnr", "seconds"]
    print(pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col(pl.Float64).round(2)))
    own, ours = rows[:2]
    print(f"PSNR of the movie less that of libx264's own preset: {ours[2] - own[2]:+.2f} dB")
    print(f"processor time of encoding / that of libx264's own preset: {ours[3] / own[3]:.2f}")
    print(f"size of the movie / that of libx264's own preset: {ours[1] / own[1]:.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
