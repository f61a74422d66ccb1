"""Travel from layout to layout: the same points, placed by one method after the other.

Layouts are turned and mirrored such that as little as possible moves between them, as their
orientation says nothing: what still moves does so because the methods differ.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from animated.geometry import align, check_embedding, fit
from animated.motion.timing import ease
from animated.validation import check_integer, to_enum, to_labels

COLUMNS = ("index", "x", "y")


class Title(NamedTuple):
    """The name of a stop, and how visible it is from 0 to 1."""

    text: str
    opacity: float


class Tour:
    """A way through layouts, which pauses at each and then travels on to the next.

    tour = Tour({"PCA": pca, "UMAP": umap}, digits["digit"])
    tour.read(45), tour.get_title(45)
    """

    def __init__(
        self,
        layouts: dict[str, np.ndarray],
        labels: Sequence | None = None,
        *,
        pause: int = 30,
        travel: int = 60,
    ):
        """Plan the way.

        layouts: arrays (n_samples, 2) by the titles of the stops, two or more. Each is aligned to
            the one before, see `align`, and fills the unit square, see `fit`.
        labels: (n_samples,), which become an Enum column of their own name, or `label`.
        pause: for how many frames the tour stays at each stop, 1 or more.
        travel: how many frames it shows between two stops, 0 or more.

        Raises ValueError when there are fewer than two layouts, when one is not like the first or
        not finite, when there are not as many labels as points or they have the name of another
        column, or for other numbers of frames.
        """
        check_integer("pause", pause, 1)
        check_integer("travel", travel, 0)
        self.pause, self.travel = pause, travel
        self.titles = list(layouts)
        self.stops = _line_up(_check_layouts(layouts))
        self.labels = [] if labels is None else [_check_labels(labels, len(self.stops[0]))]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.stops) * self.pause + (len(self.stops) - 1) * self.travel

    def read(self, frame: int) -> pl.DataFrame:
        """Return where the points are at a frame, from 0 to len(tour) - 1.

        Returns a table with `index` (u32), `x` and `y` (f64, in [0, 1]) and the labels.
        Raises ValueError for a frame that is none of the tour's.
        """
        stop, share = self._locate(frame)
        x, y = self.stops[stop].T
        if share > 0:
            shift = ease(share) * (self.stops[stop + 1] - self.stops[stop])
            x, y = x + shift[:, 0], y + shift[:, 1]
        columns = {"index": np.arange(len(x), dtype=np.uint32), "x": x, "y": y}
        return pl.DataFrame(columns).with_columns(self.labels)

    def get_title(self, frame: int) -> Title:
        """Return what to call a frame: the stop it leaves, then the one it comes to.

        A title is gone by the middle of the way, and there the next one begins to show.
        Raises ValueError for a frame that is none of the tour's.
        """
        stop, share = self._locate(frame)
        is_leaving = share < 0.5
        text = self.titles[stop if is_leaving else stop + 1]
        return Title(text, float(ease(abs(1 - 2 * share))))

    def _locate(self, frame: int) -> tuple[int, float]:
        """Return the last stop, and which share of the time to the next one has passed."""
        check_integer("frame", frame, 0, len(self) - 1)
        stop, passed = divmod(frame, self.pause + self.travel)
        # The first frame of the next pause is there: between the stops lie travel + 1 steps.
        return stop, max(passed - self.pause + 1, 0) / (self.travel + 1)


def _line_up(layouts: list[np.ndarray]) -> list[np.ndarray]:
    """Return layouts of which each is aligned to the one before, and all fill the unit square."""
    aligned = layouts[:1]
    for layout in layouts[1:]:
        aligned.append(align(layout, aligned[-1]))
    return [fit(layout) for layout in aligned]


def _check_layouts(layouts: dict[str, np.ndarray]) -> list[np.ndarray]:
    if len(layouts) < 2:
        raise ValueError(f"layouts must be two or more, got {len(layouts)}")
    n_samples = len(next(iter(layouts.values())))
    return [check_embedding(layout, n_samples, (2,), name) for name, layout in layouts.items()]


def _check_labels(labels: Sequence, n_samples: int) -> pl.Series:
    series = to_labels("labels", labels, n_samples)
    if series.name in COLUMNS:
        raise ValueError(f"labels must not be named like another column, got {series.name!r}")
    return to_enum(series.alias(series.name or "label"))
