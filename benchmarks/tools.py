"""What several benchmarks need."""

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

ROOT = Path(__file__).parent.parent


def measure(function: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def load_notebook(folder: Path = ROOT) -> dict[str, Any]:
    """Return the names that visualize.ipynb defines before it makes the movie.

    folder: where its data are.
    """
    mpl.use("agg")
    cells = json.loads((ROOT / "visualize.ipynb").read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    last = next(i for i, source in enumerate(sources) if "Frames(plot_frame" in source)
    names = {"display": lambda _: None, "__name__": "visualize"}
    with contextlib.chdir(folder):
        for source in sources[:last]:
            exec(compile(source, "visualize.ipynb", "exec"), names)
    return names
