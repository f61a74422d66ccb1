"""Time the movie: ours, a plain loop over plotnine, and the encoder alone.

    python benchmarks/movie.py [n_epochs] [rounds]

All three take turns in one warm process on the same data. Ours starts without frames, and its time
includes writing their PNGs. The plain loop draws both plots of a frame with plotnine, saves them,
pastes them, saves the result and encodes; a sample of its frames is timed and extrapolated. The
encoder alone is ffmpeg with libx264's default preset and crf 22, fed with frames from memory.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from PIL import Image
from tools import ROOT, load_notebook, measure

from animated.video.frames import Frames
from animated.video.movie import find_ffmpeg, write_movie

SAMPLE = 8  # the number of frames of the plain loop that are timed


def encode(frames: list[np.ndarray], path: Path, *options: str) -> None:
    """Encode frames from memory with ffmpeg and libx264's default preset unless options differ."""
    height, width, _ = frames[0].shape
    size = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-framerate", "30"]
    output = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "22", *options, str(path)]
    command = [find_ffmpeg(), "-y", "-loglevel", "error", *size, "-i", "pipe:", *output]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    with process.stdin as pipe:
        for frame in frames:
            pipe.write(frame)
    if process.wait() != 0:
        raise RuntimeError(f"ffmpeg ended with {process.returncode}")


def draw_plainly(plot_frame: Callable[[int], list[Any]], epoch: int, folder: Path) -> None:
    """Draw a frame in the most obvious way: save both plots, paste them, save the result."""
    images = []
    for side, filled in zip("lr", plot_frame(epoch), strict=True):
        path = folder / f"{side}-{epoch}.png"
        filled.to_ggplot().save(path, verbose=False)
        images.append(Image.open(path).convert("RGB"))
    frame = Image.new("RGB", (sum(image.width for image in images), images[0].height))
    frame.paste(images[0], (0, 0))
    frame.paste(images[1], (images[0].width, 0))
    frame.save(folder / f"plain-{epoch:06}.png")


def main(n_epochs: int = 200, rounds: int = 5) -> None:
    """Print a table of all rounds, and the median ratios below it."""
    plot_frame, epochs = load_notebook()["plot_frame"], range(n_epochs)
    frames = list(Frames(plot_frame, epochs, None))

    def write_ours() -> None:
        with tempfile.TemporaryDirectory() as empty:
            write_movie(Frames(plot_frame, epochs, empty), folder / "ours.mp4")

    def write_plainly() -> float:
        sample = epochs[:: max(n_epochs // SAMPLE, 1)]
        drawing = measure(lambda: [draw_plainly(plot_frame, epoch, folder) for epoch in sample])
        reading = measure(
            lambda: [np.asarray(Image.open(folder / f"plain-{e:06}.png")) for e in sample]
        )
        return (drawing + reading) / len(sample) * n_epochs

    rows = []
    with contextlib.chdir(ROOT), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_ours()  # compiles what numba has to compile
        for _ in range(rounds):
            alone = measure(lambda: encode(frames, folder / "alone.mp4"))
            rows.append((measure(write_ours), alone, write_plainly() + alone))
    table = pl.DataFrame(rows, schema=["ours", "encoder_alone", "plain_loop"], orient="row")
    print(table.with_columns(pl.all().round(2)))
    print(
        f"time of the movie / time of ffmpeg alone: {median(row[0] / row[1] for row in rows):.2f}"
    )
    ratio = median(row[2] / row[0] for row in rows)
    print(f"time of a plain plotnine loop / time of the movie: {ratio:.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
