"""Kill runs at random moments, and run them again: is anything lost or different?

    python benchmarks/kills.py [N_KILLS] [notebooks|script]

Each time prepare.ipynb and visualize.ipynb run on a few small images, in a process that is killed
(SIGKILL) at a random moment, every second time in a folder that has the results of another seed.
Right after it, each result must be complete, the old one or the new one. Then both run again to the
end, which must leave the files that an undisturbed run leaves, byte for byte, and no others.

"script" takes the same steps as the notebooks, but draws frames so small that they cost nothing.
"""

import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Container
from hashlib import sha256
from math import inf
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors
from tools import measure, run_notebook

from animated.methods import umap
from animated.neighbors.search import Neighbors
from animated.progress import track
from animated.runs import checkpoints
from animated.runs.run import run
from animated.runs.store import read_positions
from animated.storage.paths import name_results
from animated.storage.tables import write_table
from animated.video.frames import Frames
from animated.video.movie import write_gif, write_movie, write_poster

NAME = "digits-8x8"
N_ROWS, N_EPOCHS = 150, 8
FOLDERS = ("data", "frames", "movies", "images")
# What a run needs in order to resume, and how long it took, are not results.
NO_RESULTS = {".arrow", ".npz", ".json", ".txt"}
# Loaded once, before the processes that are killed are forked, each of which would load them again.
LIBRARIES = ("IPython.display", "animated.video.drawing", "umap")


def main(n_kills: int = 200, what: str = "notebooks", seed: int = 0) -> None:
    """Print how many of `n_kills` lost a result, and how many made the next run end differently."""
    for library in LIBRARIES:
        importlib.import_module(library)
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as parent:
        empty, old = Path(parent, "empty"), Path(parent, "old")
        make_folder(empty)
        start(what, empty, old, seed=0)
        cases = [(empty, Path(parent, "new")), (old, Path(parent, "renewed"))]
        seconds = [measure(lambda case=case: start(what, *case)) for case in cases]
        lost, different = [], []
        for number in track(range(n_kills), "Killing", unit="kill"):
            before, after = cases[number % 2]
            folder, moment = Path(parent, "killed"), rng.uniform(0, seconds[number % 2])
            start(what, before, folder, moment)
            results = [read_files(one, NO_RESULTS) for one in (before, folder, after)]
            lost += [] if is_complete(*results) else [moment]
            start(what, folder, folder)
            differing = read_files(folder).items() ^ read_files(after).items()
            names = sorted({name for name, _ in differing})
            different += [(moment, *names)] if names else []
            shutil.rmtree(folder)
    print(f"seconds of an undisturbed run: {seconds[0]:.1f}")
    print(f"kills: {n_kills}")
    print(f"kills after which a result was lost or half-written: {len(lost)}")
    print(f"kills after which the next run ended with other files: {len(different)}")
    if lost or different:
        sys.exit(f"lost {lost}, different {different}, killed after so many seconds")


def make_folder(folder: Path) -> None:
    """Make a folder like that of the repository, without any result."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)


def start(what: str, before: Path, folder: Path, moment: float = inf, seed: int = 1) -> None:
    """Run one of `RUNS` in `folder`, in a process that is killed after `moment` seconds.

    before: `folder` begins as a copy of this folder, unless it is the same.

    Raises RuntimeError when a process that is not killed ends with an error.
    """
    if before != folder:
        shutil.copytree(before, folder)
    process = os.fork()
    if process == 0:
        try:
            _run_here(what, folder, seed)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    end = time.monotonic() + moment
    while (ended := os.waitpid(process, os.WNOHANG)) == (0, 0):
        if time.monotonic() >= end:
            os.kill(process, signal.SIGKILL)
        time.sleep(0.001)
    if os.waitstatus_to_exitcode(ended[1]) > 0:
        raise RuntimeError((folder / "errors.txt").read_text())


def _run_here(what: str, folder: Path, seed: int) -> None:
    os.chdir(folder)
    os.environ["TQDM_DISABLE"] = "1"
    nowhere = os.open("errors.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    checkpoints.SHARE = inf  # a state at every epoch, or such short runs would have none
    RUNS[what](seed)


def run_notebooks(seed: int) -> None:
    """Run both notebooks on a few small images."""
    run_notebook("prepare.ipynb", seed=seed, data=NAME, num_rows=N_ROWS, num_epochs=N_EPOCHS)
    run_notebook("visualize.ipynb", name=NAME)


def run_script(seed: int) -> None:
    """Take the steps of the notebooks, with frames of 64 by 64 pixels."""
    results, X = name_results(NAME), _choose_digits(seed)
    write_table(pl.DataFrame(X), results.table)
    run(umap, X, results.epochs, n_epochs=8 * N_EPOCHS, seed=seed, neighbors=_find_neighbors(X))

    def draw(epoch: int) -> list[np.ndarray]:
        picture = np.full((64, 64), 255, dtype=np.uint8)
        columns, rows = (read_positions(results.epochs, 8 * epoch).T * 63).astype(int)
        picture[rows, columns] = 0
        return [picture]

    frames = Frames(draw, range(N_EPOCHS), "frames", name=results.frames, n_jobs=1)
    write_movie(frames, results.movie)
    write_gif(frames, results.gif)
    write_poster(frames, results.poster)


def _choose_digits(seed: int) -> np.ndarray:
    """Return features of other digits for each seed, with no time spent on reading them."""
    chosen = np.random.default_rng(seed).choice(1_797, N_ROWS, replace=False)
    return load_digits().data[chosen].astype(np.float32)


def _find_neighbors(X: np.ndarray, n_neighbors: int = 15) -> Neighbors:
    """Return exact neighbours by scikit-learn alone, which compiles nothing."""
    distances, indices = NearestNeighbors(n_neighbors=n_neighbors).fit(X).kneighbors(X)
    return Neighbors(indices.astype(np.int32), distances.astype(np.float32))


RUNS = {"notebooks": run_notebooks, "script": run_script}


def read_files(folder: Path, without: Container[str] = (".json", ".txt")) -> dict[str, str]:
    """Return the hash of every file by its name; hidden files are not results either."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in without
        if without is not NO_RESULTS or not path.name.startswith(".")
    }


def is_complete(before: dict[str, str], now: dict[str, str], after: dict[str, str]) -> bool:
    """Return whether no file is missing, and each is as it was before or as it is to become."""
    known = all(now[name] in (before.get(name), after.get(name)) for name in now)
    return known and set(before) <= set(now)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])
