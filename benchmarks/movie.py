"""What the movie costs: ours, the plain plotnine loop, and the encoder alone.

    python benchmarks/movie.py [n_epochs] [rounds]

All run in turn in one warm process on the same data. Ours starts with no frames and writes their
PNGs, too. The plain loop draws both plots of a frame with plotnine, saves them, pastes them, saves
again and encodes; some of its frames are timed, and stand for all. The encoder alone is ffmpeg with
libx264's own preset and crf 22, which is given the frames from memory.
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

SAMPLE = 8  # frames of the plain loop that are timed


def encode(frames: list[np.ndarray], path: Path, *options: str) -> None:
    """Let ffmpeg encode frames from memory, with libx264's own preset unless options differ."""
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
    """Draw a frame as one would first write it: save both plots, paste, save again."""
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
    """Print a table of all rounds, and the median ratios in the last lines."""
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
        write_ours()  # compilation is not what we measure
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
