"""Travel from embedding to embedding of the same points, for example by different methods.

The orientation of an embedding is arbitrary, so embeddings are rotated and reflected such that
points move as little as possible between them. What still moves does so because methods differ.
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
    """A path through embeddings that pauses at each and then travels on to the next.

    tour = Tour({"PCA": pca, "UMAP": umap}, digits["digit"])
    tour.read(45), tour.get_title(45)
    """

    def __init__(
        self,
        embeddings: dict[str, np.ndarray],
        labels: Sequence | None = None,
        *,
        pause: int = 30,
        travel: int = 60,
    ):
        """Plan the path.

        embeddings: two or more arrays (n_samples, 2) by the titles of their stops. Each is aligned
            with the one before, see `align`, and fills the unit square, see `fit`.
        labels: (n_samples,), which become an Enum column with the name of the series, or `label`.
        pause: the number of frames at each stop, 1 or more.
        travel: the number of frames between two stops, 0 or more.

        Raises ValueError when there are fewer than two embeddings, when one is not finite or
        differs in shape from the first, when the numbers of labels and points differ, when the
        labels have the name of another column, or when a number of frames is out of range.
        """
        check_integer("pause", pause, 1)
        check_integer("travel", travel, 0)
        self.pause, self.travel = pause, travel
        self.titles = list(embeddings)
        self.stops = _line_up(_check_embeddings(embeddings))
        self.labels = [] if labels is None else [_check_labels(labels, len(self.stops[0]))]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.stops) * self.pause + (len(self.stops) - 1) * self.travel

    def read(self, frame: int) -> pl.DataFrame:
        """Return the positions of the points at a frame, from 0 to len(tour) - 1.

        Returns a table with `index` (u32), `x` and `y` (f64, in [0, 1]) and the labels.
        Raises ValueError when the tour has no such frame.
        """
        stop, share = self._locate(frame)
        x, y = self.stops[stop].T
        if share > 0:
            shift = ease(share) * (self.stops[stop + 1] - self.stops[stop])
            x, y = x + shift[:, 0], y + shift[:, 1]
        columns = {"index": np.arange(len(x), dtype=np.uint32), "x": x, "y": y}
        return pl.DataFrame(columns).with_columns(self.labels)

    def get_title(self, frame: int) -> Title:
        """Return the title of a frame: the stop it leaves, then the one it approaches.

        A title has faded out halfway between two stops, where the next one begins to fade in.
        Raises ValueError when the tour has no such frame.
        """
        stop, share = self._locate(frame)
        is_leaving = share < 0.5
        text = self.titles[stop if is_leaving else stop + 1]
        return Title(text, float(ease(abs(1 - 2 * share))))

    def _locate(self, frame: int) -> tuple[int, float]:
        """Return the last stop, and the share of the time to the next one that has passed."""
        check_integer("frame", frame, 0, len(self) - 1)
        stop, passed = divmod(frame, self.pause + self.travel)
        # The first frame of the next pause has arrived, so a journey has travel + 1 steps.
        return stop, max(passed - self.pause + 1, 0) / (self.travel + 1)


def _line_up(embeddings: list[np.ndarray]) -> list[np.ndarray]:
    """Return embeddings that fill the unit square, each aligned with the one before."""
    aligned = embeddings[:1]
    for embedding in embeddings[1:]:
        aligned.append(align(embedding, aligned[-1]))
    return [fit(embedding) for embedding in aligned]


def _check_embeddings(embeddings: dict[str, np.ndarray]) -> list[np.ndarray]:
    if len(embeddings) < 2:
        raise ValueError(f"embeddings must hold two or more, got {len(embeddings)}")
    n_samples = len(next(iter(embeddings.values())))
    return [check_embedding(one, n_samples, (2,), name) for name, one in embeddings.items()]


def _check_labels(labels: Sequence, n_samples: int) -> pl.Series:
    series = to_labels("labels", labels, n_samples)
    if series.name in COLUMNS:
        raise ValueError(f"labels must not have the name of another column, got {series.name!r}")
    return to_enum(series.alias(series.name or "label"))
