"""make takes any name as it is, and clean removes nothing of the user's."""

import json
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT
from makefile import make, write_program

from animated.storage.paths import name_data

# Names that a shell, make, a format or a parser could take for something else.
NAMES = [
    "my flowers.csv",
    'it\'s "mine".csv',
    "$(touch touched).csv",
    "$(shell touch touched).csv",
    "`touch touched`.csv",
    "a; touch touched; $HOME ${PATH} $$ $@ $.csv",
    "100 % #1, {x} {0} \\n & > touched.csv",
    "two\nlines\ttouch touched.csv",
    "花の表 ñandú Ωμέγα.csv",
    "-n",
]


@pytest.fixture
def tell(make_folder):
    """Return what papermill is asked by `make movie`: a list of words for each of its runs."""
    write_program(
        make_folder / ".venv/bin/papermill",
        f"#!{sys.executable}\n"
        "import json, sys\n"
        "with open('asked', 'a') as file:\n"
        "    print(json.dumps(sys.argv[1:]), file=file)\n",
    )

    def tell(*arguments, **environment):
        (make_folder / "asked").unlink(missing_ok=True)
        (make_folder / "movies").mkdir(exist_ok=True)
        for argument in ("DATA=umap.csv", *arguments):
            if argument.startswith("DATA="):
                name = name_data(argument[5:]) if argument != "DATA=umap.csv" else "umap"
                (make_folder / f"movies/{name}.mp4").write_bytes(b"x" * 3_000)
        tell.done = make(make_folder, "movie", *arguments, **environment)
        assert not (make_folder / "touched").exists()
        if not (make_folder / "asked").exists():
            return []
        return [json.loads(line) for line in (make_folder / "asked").read_text().splitlines()]

    return tell


def get_values(words: list[str], option: str) -> dict[str, str]:
    places = [i for i, word in enumerate(words) if word == option]
    return {words[i + 1]: words[i + 2] for i in places}


@pytest.mark.parametrize("name", NAMES)
def test_names_reach_the_notebooks_as_they_are(tell, name):
    prepare, visualize = tell(f"DATA={name}", f"LABEL={name}", "ROWS=100")
    assert get_values(prepare, "--parameters_raw") == {"data": name, "label": name}
    assert get_values(prepare, "--parameters") == {"num_rows": "100"}
    assert get_values(visualize, "--parameters_raw") == {"name": name_data(name)}
    assert tell.done.returncode == 0
    assert f"movies/{name_data(name)}.mp4 is ready: 3 kB" in tell.done.stdout


def test_only_what_the_command_line_says_counts(tell):
    others = {"DATA": "$(shell touch touched)", "LABEL": "x", "ROWS": "7"}
    prepare, _ = tell("DATA=penguins", **others)
    assert get_values(prepare, "--parameters_raw") == {"data": "penguins"}
    assert get_values(prepare, "--parameters") == {"num_rows": "0"}
    prepare, _ = tell("DATA=penguins", "LABEL=", **others)
    assert get_values(prepare, "--parameters_raw") == {"data": "penguins", "label": ""}
    runs = tell(**others)
    assert len(runs) == 2 and not any("--parameters" in word for run in runs for word in run)
    assert "movies/umap.mp4 is ready: 3 kB" in tell.done.stdout


@pytest.mark.parametrize("rows", ["ten", "-1", "1.5", "", "1 2", "1\n2", "$(shell touch touched)"])
def test_rows_are_a_whole_number(tell, rows):
    assert tell("DATA=penguins", f"ROWS={rows}") == []
    assert tell.done.returncode != 0
    assert f'ROWS must be a whole number, 0 for all rows, got "{rows}"' in tell.done.stderr


@pytest.mark.slow
def test_names_reach_a_kernel_as_they_are(make_folder):
    """The whole way, papermill and the notebooks' own kernel included."""
    write = "import json\nprint(json.dumps(VALUES), file=open('seen', 'a'))"
    values = {"prepare": ("data", "label", "num_rows"), "visualize": ("name", "max_megabytes")}
    for path, names in values.items():
        parameters = nbformat.v4.new_code_cell("\n".join(f"{name} = None" for name in names))
        parameters.metadata.tags = ["parameters"]
        cell = nbformat.v4.new_code_cell(write.replace("VALUES", f"[{', '.join(names)}]"))
        notebook = nbformat.v4.new_notebook(cells=[parameters, cell])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python"}
        notebook.metadata.language_info = {"name": "python"}
        nbformat.write(notebook, make_folder / f"{path}.ipynb")
    write_program(
        make_folder / ".venv/bin/papermill", f'#!/bin/sh\n"{sys.executable}" -m papermill "$@"\n'
    )
    name = "".join(NAMES)
    (make_folder / "movies").mkdir()
    (make_folder / f"movies/{name_data(name)}.mp4").touch()
    done = make(make_folder, "movie", f"DATA={name}", f"LABEL={name}", "ROWS=9")
    assert done.returncode == 0, done.stderr
    seen = [json.loads(line) for line in (make_folder / "seen").read_text().splitlines()]
    assert seen == [[name, name, 9], [name_data(name), 6]]
    assert not (make_folder / "touched").exists()


def test_clean_removes_interrupted_runs_and_nothing_else(tmp_path):
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files"], cwd=ROOT, capture_output=True, text=True
    )
    kept = {*listed.stdout.splitlines(), "data/mine.npz", "data/mine.arrow", "data/.mine"}
    kept |= {"data/my flowers-rows.parquet", "movies/my flowers.mp4", "my.lock"}
    removed = {
        *("data/cache/a.parquet", "frames/combined-000000.png", ".venv/installed"),
        *("data/epochs.arrow", "data/my flowers-epochs.arrow"),
        *("data/epochs.state.npz", "data/my flowers-epochs.start.npz"),
        *("data/.epochs.parquet.lock", "frames/.combined.lock", "images/.a b.gif.lock"),
        *("data/.epochs-12-3.partial.parquet", "frames/.combined-000001-12-3.partial.png"),
        *("movies/.my 'film-12-3.partial.mp4", "animated/__pycache__/frames.pyc"),
    }
    assert not kept & removed and "movies/umap.mp4" in kept
    for name in kept | removed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    done = make(tmp_path, "clean")
    assert done.returncode == 0, done.stderr
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == kept
