"""What several tests need: real digits, a small epoch store, and the notebook's own plots."""

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
from joblib.externals.loky import get_reusable_executor
from makefile import write_program
from tools import load_notebook

from animated.runs.writer import EpochWriter
from animated.storage.tables import write_table
from animated.validation import to_features

mpl.use("agg")

ROOT = Path(__file__).parent.parent
N_DIGITS = 600
N_EPOCHS = 4

# The pictures in images/ that visualize.ipynb makes, and their sizes.
PICTURES = {"intro": (400, 400), "combined": (1100, 800), "umap": (1100, 800)}

# ColorBrewer's ten-class Paired, from https://colorbrewer2.org.
PAIRED = [
    "#a6cee3",
    "#1f78b4",
    "#b2df8a",
    "#33a02c",
    "#fb9a99",
    "#e31a1c",
    "#fdbf6f",
    "#ff7f00",
    "#cab2d6",
    "#6a3d9a",
]
PALETTE = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in PAIRED])


def to_classes(pixels: np.ndarray) -> np.ndarray:
    """Return for each RGB pixel the digit whose colour is nearest."""
    distances = np.linalg.norm(np.asarray(pixels, float)[..., None, :] - PALETTE, axis=-1)
    return distances.argmin(axis=-1)


def crop_legend(frame: np.ndarray, digit: int) -> np.ndarray:
    """Return the part of a frame in which the legend shows `digit`."""
    row, column = divmod(digit, 2)
    top, left = row * 160, 800 + column * 150
    return frame[top : top + 160, left : left + 150]


def run_python(code: str, *args: object, cwd: Path | None = None) -> subprocess.CompletedProcess:
    """Run `code` in a Python of its own, which a test may kill."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def split_tiers(cases: Iterable[str]) -> list:
    """Return cases that take about as long, of which every second one is left to the slow tier."""
    return [
        pytest.param(case, marks=[pytest.mark.slow] * (position % 2))
        for position, case in enumerate(cases)
    ]


# Files that take longest start first, so that no process waits for another at the end.
LONGEST = (
    *("test_notebooks", "test_notebooks_extend", "test_films", "test_kills", "test_frames"),
    *("test_page_access", "test_page_epochs", "test_page_data", "test_video_faults"),
    *("test_umap_callback", "test_own_data", "test_styles", "test_layers", "test_umap_model"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first; the order within a file stays."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


@pytest.fixture(scope="session")
def digits() -> pl.DataFrame:
    return pl.read_parquet(ROOT / "data/digits.parquet", n_rows=2_000)


@pytest.fixture(scope="session")
def X(digits) -> np.ndarray:
    return to_features(digits, label="digit")


@pytest.fixture(scope="session")
def project(tmp_path_factory, digits) -> Path:
    """A folder laid out like the repository, with a short run on few digits.

    The layouts are made up: each digit stays at a place of its own, so that a test knows it.
    """
    folder = tmp_path_factory.mktemp("project")
    for name in ("data", "frames", "movies", "images"):
        (folder / name).mkdir()
    few = digits.head(N_DIGITS)
    write_table(few, folder / "data/digits.parquet")
    digit = few["digit"].to_physical().to_numpy()
    noise = np.random.default_rng(0).normal(scale=0.3, size=(N_DIGITS, 2))
    with EpochWriter(
        folder / "data/epochs.parquet", labels=few["digit"], method="UMAP", data="MNIST"
    ) as write:
        for epoch in range(N_EPOCHS):
            write(epoch, np.c_[digit % 5 * 10, digit // 5 * 10] + noise * (N_EPOCHS - epoch))
    return folder


@pytest.fixture(scope="session")
def notebook(project) -> dict:
    """The names that visualize.ipynb defines before it makes the movie."""
    return load_notebook(project)


@pytest.fixture
def in_project(project, tmp_path, monkeypatch) -> Path:
    """The working folder is a copy of the small project."""
    folder = tmp_path / "project"
    shutil.copytree(project, folder)
    monkeypatch.chdir(folder)
    # Workers that are there already stay in the folder in which they were started.
    get_reusable_executor().shutdown()
    return folder


@pytest.fixture
def make_folder(tmp_path):
    """A folder with the Makefile, our modules, and a Python that is there already."""
    bin_ = tmp_path / ".venv/bin"
    bin_.mkdir(parents=True)
    for name in ("Makefile", "animated"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("pyproject.toml", "constraints.txt", ".venv/installed"):
        (tmp_path / name).touch()
    write_program(bin_ / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    return tmp_path
