"""From one plot to a film or to a small picture, in one call."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from PIL import Image
from plotnine import ggplot

from animated.plots.templates import Template
from animated.video.frames import Frames
from animated.video.movie import write_movie

Tables = pl.DataFrame | tuple[pl.DataFrame, ...]
# The longer side of a preview in pixels.
PREVIEW = 800


def make_film(
    read: Callable[[int], Tables],
    plot: Callable[..., ggplot],
    n_frames: int,
    output_path: str | Path,
    *,
    folder: str | Path | None = "frames",
    n_jobs: int = -1,
    crf: float = 30,
    max_bytes: int = 2_000_000,
) -> Path:
    """Film a plot whose data change from frame to frame.

        runs = SideBySide({"t-SNE": "tsne.parquet", "UMAP": "umap.parquet"}, 240)
        make_film(runs.read, lambda table: plot_panels(table, "digit", 2), 240, "movies/two.mp4")

    `plot(read(0))` is drawn once; every other frame fills it with its own tables.

    read: returns the table of a frame, from 0 to `n_frames` - 1; or a tuple of tables, that of the
        plot and then those of the layers that have data of their own.
    plot: makes a plot of such a table, or of as many tables.
    folder: where the frames go, named like the film; None keeps none.
    n_jobs, crf, max_bytes: see `Frames` and `write_movie`. A few thousand dots on black need less
        than the defaults of `write_movie`.

    Returns the path, and raises what `Frames` and `write_movie` raise.
    """
    template = Template(plot(*_as_tuple(read(0))))
    name = Path(output_path).stem
    frames = Frames(
        lambda frame: [template.fill(*_as_tuple(read(frame)))],
        range(n_frames),
        folder,
        name=name,
        n_jobs=n_jobs,
    )
    return write_movie(frames, output_path, crf=crf, max_bytes=max_bytes)


def preview(*plots: Any, colors: int = 96, orientation: str = "horizontal") -> Image.Image:
    """Return plots next to each other as a small picture of few colours, for a light notebook.

    plots: whatever `Frames` draws: plots, filled templates, images.
    colors: how many colours the picture has, from 2 to 256.
    """
    with warnings.catch_warnings(action="ignore"):  # that a plot is slow to draw for every frame
        pixels = Frames(lambda _: list(plots), [0], None, orientation=orientation)[0]
    picture = Image.fromarray(pixels)
    picture.thumbnail((PREVIEW, PREVIEW))
    return picture.quantize(colors, kmeans=1)


def _as_tuple(tables: Tables) -> tuple[pl.DataFrame, ...]:
    return tables if isinstance(tables, tuple) else (tables,)
