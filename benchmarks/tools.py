"""What several benchmarks need."""

import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

ROOT = Path(__file__).parent.parent
# Notebooks import util, which no installation contains.
sys.path.append(str(ROOT))


def measure(function: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def run_notebook(path: str, /, **parameters: Any) -> dict[str, Any]:
    """Run all cells of a notebook here, without a kernel, and return the names that it defines.

    parameters: other values for variables of its cell that is tagged so.
    """
    names = {"display": str, "__name__": path}
    for cell in json.loads((ROOT / path).read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), path, "exec"), names)
            if cell["metadata"].get("tags") == ["parameters"]:
                unknown = sorted(set(parameters) - set(names))
                if unknown:
                    raise ValueError(f"{path} has no parameters {', '.join(unknown)}")
                names |= parameters
    return names


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
