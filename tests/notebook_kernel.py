"""Run notebooks one after the other in one kernel, which imports everything only once."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
from conftest import ROOT
from jupyter_client import KernelManager
from nbclient import NotebookClient
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

CHAPTERS = ("compare", "explore", "transform", "metrics", "parameters")


def copy_repository(folder: Path) -> Path:
    """Copy what a notebook finds in a clone; the package itself is installed."""
    for name in ("data", "frames", "movies", "images", "notebooks"):
        (folder / name).mkdir()
    paths = [*ROOT.glob("*.ipynb"), *ROOT.glob("notebooks/*.ipynb"), ROOT / "util.py"]
    for path in [*paths, ROOT / "data/digits.parquet"]:
        shutil.copy(path, folder / path.relative_to(ROOT))
    return folder


class Kernel:
    """A kernel for all notebooks of a copy of the repository."""

    def __init__(self, folder: Path):
        """Start the kernel with the Python of the tests."""
        self.folder = folder
        self.manager = KernelManager(kernel_name="python3")
        self.manager.kernel_spec.argv[0] = sys.executable
        self.manager.start_kernel(cwd=str(folder), env=dict(os.environ))

    def run(self, path: str, start: str = ".", setup: str = "", **parameters: Any) -> dict:
        """Run a notebook as it is, with other parameters, and return it with its outputs.

        path: of the notebook in the folder. start: the kernel's folder when it starts.
        setup: lines that run before the first cell.
        """
        notebook = load_notebook_node(str(self.folder / path))
        if parameters:
            known = "".join(next(c.source for c in notebook.cells if "parameters" in get_tags(c)))
            assert all(f"\n{name} =" in f"\n{known}" for name in parameters), parameters
            notebook = parameterize_notebook(notebook, parameters)
        begin = f"%reset -f\nimport os\nos.chdir({str(self.folder / start)!r})\n{setup}"
        notebook.cells.insert(0, nbformat.v4.new_code_cell(begin))
        client = NotebookClient(notebook, km=self.manager, timeout=600)
        client.execute(cleanup_kc=False, reset_kc=True)
        del notebook.cells[0]
        return notebook

    def stop(self) -> None:
        """End the kernel."""
        self.manager.shutdown_kernel(now=True)


def get_tags(cell: dict) -> list[str]:
    """Return the tags of a cell."""
    return cell["metadata"].get("tags", [])


def check_outputs(notebook: dict, folder: Path) -> None:
    """Assert that a run raised and warned nothing, and that nobody sees where it was."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", output
            assert str(folder) not in str(output), output
