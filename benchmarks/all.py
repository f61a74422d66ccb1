"""Run all benchmarks, and write their figures to benchmarks/results.md.

    python benchmarks/all.py

It takes about twenty minutes. Each benchmark prints a table and then its figures, a line each.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
SCRIPTS = ("movie", "encoders", "fidelity", "scale", "prepare", "callback")
FIGURE = re.compile(r"^(?P<name>[^:│┌└╞]+): (?P<value>.+)$", re.MULTILINE)


def run(script: str) -> str:
    """Run a benchmark and return what it prints, which is shown as well."""
    command = [sys.executable, str(FOLDER / f"{script}.py")]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"TQDM_DISABLE": "1"},
    )
    print(f"{script}\n{done.stdout}", flush=True)
    return done.stdout


def main() -> None:
    """Write the table only when all benchmarks have ended well."""
    rows = [
        f"| {figure['name']} | {figure['value']} | [{script}.py]({script}.py) |"
        for script in SCRIPTS
        for figure in FIGURE.finditer(run(script))
    ]
    python = ".".join(map(str, sys.version_info[:3]))
    text = [
        "# Figures",
        f"Written by `make bench` on {os.cpu_count()} cores with Python {python}.",
        "\n".join(["| figure | value | script |", "| --- | --- | --- |", *rows]),
    ]
    (FOLDER / "results.md").write_text("\n\n".join(text) + "\n")


if __name__ == "__main__":
    main()
