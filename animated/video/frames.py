"""Every epoch as a picture: plots drawn once, and drawn again only where they move.

A frame is pure: the same plots give the same bytes, so frames can be drawn in any order, in any
process, and a frame that is already there need not be drawn again. Each PNG carries the
fingerprint of its plots and of the fonts of their texts.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
from plotnine import ggplot
from zlib_ng import zlib_ng

from animated.plots.fingerprints import hash_picture, join_hashes
from animated.plots.fonts import explaining_fonts, hash_fonts
from animated.plots.stages import Stage, find_stage
from animated.plots.templates import Filled, Template
from animated.progress import track
from animated.storage.atomic import check_folder, clear_partial, replacing
from animated.video.png import LEVEL, encode_png, read_fingerprint, read_frame
from util import ORIENTATIONS, combine_plots

PlotFrame = Callable[[int], list[Any]]

# Frames that a task draws in one go.
TASK = 2
# Frames of a round, of which two are in flight; more when there are more workers.
ROUND = 16


class Frames:
    """The frames of a movie, drawn while they are iterated over.

        frames = Frames(plot_frame, range(200), "frames")
        write_movie(frames, "movies/umap.mp4")

    Iterating yields uint8 arrays (height, width, 3) in the order of the epochs, and writes
    `folder`/`name`-000000.png onward on the way. A frame that is there and shows the same plots is
    read instead: an interrupted run goes on where it stopped.

    They are drawn by threads; inside `joblib.parallel_config` with another backend, such as "loky"
    or "dask", by whatever that names.
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
        """Prepare to draw.

        plot_frame: returns the plots of an epoch, from left to right or from top to bottom:
            filled templates, which are fastest, plotnine plots, or anything that
            `util.combine_plots` takes. It may run in other processes.
        epochs: which to draw; the number of an epoch is the number of its frame.
        folder: where the PNGs go, or None for none.
        name: what the names of the files begin with.
        n_jobs: how many to draw at once, -1 for one a core.

        Raises FileNotFoundError when there is no such folder, PermissionError when it cannot be
        written to, TypeError when `plot_frame` is no function, and ValueError when there are no
        epochs, the orientation is unknown, or the name holds a folder.
        """
        if not isinstance(epochs, Iterable):
            raise TypeError(f"epochs must be a list of numbers, got {type(epochs).__name__}")
        self.epochs = list(epochs)
        self.folder = None if folder is None else Path(folder)
        if not callable(plot_frame):
            raise TypeError(f"plot_frame must be a function, got {type(plot_frame).__name__}")
        if not self.epochs:
            raise ValueError("epochs must name at least one epoch, got none")
        for epoch in self.epochs:
            if not isinstance(epoch, int | np.integer) or epoch < 0:
                raise ValueError(f"epochs must be integers of at least 0, got {epoch!r}")
        if self.folder is not None and not self.folder.is_dir():
            raise FileNotFoundError(f"there is no folder {str(folder)!r} for the frames")
        if orientation not in ORIENTATIONS:
            raise ValueError(f"orientation must be 'horizontal' or 'vertical', got {orientation!r}")
        if Path(name).name != name:
            raise ValueError(f"name must be that of a file, without a folder, got {name!r}")
        self.recipe = _Recipe(plot_frame, orientation, self.folder is not None)
        self.name = name
        self.n_jobs = n_jobs
        self._done = False
        for path in self.paths:
            check_folder(path)

    @property
    def paths(self) -> list[Path]:
        """Where the frames are, or will be, in the order of the epochs."""
        if self.folder is None:
            return []
        return [self.folder / f"{self.name}-{epoch:06}.png" for epoch in self.epochs]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.epochs)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames in order, drawing those that are not there."""
        if self._done:
            yield from map(read_frame, self.paths)
            return
        if self.folder is not None:
            clear_partial(self.folder)
        paths = iter(self.paths)
        for pixels, png in self._draw():
            path = next(paths, None)
            if png is not None:
                with replacing(path, is_durable=False) as temporary:
                    temporary.write_bytes(png)
            yield read_frame(path) if pixels is None else pixels
        self._done = self.folder is not None

    def __getitem__(self, position: int) -> np.ndarray:
        """Return one frame, by its position and not by its epoch."""
        if self._done:
            return read_frame(self.paths[position])
        return self.recipe.draw_frame(self.epochs[position], None)[0]

    def save(self) -> list[Path]:
        """Draw the frames that are not there, and return the paths of all."""
        for _ in track(self, "Drawing"):
            pass
        return self.paths

    def _draw(self) -> Iterator[tuple[np.ndarray | None, bytes | None]]:
        """Yield for each frame its pixels and its PNG, or None for both when the PNG is there."""
        marks = map(read_fingerprint, self.paths) if self.folder else (None for _ in self.epochs)
        tasks = _chunk(zip(self.epochs, marks, strict=True), TASK)
        n_tasks = max(ROUND // TASK, joblib.effective_n_jobs(self.n_jobs))
        options = {"n_jobs": self.n_jobs, "prefer": "threads"}
        options |= {"return_as": "generator", "batch_size": 1}
        with joblib.Parallel(**options) as one, joblib.Parallel(**options) as other:
            rounds = []
            try:
                for round_, parallel in zip(_chunk(tasks, n_tasks), cycle([one, other])):
                    # One is drawn while the other is consumed, and no more: memory is constant.
                    rounds.append(parallel(joblib.delayed(self.recipe.draw)(t) for t in round_))
                    if len(rounds) > 1:
                        yield from chain.from_iterable(rounds[0])
                        del rounds[0]
                yield from chain.from_iterable(rounds[0])
            finally:
                with warnings.catch_warnings(action="ignore"):  # that tasks were not waited for
                    for drawn in rounds:
                        drawn.close()


class _Recipe:
    """How a frame is drawn, in this process or in another."""

    def __init__(self, plot_frame: PlotFrame, orientation: str, with_png: bool):
        self.ingredients = (plot_frame, orientation, with_png)

    @cached_property
    def pickled(self) -> bytes:
        # A notebook's function brings its data along: pack them once, not once a task.
        return zlib_ng.compress(cloudpickle.dumps(self.ingredients), LEVEL)

    def __reduce__(self) -> tuple:
        return _load, (self.pickled,)

    def draw(self, task: list[tuple[int, str | None]]) -> list[tuple]:
        """Draw the frames of some epochs, but for those whose mark has not changed."""
        return [self.draw_frame(*item) for item in task]

    def draw_frame(self, epoch: int, known: str | None) -> tuple[np.ndarray | None, bytes | None]:
        """Return the pixels and the PNG of a frame, or None for both when `known` is its mark."""
        plot_frame, orientation, with_png = self.ingredients
        with explaining_fonts():
            parts = [_to_part(figure) for figure in plot_frame(epoch)]
            fonts = [hash_fonts(part.template) for part in parts if isinstance(part, Filled)]
            mark = join_hashes([orientation, *(part.mark for part in parts), *fonts])
            if mark == known:
                return None, None
            pixels = _draw_parts(parts, orientation)
        return pixels, encode_png(pixels, mark) if with_png else None


@lru_cache(maxsize=2)
def _load(pickled: bytes) -> _Recipe:
    return _Recipe(*cloudpickle.loads(zlib_ng.decompress(pickled)))


class _Picture:
    """A figure that is not drawn by templates."""

    def __init__(self, figure: Any):
        self.image = combine_plots([figure])
        self.mark = hash_picture(np.asarray(self.image))


def _to_part(figure: Any) -> Filled | _Picture:
    if isinstance(figure, ggplot):
        return Template(figure).fill()
    return figure if isinstance(figure, Filled) else _Picture(figure)


def _draw_parts(parts: list[Filled | _Picture], orientation: str) -> np.ndarray:
    """Return the frame that `combine_plots` would make."""
    stages = [find_stage(part) if isinstance(part, Filled) else part for part in parts]
    canvas = _get_background(tuple(stages), orientation).copy()
    for part, stage, place in zip(parts, stages, _place(stages, canvas, orientation), strict=True):
        if isinstance(stage, Stage):
            stage.draw(canvas[place], part)
    return canvas


@lru_cache(maxsize=4)
def _get_background(stages: tuple[Stage | _Picture, ...], orientation: str) -> np.ndarray:
    return np.asarray(combine_plots([stage.image for stage in stages], orientation=orientation))


def _place(stages: list, canvas: np.ndarray, orientation: str) -> Iterator[tuple[slice, slice]]:
    """Yield which rows and columns of the canvas each picture takes, as `combine_plots` does."""
    along = 0 if orientation == "horizontal" else 1
    corner = [0, 0]
    for stage in stages:
        across = 1 - along
        size = stage.image.size
        corner[across] = (canvas.shape[along] - size[across]) // 2
        left, top = corner
        yield slice(top, top + size[1]), slice(left, left + size[0])
        corner[along] += size[along]


def _chunk(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk
