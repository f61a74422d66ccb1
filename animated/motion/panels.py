"""Several embeddings of the same points in one table, and several runs on one clock."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from animated.geometry import fit
from animated.motion.framing import View
from animated.motion.timing import by_movement


def as_table(embedding: np.ndarray, **columns: Any) -> pl.DataFrame:
    """Return an embedding (n_samples, 2) as columns `x` and `y` that fill the unit square.

        as_table(embedding, digit=labels)

    columns: more columns of the table, such as the labels, by their names.
    Raises ValueError when the embedding has another shape or is not finite.
    """
    x, y = fit(embedding).T
    return pl.DataFrame({"x": x, "y": y, **columns})


def join_panels(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return tables below each other, with their names in the column `panel`, an Enum.

    tables: by the titles of their panels, which keep this order; all have the same columns.
    """
    titles = pl.Enum(list(tables))
    return pl.concat(
        table.with_columns(panel=pl.lit(title, dtype=titles)) for title, table in tables.items()
    )


class SideBySide:
    """Several runs that are shown next to each other and start and end on the same frame.

        runs = SideBySide({"t-SNE": "tsne.parquet", "UMAP": "umap.parquet"}, n_frames=240)
        runs.read(120)

    Runs differ in their number of epochs and in when their points move. Each therefore has its own
    times, most of which go where its points move most, see `by_movement`.

    views: a `View` for each run, which keeps its embedding centred and at constant size.
    times: for each run the time of every frame, float64 (n_frames,).
    """

    def __init__(self, paths: Mapping[str, str | Path], n_frames: int, *, share: float = 0.7):
        """Measure all runs.

        paths: the epoch stores, by the titles of their panels.
        share: how much of the way from frame to frame is movement, see `by_movement`.
        Raises FileNotFoundError when there is no such store, and ValueError when there are fewer
        than two frames.
        """
        self.views = {title: View(path) for title, path in paths.items()}
        self.times = {
            title: by_movement(view.movements, n_frames, share)
            for title, view in self.views.items()
        }

    def read(self, frame: int) -> pl.DataFrame:
        """Return the points of all runs at a frame; the column `panel` has the titles.

        Raises IndexError when there is no such frame.
        """
        return join_panels(
            {title: view.read(self.times[title][frame]) for title, view in self.views.items()}
        )


def place_titles(titles: Mapping[str, tuple[str, float]], y: float = 1.06) -> pl.DataFrame:
    """Return a text for the upper left of each panel, for plots whose titles change.

    titles: a text and its opacity from 0 to 1, by panel.

    Returns a table with the columns `x`, `y`, `text`, `opacity` and `panel`.
    """
    panels: Sequence[str] = list(titles)
    texts, opacities = zip(*titles.values(), strict=True)
    columns = {"x": 0.0, "y": y, "text": texts, "opacity": opacities}
    return pl.DataFrame({**columns, "panel": pl.Series(panels, dtype=pl.Enum(panels))})
