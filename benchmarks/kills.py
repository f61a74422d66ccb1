"""Kill the notebooks at random moments, and run them again: is anything lost or different?

    python benchmarks/kills.py [N_KILLS]

Each time prepare.ipynb and visualize.ipynb run on a few small images, in a process that is killed
(SIGKILL) at a random moment, every second time in a folder that has the results of another seed.
Right after it, each result must be a whole one, the old or the new. Then both run again to the end,
which must leave the files that an undisturbed run leaves, byte for byte, and no others.
"""

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

from tools import measure, run_notebook

from animated.progress import track
from animated.runs import checkpoints

DATA = {"data": "digits-8x8", "num_rows": 150, "num_epochs": 8}
FOLDERS = ("data", "frames", "movies", "images")
# What a run needs to go on with, and how long it took, are no results.
NO_RESULTS = {".arrow", ".npz", ".json", ".txt"}


def main(n_kills: int = 200, seed: int = 0) -> None:
    """Print how many of `n_kills` lost a result, and how many made the next run end differently."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as parent:
        empty, old = Path(parent, "empty"), Path(parent, "old")
        make_folder(empty)
        run(empty, old, seed=0)
        cases = [(empty, Path(parent, "new")), (old, Path(parent, "renewed"))]
        seconds = [measure(lambda case=case: run(*case)) for case in cases]
        lost, different = [], []
        for number in track(range(n_kills), "Killing", unit="kill"):
            start, end = cases[number % 2]
            folder, moment = Path(parent, "killed"), rng.uniform(0, seconds[number % 2])
            run(start, folder, moment)
            results = [read_files(one, NO_RESULTS) for one in (start, folder, end)]
            lost += [] if is_whole(*results) else [moment]
            run(folder, folder)
            differing = read_files(folder).items() ^ read_files(end).items()
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


def run(start: Path, folder: Path, moment: float = inf, seed: int = 1) -> None:
    """Run both notebooks in a process that is killed after `moment` seconds.

    start: the folder of which `folder` is made a copy before.

    Raises RuntimeError when a process that is not killed ends with an error.
    """
    if start != folder:
        shutil.copytree(start, folder)
    process = os.fork()
    if process == 0:
        try:
            _run_here(folder, seed)
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


def _run_here(folder: Path, seed: int) -> None:
    os.chdir(folder)
    os.environ["TQDM_DISABLE"] = "1"
    nowhere = os.open("errors.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    checkpoints.SHARE = inf  # a state at every epoch, or such short runs would have none
    run_notebook("prepare.ipynb", seed=seed, **DATA)
    run_notebook("visualize.ipynb", name=DATA["data"])


def read_files(folder: Path, without: Container[str] = (".json", ".txt")) -> dict[str, str]:
    """Return the hash of every file by its name; hidden ones are no results either."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in without
        if without is not NO_RESULTS or not path.name.startswith(".")
    }


def is_whole(before: dict[str, str], now: dict[str, str], after: dict[str, str]) -> bool:
    """Return whether nothing is gone, and all that is there is as it was or as it will be."""
    known = all(now[name] in (before.get(name), after.get(name)) for name in now)
    return known and set(before) <= set(now)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
