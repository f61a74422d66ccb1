"""Runs and their stores when something fails: old files survive, one sentence says why."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import random_walk as walk
from conftest import split_tiers
from faults import FULL, fill_disk, run_powerless, run_read_only

from animated.methods import mds
from animated.runs.run import run
from animated.runs.store import read_metadata, scan
from animated.runs.writer import EpochWriter
from animated.storage.tables import load_table, write_table

BEFORE = """
    import numpy as np
    import polars as pl
    from animated.runs import checkpoints
    from animated.methods import mds
    from animated.runs.run import run
    from animated.storage.tables import write_table

    checkpoints.SHARE = float("inf")
    X = np.random.default_rng(0).normal(size=(400, 5)).astype("f4")
    table = pl.from_numpy(np.random.default_rng(0).integers(0, 255, (400, 50)))
    run(mds, X, "run.parquet", n_epochs=3, seed=0)
    write_table(table[:20], "table.parquet")
    """
ATTEMPTS = {
    "run": 'run(mds, X, "run.parquet", n_epochs=20, seed=1)',
    "table": 'write_table(table, "table.parquet")',
}


@pytest.mark.parametrize("how", split_tiers(FULL))
def test_full_disk(how, tmp_path):
    """The disk is full when the working file, the state or the store is written."""
    attempts = fill_disk(how, tmp_path, BEFORE, ATTEMPTS, [0, 5_000, 15_000, 60_000])
    failed = {name for name, _, error, _, _ in attempts if error}
    assert failed == set(ATTEMPTS)
    for name, room, error, changed, added in attempts:
        # Existing files are unchanged, and the epochs of a run so far are not deleted.
        assert [one for one in changed if one.endswith(".parquet")] == [] or error is None
        assert [one for one in added if not one.endswith((".arrow", ".npz"))] == [], room
        if error is not None:
            assert error.startswith("OSError: there is no room for '"), error
            assert error.endswith(": free space on its disk, then run it again"), error
            assert f"{name}.parquet'" in error or f"{name}.state.npz'" in error
    after = tmp_path / "after"
    X = np.random.default_rng(0).normal(size=(400, 5)).astype("f4")
    whole = run(mds, X, tmp_path / "whole.parquet", n_epochs=20, seed=1).path
    assert (after / "run.parquet").read_bytes() == whole.read_bytes()
    assert load_table(after / "table.parquet").shape == (400, 50)
    assert not list(after.glob(".*"))


UNWRITABLE = """
    import sys, time
    import numpy as np
    from animated.runs.writer import EpochWriter
    from animated.methods import mds
    from animated.runs.run import run
    from animated.storage.tables import write_table

    X = np.random.default_rng(0).normal(size=(4_000, 500)).astype("f4")
    attempts = (
        lambda: run(mds, X, sys.argv[1], n_epochs=5_000, seed=0),
        lambda: EpochWriter(sys.argv[1]),
    )
    for attempt in attempts:
        start = time.monotonic()
        try:
            attempt()
        except Exception as error:
            print(time.monotonic() - start < 1, type(error).__name__, error)
    """
SENTENCE = (
    "True PermissionError the folder of '{}' cannot be written to: "
    "change the permissions of {}, or choose another"
)


@pytest.mark.parametrize("way", ["permissions", "mount"])
def test_folder_that_cannot_be_written_to(tmp_path, way):
    folder = tmp_path / "locked"
    folder.mkdir()
    path = folder / "run.parquet"
    if way == "permissions":
        folder.chmod(0o555)
        done = run_powerless(UNWRITABLE, path)
    else:
        done = run_read_only(UNWRITABLE, [folder], path)
    assert done.stdout.splitlines() == [SENTENCE.format(path, folder)] * 2, done.stderr
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("nowhere/a.parquet", FileNotFoundError, "nowhere/a.parquet' does not exist: create "),
        ("file/a.parquet", FileNotFoundError, "file/a.parquet' does not exist: create "),
        ("a.csv", ValueError, "output_path must end in .parquet, got '.*a.csv'"),
        (
            "folder.parquet",
            IsADirectoryError,
            "folder.parquet' is a folder: remove it, or choose another name",
        ),
    ],
)
def test_paths_that_cannot_be_written_to(tmp_path, path, error, message):
    (tmp_path / "file").touch()
    (tmp_path / "folder.parquet").mkdir()
    X = np.zeros((10, 2), dtype=np.float32)
    for attempt in (
        lambda: EpochWriter(tmp_path / path),
        lambda: run(mds, X, tmp_path / path, n_epochs=1, seed=0),
    ):
        with pytest.raises(error, match=message):
            attempt()


NAMES = [
    "with spaces",
    "quotes ' \"",
    "new\nline",
    "100%d%%",
    "[a-z]*?",
    "{a},b",
    "数字 éñ🙂",
    "-leading",
    "a:b",
    "back\\slash",
    "$(touch x)`touch y`;#&|",
    "n" * 200,
]


@pytest.mark.parametrize("name", NAMES)
def test_names(tmp_path, name):
    """Names of files, of their folder, of the label and of the data."""
    folder = tmp_path / name
    folder.mkdir()
    path = folder / f"{name}.parquet"
    X = np.random.default_rng(0).normal(size=(10, 2)).astype("f4")
    labels = pl.Series(name, [name, "b"] * 5)

    def interrupt(epoch, _):
        if epoch == 2:
            raise KeyboardInterrupt

    options = {"n_epochs": 3, "seed": 0, "labels": labels, "data": name}
    with pytest.raises(KeyboardInterrupt):
        run(mds, X, path, on_epoch=interrupt, **options)
    run(mds, X, path, **options)
    assert read_metadata(path)["data"] == name
    assert scan(path).collect()[name].to_list() == [name, "b"] * 20
    write_table(pl.DataFrame({name: [1]}), path)
    assert load_table(path).columns == [name]
    assert sorted(one.name for one in folder.iterdir()) == sorted(
        [path.name, f"{name}.json", f"{name}.state.npz"]
    ) or (len(name) == 200)


def test_two_processes_at_once(tmp_path):
    """The second reports it in one sentence, within a second, and leaves the first alone."""
    code = f"""
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from random_walk import X, random_walk
        from animated.runs.run import run

        def wait(epoch, _):
            if epoch == 3 and sys.argv[1] == "first":
                print("begun", flush=True)
                sys.stdin.readline()

        start = time.monotonic()
        try:
            run(random_walk, X, "run.parquet", n_epochs=9, seed=0, on_epoch=wait)
        except RuntimeError as error:
            print(error, time.monotonic() - start < 1)
        """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": tmp_path}
    with subprocess.Popen([*command, "first"], **pipes) as first:
        assert first.stdout.readline() == "begun\n"
        working = (tmp_path / "run.arrow").read_bytes()
        second = subprocess.run([*command, "second"], cwd=tmp_path, capture_output=True, text=True)
        sentence = "'run.parquet' is being written by another run: wait until it ends, or stop it"
        assert second.stdout == f"{sentence} True\n", second.stderr
        assert (tmp_path / "run.arrow").read_bytes() == working
        first.communicate("\n")
        assert first.returncode == 0
    whole = tmp_path / "whole.parquet"
    run(walk.random_walk, walk.X, whole, n_epochs=9, seed=0)
    assert (tmp_path / "run.parquet").read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("now", [0, 1_000_000_000, 2**33])
def test_the_clock_does_not_matter(tmp_path, now, monkeypatch):
    """Nor do the times of files: an interrupted run resumes, a finished one is not repeated."""
    path, whole = tmp_path / "run.parquet", tmp_path / "whole.parquet"
    X = np.random.default_rng(0).normal(size=(50, 5)).astype("f4")
    run(mds, X, whole, n_epochs=6, seed=0)
    monkeypatch.setattr("animated.runs.checkpoints.SHARE", float("inf"))

    def interrupt(epoch, _):
        if epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(mds, X, path, n_epochs=6, seed=0, on_epoch=interrupt)
    monkeypatch.setattr("time.time", lambda: now)
    for file in tmp_path.iterdir():
        os.utime(file, (now, now))
    run(mds, X, path, n_epochs=6, seed=0)
    assert path.read_bytes() == whole.read_bytes()
