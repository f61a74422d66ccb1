"""Find the repository from wherever a notebook is started."""

import os
from pathlib import Path

# A folder that has all of these is the root of a clone, or of a copy of one.
SIGNS = ("util.py", "data", "movies")


def enter_repository() -> None:
    """Make the repository's root the current folder, and `data/cache` in it a folder.

    JupyterLab and VS Code start a notebook in the notebook's folder, papermill and make start it
    in their own. After this call, `data`, `movies` and `util` are found in either case.

    Raises FileNotFoundError when neither the current folder nor one above it is the repository.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if all((folder / sign).exists() for sign in SIGNS):
            os.chdir(folder)
            Path("data/cache").mkdir(exist_ok=True)
            return
    raise FileNotFoundError(
        f"a notebook must run inside the repository, got the folder {str(here)!r}: start Jupyter "
        "there, or give papermill its path with --cwd"
    )
