"""Killed at any moment, the notebooks lose nothing, and end as if they had not been."""

import subprocess
import sys

from conftest import ROOT


def test_ten_kills():
    command = [sys.executable, str(ROOT / "benchmarks/kills.py"), "10"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    said = dict(line.split(": ") for line in done.stdout.splitlines())
    assert said.pop("kills") == "10"
    assert float(said.pop("seconds of an undisturbed run")) > 1
    assert said == {
        "kills after which a result was lost or half-written": "0",
        "kills after which the next run ended with other files": "0",
    }
