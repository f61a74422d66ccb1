"""Every epoch as a picture, drawn by plotnine on all cores.

A frame is pure: the same plots give the same bytes, so frames can be drawn in any order and a frame
that is already there need not be drawn again. Each PNG carries the fingerprint of its plots.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

import cloudpickle
import joblib
import pandas as pd
import polars as pl
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo
from plotnine import ggplot

from animated.files import replacing
from animated.progress import track
from util import combine_plots

PlotFrame = Callable[[int], list[ggplot]]

# What of a plot decides how it looks.
PARTS = (
    "data",
    "mapping",
    "layers",
    "scales",
    "coordinates",
    "facet",
    "guides",
    "labels",
    "theme",
)
# So does what draws it. Looked up once: it takes milliseconds, and every frame has a fingerprint.
VERSIONS = [version(library) for library in ("plotnine", "matplotlib", "pillow")]
# What does not: the variables around a plot, and what a theme has already worked out.
OTHERS = ("environment", "T")


def draw_frames(
    plot_frame: PlotFrame,
    epochs: Iterable[int],
    folder: str | Path = "frames",
    *,
    name: str = "combined",
    n_jobs: int = -1,
) -> list[Path]:
    """Draw the plots of every epoch, side by side, to `folder`/`name`-000000.png onward.

    plot_frame: returns the plots of an epoch, from left to right.
        It runs in other processes, so it should read what it needs of an epoch store by itself.
    epochs: which to draw; the number of an epoch is the number of its frame.
    n_jobs: processes, -1 for one a core.

    A frame that is there and shows the same plots is kept: an interrupted run goes on where it
    stopped. Returns the paths of the frames, in the order of `epochs`.
    Raises FileNotFoundError when there is no such folder, TypeError when `plot_frame` is no
    function, ValueError when there are no epochs, and whatever `plot_frame` raises.
    """
    epochs = list(epochs)
    folder = Path(folder)
    _check(plot_frame, epochs, folder)
    paths = [folder / f"{name}-{epoch:06}.png" for epoch in epochs]
    with tempfile.TemporaryDirectory() as shared:
        # A notebook's function takes its data along: write it once, not once a frame.
        function = Path(shared) / "plot_frame.pickle"
        function.write_bytes(cloudpickle.dumps(plot_frame))
        tasks = (
            joblib.delayed(_draw_frame)(function, epoch, path)
            for epoch, path in zip(epochs, paths, strict=True)
        )
        drawn = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")(tasks)
        for _ in track(drawn, "Drawing", len(epochs)):
            pass
    return paths


def fingerprint(plots: Iterable[ggplot]) -> str:
    """Return 64 hexadecimal digits that differ when plots would look different.

    They cover data, mappings, layers, scales, coordinates, facets, guides, labels and theme, and
    the versions of what draws; not the variables that an expression in a mapping looks up.
    """
    parts = [[_to_plain(getattr(plot, part)) for part in PARTS] for plot in plots]
    return hashlib.sha256(joblib.hash([parts, VERSIONS]).encode()).hexdigest()


def _check(plot_frame: PlotFrame, epochs: list[int], folder: Path) -> None:
    if not callable(plot_frame):
        raise TypeError(f"plot_frame must be a function, got {type(plot_frame).__name__}")
    if not epochs:
        raise ValueError("epochs must name at least one epoch, got none")
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {str(folder)!r} for the frames")


def _draw_frame(function: Path, epoch: int, path: Path) -> None:
    plots = _load(function)(epoch)
    mark = fingerprint(plots)
    if _read_mark(path) != mark:
        _save(combine_plots(plots), path, mark)


@lru_cache(maxsize=1)
def _load(function: Path) -> PlotFrame:
    return cloudpickle.loads(function.read_bytes())


def _read_mark(path: Path) -> str | None:
    try:
        with Image.open(path) as image:
            return image.info.get("fingerprint")
    except (FileNotFoundError, UnidentifiedImageError):
        return None


def _save(image: Image.Image, path: Path, mark: str) -> None:
    info = PngInfo()
    info.add_text("fingerprint", mark)
    with replacing(path) as temporary:
        image.save(temporary, pnginfo=info)


def _to_plain(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """Return `value` as something whose hash is the same in every process.

    inside: identities of the objects that hold `value`, as some of plotnine's hold each other.
    """
    if isinstance(value, pd.DataFrame | pl.DataFrame):
        # The order of columns says nothing: plotnine's annotate takes it from a set.
        return {str(name): value[name].to_numpy() for name in value.columns}
    if isinstance(value, dict):
        return {str(key): _to_plain(item, inside) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(item, inside) for item in value]
    if isinstance(value, FunctionType):
        code = value.__code__
        variables = [cell.cell_contents for cell in value.__closure__ or ()]
        return [code.co_code, code.co_names, repr(code.co_consts), _to_plain(variables, inside)]
    if id(value) in inside:
        return type(value).__name__
    if type(value).__module__.startswith("plotnine"):
        state = {key: item for key, item in vars(value).items() if key not in OTHERS}
        return [type(value).__name__, _to_plain(state, (*inside, id(value)))]
    return value
