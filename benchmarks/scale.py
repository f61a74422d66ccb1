"""Measure how the time of a frame grows with the number of points, and the memory of a movie.

    python benchmarks/scale.py [points ...]

A frame is a plot like that of the movie, 800 pixels wide, with ten clusters. Our time is the median
over several epochs, and plotnine's is measured once. Memory is the largest resident size of a
separate process that makes a movie of 50 epochs with the largest number of points.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from plotnine import (
    aes,
    coord_fixed,
    element_rect,
    geom_point,
    ggplot,
    labs,
    scale_color_brewer,
    scale_x_continuous,
    scale_y_continuous,
    theme,
    theme_void,
)
from tools import measure

from animated.plots.templates import Filled, Template
from animated.validation import to_enum
from animated.video.combine import combine_plots
from animated.video.frames import Frames
from animated.video.movie import write_movie

SIZES = (30_000, 100_000, 300_000, 1_000_000)
MOVIE_EPOCHS = 50
CHILD = "import scale, sys; scale.measure_memory(int(sys.argv[1]))"


class Clusters:
    """Ten clusters of points that move from epoch to epoch."""

    def __init__(self, n_points: int):
        """Draw the positions of the points at epoch 0."""
        rng = np.random.default_rng(0)
        label = rng.integers(10, size=n_points)
        centres = rng.uniform(0.15, 0.85, (10, 2))[label]
        self.places = (centres + rng.normal(scale=0.04, size=centres.shape)).astype(np.float32)
        self.labels = to_enum(pl.Series("digit", label.astype(str)))

    def make_epoch(self, epoch: int) -> pl.DataFrame:
        """Return one epoch as a table like that of an epoch store."""
        x, y = (self.places + np.float32(0.0001) * epoch).clip(0, 1).T
        return pl.DataFrame({"x": x, "y": y, "digit": self.labels}).with_columns(epoch=epoch)


def make_plot_frame(n_points: int) -> Callable[[int], list[Filled]]:
    """Return a function from an epoch to the plots of its frame."""
    clusters = Clusters(n_points)
    plot = (
        ggplot(clusters.make_epoch(0), aes("x", "y", color="digit"))
        + geom_point(size=0.04)
        + scale_color_brewer(type="qual", palette="Paired")
        + scale_x_continuous(limits=(0, 1))
        + scale_y_continuous(limits=(0, 1))
        + coord_fixed()
        + labs(title=f"{n_points} points")
        + theme_void()
        + theme(figure_size=(8, 8), dpi=100, plot_background=element_rect(fill="black"))
    )
    template = Template(plot)
    return lambda epoch: [template.fill(clusters.make_epoch(epoch))]


def measure_frame(n_points: int) -> tuple[float, float]:
    """Return the time of a frame in milliseconds, ours on one core and plotnine's."""
    plot_frame = make_plot_frame(n_points)
    times, start = [], time.perf_counter()
    for _ in Frames(plot_frame, range(12), None, n_jobs=1):
        times.append(time.perf_counter() - start)
        start = time.perf_counter()
    # The first frames include the time in which plotnine draws the plot once.
    ours = median(times[4:])
    return ours * 1000, measure(lambda: combine_plots(plot_frame(5))) * 1000


def measure_memory(n_points: int) -> None:
    """Make a movie, and print the largest resident size of this process in MB."""
    with tempfile.TemporaryDirectory() as folder:
        frames = Frames(make_plot_frame(n_points), range(MOVIE_EPOCHS), folder)
        write_movie(frames, Path(folder) / "movie.mp4")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


def main(*sizes: int) -> None:
    """Print a table of times, the growth of our time, and the memory."""
    rows = [(size, *measure_frame(size)) for size in sizes or SIZES]
    table = pl.DataFrame(rows, schema=["points", "ours_ms", "plotnine_ms"], orient="row")
    print(table.with_columns(pl.col(pl.Float64).round(1)))
    (few, first, _), (many, last, slow) = rows[0], rows[-1]
    memory = run_alone(many)
    print(f"peak memory of a movie of {MOVIE_EPOCHS} epochs of {many:,} points: {memory:.0f} MB")
    print(
        f"growth of that time / growth of the number of points: {last / first / (many / few):.2f}"
    )
    print(f"time of a frame of {many:,} points: {last:.0f} ms, by plotnine {slow:.0f} ms")


def run_alone(n_points: int) -> float:
    """Return the result of `measure_memory` in a separate process."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(n_points)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
