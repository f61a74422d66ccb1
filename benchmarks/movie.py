"""What the movie costs: ours, the plain plotnine loop, and the encoder alone.

    python benchmarks/movie.py [n_epochs]

All run in turn on the same data, in a warm process with an empty folder of frames. The plain loop
draws both plots of a frame with plotnine, saves, pastes and saves again, as one would first write
it; a sample of its frames is timed.
"""

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

ROOT = Path(__file__).parent.parent
SAMPLE = 10  # frames of the plain loop


def load_plots() -> dict[str, Any]:
    """Return the names that visualize.ipynb defines before it makes the movie."""
    mpl.use("agg")
    cells = json.loads((ROOT / "visualize.ipynb").read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    last = next(i for i, source in enumerate(sources) if "Frames(plot_frame" in source)
    names = {"display": lambda _: None, "__name__": "visualize"}
    with contextlib.chdir(ROOT):
        for source in sources[:last]:
            exec(compile(source, "visualize.ipynb", "exec"), names)
    return names


def measure(function: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
