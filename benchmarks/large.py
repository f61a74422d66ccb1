"""What a million rows cost from end to end: the seconds and the memory of each step.

    python benchmarks/large.py [n_rows] [n_epochs] [folder]

prepare.ipynb and visualize.ipynb are run on a Parquet file of 50 features and a label. Memory is
the resident size of all processes of a notebook together, ffmpeg included, looked at ten times a
second; of each step the largest. A million rows take long, most of it for the spectral layout, so
this is no part of `make bench`. Results stay in `folder`, if it is named.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import psutil
import pyarrow.parquet as pq
from tools import ROOT

from animated.runs.journal import working_path
from animated.storage.paths import name_results

NAME = "large"
N_FEATURES = 50
N_CLASSES = 12
N_PARTS = 4
BLOCK = 50_000
PERIOD = 0.1
RESULTS = name_results(NAME)


class Sample(NamedTuple):
    """What a look at a running notebook has seen.

    time: in seconds since the epoch.
    memory: bytes, of the notebook and of all processes that it has started.
    kept: bytes, of the file that the layouts of a fit go to.
    """

    time: float
    memory: int
    kept: int


class Step(NamedTuple):
    """A cell that was run: its code, when it began and ended, and its largest memory in bytes."""

    code: str
    start: float
    end: float
    memory: int


def write_rows(path: Path, n_rows: int, seed: int = 0) -> None:
    """Write rows of 12 classes, each of 4 parts, of which no part is far from all the others.

    One row in twenty lies on the way from a part to another. So the graph of neighbours is in one
    piece, for which a spectral layout takes longest.
    """
    random = np.random.default_rng(seed)
    classes = random.normal(scale=0.6, size=(N_CLASSES, 1, N_FEATURES))
    parts = classes + random.normal(scale=0.36, size=(N_CLASSES, N_PARTS, N_FEATURES))
    parts = parts.reshape(-1, N_FEATURES)
    shapes = random.normal(size=(len(parts), N_FEATURES, N_FEATURES)) / np.sqrt(N_FEATURES)
    names = [f"class {number + 1:02}" for number in range(N_CLASSES)]
    writer = None
    for start in range(0, n_rows, BLOCK):
        size = min(BLOCK, n_rows - start)
        part, other = random.integers(len(parts), size=(2, size))
        way = random.uniform(size=size) * (random.uniform(size=size) < 0.05)
        rows = parts[part] + way[:, None] * (parts[other] - parts[part])
        for number in range(len(parts)):
            ours = part == number
            rows[ours] += random.normal(size=(ours.sum(), N_FEATURES)) @ shapes[number]
        table = pl.from_numpy(rows.astype(np.float32), [f"f{i + 1}" for i in range(N_FEATURES)])
        table = table.with_columns(kind=pl.Series(names)[part // N_PARTS]).to_arrow()
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def execute(folder: Path, notebook: str, **parameters: Any) -> tuple[list[Step], list[Sample]]:
    """Run a notebook in `folder`, and return what its cells took and what was seen meanwhile."""
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "--log-level", "ERROR"]
    command += ["--cwd", str(folder)]
    for name, value in parameters.items():
        command += ["-p", name, str(value)]
    variables = {"JUPYTER_PREFER_ENV_PATH": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    environment = os.environ | variables | {"TQDM_DISABLE": "1", "PYTHONPATH": str(ROOT)}
    executed = folder / notebook
    process = subprocess.Popen([*command, str(ROOT / notebook), str(executed)], env=environment)
    samples = watch(process, working_path(folder / RESULTS.epochs))
    if process.returncode != 0:
        raise RuntimeError(f"{notebook} failed: {executed} tells where")
    return read_steps(executed, samples), samples


def watch(process: subprocess.Popen, kept: Path | None = None) -> list[Sample]:
    """Look at a process until it ends."""
    samples, root = [], psutil.Process(process.pid)
    while process.poll() is None:
        samples.append(Sample(time.time(), measure_memory(root), measure_file(kept)))
        time.sleep(PERIOD)
    return samples


def measure_memory(root: psutil.Process) -> int:
    """Return the resident bytes of a process and of all that it has started."""
    memory = 0
    with suppress(psutil.NoSuchProcess):  # they may end while we look
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                memory += process.memory_info().rss
    return memory


def measure_file(path: Path | None) -> int:
    """Return the bytes of a file, 0 when it is not there."""
    with suppress(OSError):
        return path.stat().st_size if path else 0
    return 0


def read_steps(executed: Path, samples: list[Sample]) -> list[Step]:
    """Return the cells of an executed notebook."""
    steps = []
    for cell in json.loads(executed.read_text())["cells"]:
        if cell["cell_type"] == "code":
            times = [cell["metadata"]["papermill"][name] for name in ("start_time", "end_time")]
            start, end = (datetime.fromisoformat(one).timestamp() for one in times)
            steps.append(Step("".join(cell["source"]), start, end, find_peak(samples, start, end)))
    return steps


def find_peak(samples: list[Sample], start: float, end: float) -> int:
    """Return the largest memory between two times, and just before and after them."""
    return max(
        (one.memory for one in samples if start - PERIOD <= one.time <= end + PERIOD), default=0
    )


def find_step(steps: list[Step], code: str) -> Step:
    """Return the first cell that has some code."""
    return next(step for step in steps if code in step.code)


def cut_fit(fit: Step, samples: list[Sample]) -> tuple[Step, Step, Step]:
    """Return the parts of a fit: up to its first layout, its steps, and the writing of the file.

    Of one that is too short to be looked at, all is the first part.
    """
    growth = [b.time for a, b in pairwise(samples) if b.kept > a.kept and b.time > fit.start]
    cuts = [fit.start, *(growth[:1] or [fit.end]), *(growth[-1:] or [fit.end]), fit.end]
    parts = [Step(fit.code, *cut, find_peak(samples, *cut)) for cut in pairwise(cuts)]
    return tuple(parts)


def tell(name: str, step: Step, n: int = 1) -> None:
    """Print a figure: the seconds of a step, or of each of `n` in it, and its memory."""
    seconds = (step.end - step.start) / n
    print(f"{name}: {seconds:.{1 if seconds < 100 else 0}f} s, {step.memory / 1e9:.1f} GB")


def tell_cells(notebook: str, steps: list[Step]) -> None:
    """Print the cells that took a second or more."""
    rows = [
        (step.code.strip().split("\n")[0][:60], step.end - step.start, step.memory / 1e9)
        for step in steps
        if step.end - step.start >= 1
    ]
    print(pl.DataFrame(rows, schema=[notebook, "seconds", "GB"], orient="row"))


def tell_all(n_rows: int, n_epochs: int, folder: Path) -> None:
    """Run both notebooks, and print their cells and the figures."""
    for name in ("data", "frames", "movies", "images"):
        (folder / name).mkdir(exist_ok=True)
    write_rows(folder / f"{NAME}.parquet", n_rows)
    given = {"data": f"{NAME}.parquet", "label": "kind", "num_rows": 0, "num_epochs": n_epochs}
    prepare, samples = execute(folder, "prepare.ipynb", **given)
    visualize, _ = execute(folder, "visualize.ipynb", name=NAME)
    tell_cells("prepare.ipynb", prepare)
    tell_cells("visualize.ipynb", visualize)
    size = f"{n_rows:,} rows of {N_FEATURES} features"
    tell(f"reading {size}", find_step(prepare, "load_dataset("))
    tell(f"neighbours of {size}", find_step(prepare, "find_neighbors("))
    layout, epochs, writing = cut_fit(find_step(prepare, "results.epochs,"), samples)
    tell(f"graph and spectral layout of {size}", layout)
    tell(f"an epoch of {size}", epochs, n_epochs - 1)
    tell(f"the file of their {n_epochs} epochs", writing)
    tell(f"templates of {n_rows:,} points", find_step(visualize, "= Template("))
    movie = find_step(visualize, "write_movie(frames")
    frames = sorted(path.stat().st_mtime for path in (folder / "frames").glob("*.png"))
    drawing = movie._replace(start=frames[0], end=frames[-1])
    tell(f"a frame of {n_rows:,} points", drawing, n_epochs - 1)
    tell(f"the movie of {n_epochs} epochs", movie)
    for name, steps in (("prepare.ipynb", prepare), ("visualize.ipynb", visualize)):
        whole = Step("", steps[0].start, steps[-1].end, max(step.memory for step in steps))
        tell(f"all of {name} with {n_rows:,} rows", whole)


def main(n_rows: int = 1_000_000, n_epochs: int = 20, folder: str | None = None) -> None:
    """Run it all in a folder that is there, or in one that goes away."""
    if folder is not None:
        tell_all(n_rows, n_epochs, Path(folder).resolve())
        return
    with tempfile.TemporaryDirectory() as temporary:
        tell_all(n_rows, n_epochs, Path(temporary))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
