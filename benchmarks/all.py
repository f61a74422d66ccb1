"""Run all benchmarks, or those that are named, and write their figures to benchmarks/results.md.

    python benchmarks/all.py [NAME ...]

All take about twenty minutes, and two hours more those that are run only when they are named:
resume, fuzz, kills and large. Each prints a table and then its figures, a line each.
"""

import os
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.md"
SCRIPTS = (
    *("movie", "encoders", "fidelity", "scale", "prepare"),
    *("callback", "quality", "explorer", "imports"),
)
# These are run only when they are named.
LONG = ("resume", "fuzz", "kills", "large")
FIGURE = re.compile(r"^(?!shape)(?P<name>[^:│┌└╞]+): (?P<value>.+)$", re.MULTILINE)
ROW = re.compile(r"^\| .* \| \[(?P<script>\w+)\.py\]\(.*\) \|$", re.MULTILINE)


def run(script: str) -> list[str]:
    """Run a benchmark, show what it prints, and return its figures as rows of a table."""
    command = [sys.executable, str(FOLDER / f"{script}.py")]
    environment = os.environ | {"TQDM_DISABLE": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    print(f"{script}\n{done.stdout}", flush=True)
    return [
        f"| {figure['name']} | {figure['value']} | [{script}.py]({script}.py) |"
        for figure in FIGURE.finditer(done.stdout)
    ]


def read_rows() -> dict[str, list[str]]:
    """Return the rows of an earlier run, for each script."""
    rows = {script: [] for script in SCRIPTS + LONG}
    for row in ROW.finditer(RESULTS.read_text() if RESULTS.exists() else ""):
        rows[row["script"]].append(row[0])
    return rows


def write_rows(rows: dict[str, list[str]]) -> None:
    """Write the table of all figures."""
    python = ".".join(map(str, sys.version_info[:3]))
    table = ["| figure | value | script |", "| --- | --- | --- |", *chain(*rows.values())]
    note = f"Written by `make bench` on {os.cpu_count()} cores with Python {python}."
    RESULTS.write_text("\n\n".join(["# Figures", note, "\n".join(table)]) + "\n")


def main(*scripts: str) -> None:
    """Run benchmarks one by one, and keep the figures of those that have ended well."""
    for script in scripts or SCRIPTS:
        if script not in SCRIPTS + LONG:
            known = ", ".join(SCRIPTS + LONG)
            raise ValueError(f"a benchmark must be one of {known}, got {script!r}")
    for script in scripts or SCRIPTS:
        write_rows(read_rows() | {script: run(script)})


if __name__ == "__main__":
    main(*sys.argv[1:])
