"""Measure how long imports take, each in a process of its own.

    python benchmarks/imports.py

The alternative is to load everything at once, as a package does that imports its modules eagerly.
"""

import statistics
import subprocess
import sys

N_RUNS = 5
STATEMENTS = {
    "the package and its face": "import animated; animated.__all__, dir(animated)",
    "the camera": "import animated.motion.camera",
    "runs": "import animated.runs.run",
    "readers": "import animated.datasets.readers",
    "the movie": "import animated.video.movie",
    "the page": "import animated.explorer.export",
    "everything": "from animated import *",
}
TIMER = """
import time
start = time.perf_counter()
{}
print(time.perf_counter() - start)
"""


def time_import(statement: str) -> float:
    """Return the median seconds that a statement takes in a new process."""
    command = [sys.executable, "-c", TIMER.format(statement)]
    runs = [subprocess.run(command, capture_output=True, check=True) for _ in range(N_RUNS)]
    return statistics.median(float(done.stdout) for done in runs)


def main() -> None:
    """Print how long each import takes, and its share of importing everything."""
    seconds = {name: time_import(statement) for name, statement in STATEMENTS.items()}
    for name, taken in seconds.items():
        share = taken / seconds["everything"]
        print(f"seconds to import {name} / to import everything: {taken:.3f}, {share:.3f}")


if __name__ == "__main__":
    main()
