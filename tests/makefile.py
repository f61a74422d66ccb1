"""Run make, and write the programs that stand in for whatever takes long."""

import os
import subprocess
from pathlib import Path


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = ["make", "--no-print-directory", *arguments]
    environment = os.environ | environment
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
