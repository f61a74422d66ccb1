"""Every epoch as a picture: plots drawn once, and redrawn only where they move.

A frame is pure: the same plots give the same bytes. Frames can therefore be drawn in any order and
in any process, and a frame that exists is reused. To recognise it, each PNG carries the
fingerprint of its plots and of the fonts of their texts.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import chain, cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np

from animated.progress import track
from animated.storage.atomic import check_folder, clear_partial, replacing
from animated.video.combine import ORIENTATIONS
from animated.video.png import read_fingerprint, read_frame

if TYPE_CHECKING:
    from animated.video.drawing import Drawn, Recipe

PlotFrame = Callable[[int], list[Any]]

# The number of frames in a task of a worker.
TASK = 2
# The number of frames in a round, unless there are more workers. Two rounds are in flight.
ROUND = 16


class Frames:
    """The frames of a movie, drawn while they are iterated over.

        frames = Frames(plot_frame, range(200), "frames")
        write_movie(frames, "movies/umap.mp4")

    Iteration yields uint8 arrays (height, width, 3) in the order of the epochs, and writes
    `folder`/`name`-000000.png onward on the way. A frame that exists and shows the same plots is
    read instead of drawn, so an interrupted run resumes where it stopped.

    Threads draw the frames; inside `joblib.parallel_config` with another backend, such as "loky"
    or "dask", the workers of that backend do.
    """

    def __init__(
        self,
        plot_frame: PlotFrame,
        epochs: Iterable[int],
        folder: str | Path | None = "frames",
        *,
        name: str = "combined",
        orientation: str = "horizontal",
        n_jobs: int = -1,
    ):
        """Check everything, and draw nothing yet.

        plot_frame: returns the plots of an epoch, from left to right or from top to bottom:
            filled templates, which are fastest, plotnine plots, or anything else that
            `combine_plots` takes. It may run in other processes.
        epochs: the epochs to draw; the number of an epoch is the number of its frame.
        folder: the folder of the PNGs, or None to write none.
        name: the beginning of the file names.
        orientation: "horizontal" or "vertical".
        n_jobs: the number of frames to draw at once, -1 for one per core.

        Raises FileNotFoundError when the folder does not exist, PermissionError when it cannot be
        written to, TypeError when `plot_frame` is not a function, and ValueError when there are no
        epochs, the orientation is unknown, or the name contains a folder.
        """
        self.epochs = _check_epochs(epochs)
        self.folder = None if folder is None else Path(folder)
        self.plot_frame = plot_frame
        self.name = name
        self.orientation = orientation
        self.n_jobs = n_jobs
        self._is_done = False
        self._check()

    def _check(self) -> None:
        if not callable(self.plot_frame):
            raise TypeError(f"plot_frame must be a function, got {type(self.plot_frame).__name__}")
        if self.folder is not None and not self.folder.is_dir():
            raise FileNotFoundError(f"there is no folder {str(self.folder)!r} for the frames")
        if self.orientation not in ORIENTATIONS:
            raise ValueError(
                f"orientation must be 'horizontal' or 'vertical', got {self.orientation!r}"
            )
        if Path(self.name).name != self.name:
            raise ValueError(f"name must be a file name without a folder, got {self.name!r}")
        for path in self.paths:
            check_folder(path)

    @property
    def paths(self) -> list[Path]:
        """The paths of the frames in the order of the epochs, whether they exist yet or not."""
        if self.folder is None:
            return []
        return [self.folder / f"{self.name}-{epoch:06}.png" for epoch in self.epochs]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.epochs)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames in order, drawing those that do not exist."""
        if self._is_done:
            yield from map(read_frame, self.paths)
        elif self.folder is None:
            yield from (drawn.pixels for drawn in self._draw() if drawn is not None)
        else:
            clear_partial(self.folder)
            for drawn, path in zip(self._draw(), self.paths, strict=True):
                yield _store(drawn, path)
            self._is_done = True

    def __getitem__(self, position: int) -> np.ndarray:
        """Return one frame by its position, which is not its epoch."""
        if self._is_done:
            return read_frame(self.paths[position])
        return self._recipe.draw_frame(self.epochs[position])

    def save(self) -> list[Path]:
        """Draw the frames that do not exist, and return the paths of all."""
        for _ in track(self, "Drawing"):
            pass
        return self.paths

    @cached_property
    def _recipe(self) -> "Recipe":
        from animated.video.drawing import Recipe  # loads plotnine

        return Recipe(self.plot_frame, self.orientation, self.folder is not None)

    def _draw(self) -> Iterator["Drawn | None"]:
        """Yield the frames in order, None for one on disk, while workers draw the next ones."""
        known = map(read_fingerprint, self.paths) if self.folder else (None for _ in self.epochs)
        tasks = _chunk(zip(self.epochs, known, strict=True), TASK)
        n_tasks = max(ROUND // TASK, joblib.effective_n_jobs(self.n_jobs))
        draw_task = self._recipe.draw_task
        options = {"n_jobs": self.n_jobs, "prefer": "threads"}
        options |= {"return_as": "generator", "batch_size": 1}
        with joblib.Parallel(**options) as one, joblib.Parallel(**options) as other:
            rounds = []
            try:
                for round_, parallel in zip(_chunk(tasks, n_tasks), cycle([one, other])):
                    # One round is drawn while the other is consumed, so memory stays constant.
                    rounds.append(parallel(joblib.delayed(draw_task)(task) for task in round_))
                    if len(rounds) > 1:
                        yield from chain.from_iterable(rounds[0])
                        del rounds[0]
                yield from chain.from_iterable(rounds[0])
            finally:
                with warnings.catch_warnings(action="ignore"):  # about tasks not waited for
                    for drawn in rounds:
                        drawn.close()


def _store(drawn: "Drawn | None", path: Path) -> np.ndarray:
    """Write a frame unless it is on disk already, and return its pixels."""
    if drawn is None or drawn.png is None:
        return read_frame(path)
    with replacing(path, is_durable=False) as temporary:
        temporary.write_bytes(drawn.png)
    return drawn.pixels


def _check_epochs(epochs: Iterable[int]) -> list[int]:
    if not isinstance(epochs, Iterable):
        raise TypeError(f"epochs must be a list of numbers, got {type(epochs).__name__}")
    epochs = list(epochs)
    if not epochs:
        raise ValueError("epochs must name at least one epoch, got none")
    for epoch in epochs:
        if not isinstance(epoch, int | np.integer) or epoch < 0:
            raise ValueError(f"epochs must be integers of at least 0, got {epoch!r}")
    return epochs


def _chunk(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk
