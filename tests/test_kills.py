"""Killed at any moment, a run loses nothing, and ends as if it had not been killed."""

import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.parametrize(
    ("n_kills", "what"), [(10, "script"), pytest.param(30, "notebooks", marks=pytest.mark.slow)]
)
def test_kills(n_kills, what):
    command = [sys.executable, str(ROOT / "benchmarks/kills.py"), str(n_kills), what]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    said = dict(line.split(": ") for line in done.stdout.splitlines())
    assert said.pop("kills") == str(n_kills)
    assert float(said.pop("seconds of an undisturbed run")) > 0.2
    assert said == {
        "kills after which a result was lost or half-written": "0",
        "kills after which the next run ended with other files": "0",
    }
