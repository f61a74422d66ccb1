"""An interrupted run resumes where it stopped, and ends as if nothing had happened.

`random_walk` stands for any method here; test_resume_methods.py has those of the package.
"""

import os
import shutil
import textwrap
from math import inf
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import run_python
from random_walk import N_EPOCHS, N_SAMPLES, X, interrupt_at, list_files, random_walk, run_in_parts

from animated.runs import checkpoints
from animated.runs.journal import read_journal, working_path
from animated.runs.run import run
from animated.runs.store import find_last_epoch, read_embedding, read_metadata
from animated.runs.sweep import sweep
from animated.runs.writer import VERSIONS, recover

OPTIONS = {"n_epochs": N_EPOCHS, "seed": 3}


@pytest.fixture(autouse=True, scope="module")
def save_always():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "SHARE", inf)
        yield


@pytest.fixture(scope="module")
def whole(save_always, tmp_path_factory):
    """The store of an undisturbed run, as bytes."""
    path = tmp_path_factory.mktemp("whole") / "whole.parquet"
    return run(random_walk, X, path, **OPTIONS).path.read_bytes()


@pytest.fixture(scope="module")
def interrupted(save_always, tmp_path_factory):
    """The folder of a run that was interrupted at epoch 5."""
    folder = tmp_path_factory.mktemp("interrupted")
    with pytest.raises(KeyboardInterrupt):
        run(random_walk, X, folder / "walk.parquet", on_epoch=interrupt_at(5), **OPTIONS)
    return folder


@pytest.fixture
def path(tmp_path):
    return tmp_path / "walk.parquet"


@pytest.fixture
def left(path, interrupted):
    """The path of a run that was interrupted at epoch 5."""
    shutil.copytree(interrupted, path.parent, dirs_exist_ok=True)
    return path


@pytest.mark.parametrize("stops", [[0], [1], [4], [N_EPOCHS], [2, 5, 5, 9]])
def test_a_resumed_run_is_the_undisturbed_one(path, whole, stops):
    run_in_parts(run, random_walk, X, path, stops, **OPTIONS)
    assert path.read_bytes() == whole


def test_nothing_remains_of_an_interruption(left, whole):
    folder = left.parent
    assert list_files(folder) == ["walk.arrow", "walk.start.npz", "walk.state.npz"]
    remains = {file.name: file.read_bytes() for file in folder.iterdir()}
    run(random_walk, X, left, **OPTIONS)
    assert list_files(folder) == ["walk.json", "walk.parquet"]
    # What a process leaves behind that is killed just after the store is written.
    for name, content in {".walk.parquet.lock": b"", **remains}.items():
        (folder / name).write_bytes(content)
    run(random_walk, X, left, **OPTIONS)
    assert list_files(folder) == ["walk.json", "walk.parquet"]
    assert left.read_bytes() == whole


def test_an_interruption_says_what_to_do(path):
    with pytest.raises(KeyboardInterrupt) as caught:
        run(random_walk, X, path, on_epoch=interrupt_at(5), **OPTIONS)
    assert caught.value.__notes__ == [
        f"6 epochs are saved in {working_path(path)}: run the same line again to resume, "
        f"or call animated.runs.writer.recover('{path}') to turn them into a Parquet file"
    ]


def test_a_killed_process(path, whole):
    np.save(path.with_name("X.npy"), X)
    code = f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import numpy as np
        from random_walk import random_walk
        from animated.runs import checkpoints
        from animated.runs.run import run

        checkpoints.SHARE = float("inf")

        def kill(epoch, embedding):
            if epoch == stop:
                os.kill(os.getpid(), signal.SIGKILL)

        # Python and its libraries are loaded once, and each run has a process of its own.
        for stop in (7, -1):
            process = os.fork()
            if process == 0:
                run(random_walk, np.load(sys.argv[1]), sys.argv[2], on_epoch=kill, **{OPTIONS})
                sys.stdout.flush()
                os._exit(0)
            print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
        """
    said = run_python(textwrap.dedent(code), path.with_name("X.npy"), path)
    expected = ["-9", f"{path}: resuming from epoch 7", "0"]
    assert said.stdout.splitlines() == expected, said.stderr
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": 4}, "seed is 4, was 3"),
        ({"rate": 9}, "rate is 9, was None"),
        ({"n_epochs": 11}, "n_epochs is 11, was 12"),
        ({"is_exact": False}, "exact is False, was True"),
        ({"data": "other"}, "data is 'other', was None"),
        ({"labels": pl.Series("digit", ["a"] * N_SAMPLES)}, "the data differ"),
        ({"title": "Walk"}, "method is 'Walk', was 'random_walk'"),
    ],
)
def test_another_run_starts_over_and_says_why(left, capsys, change, reason):
    run(random_walk, X, left, **OPTIONS | change)
    assert capsys.readouterr().out == f"{left}: starting over: {reason}\n"
    expected = run(random_walk, X, left.with_name("expected.parquet"), **OPTIONS | change).path
    assert left.read_bytes() == expected.read_bytes()


def test_other_data_versions_and_machines_start_over(left, capsys, monkeypatch):
    def interrupt(X=X):
        with pytest.raises(KeyboardInterrupt):
            run(random_walk, X, left, on_epoch=interrupt_at(5), **OPTIONS)
        return capsys.readouterr().out

    assert "starting over: the data differ" in interrupt(X + 1)
    monkeypatch.setitem(VERSIONS, "numpy", "0.0")
    assert "starting over: numpy is '0.0', was '" in interrupt(X + 1)
    monkeypatch.setattr("platform.machine", lambda: "abacus")
    assert "starting over: machine is '" in interrupt(X + 1)
    assert "resuming from epoch 5" in interrupt(X + 1)


def damage(file, how, where):
    content = bytearray(file.read_bytes())
    if how == "flipped":
        content[int(where * len(content))] ^= 4
        file.write_bytes(content)
    elif how == "cut":
        os.truncate(file, int(len(content) * where))
    else:
        file.unlink()


PLACES = [0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99]
DAMAGES = [("gone", 0)] + [(how, where) for how in ("flipped", "cut") for where in PLACES]


@pytest.mark.parametrize(("how", "where"), DAMAGES)
@pytest.mark.parametrize("name", ["walk.arrow", "walk.state.npz", "walk.start.npz"])
def test_damaged_files_of_an_interrupted_run(left, whole, name, how, where):
    """Whatever happens to them, the run ends as the undisturbed one."""
    damage(left.with_name(name), how, where)
    run(random_walk, X, left, **OPTIONS)
    assert left.read_bytes() == whole


def test_an_epoch_that_comes_out_differently(left, capsys, monkeypatch):
    """As on a machine that rounds differently: the run is entirely of the machine that ends it."""
    generator = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed: Rounded(generator(seed)))
    monkeypatch.setattr(checkpoints.Checkpoint, "restore", spoil(checkpoints.Checkpoint.restore))
    run(random_walk, X, left, **OPTIONS)
    said = capsys.readouterr().out
    assert "resuming from epoch 5" in said
    assert "starting over: epoch 5 differs from the one before the interruption" in said
    expected = run(random_walk, X, left.with_name("expected.parquet"), **OPTIONS).path
    assert left.read_bytes() == expected.read_bytes()


class Rounded:
    def __init__(self, generator):
        self.generator = generator

    def normal(self, **options):
        return self.generator.normal(**options) * (1 + 1e-6)


def spoil(restore):
    def restore_another(self, **arrays):
        restore(self, **arrays)
        arrays["Y"] += 1e-3

    return restore_another


def test_a_stopped_run_has_its_epochs_and_resumes(path, whole, capsys):
    run(random_walk, X, path, on_epoch=lambda epoch, _: epoch == 5, **OPTIONS)
    assert find_last_epoch(path) == 5
    undisturbed = path.with_name("whole.parquet")
    undisturbed.write_bytes(whole)
    atol = 1e-6 * read_metadata(undisturbed)["scale"]  # positions are float32 within the store
    np.testing.assert_allclose(read_embedding(path, 5), read_embedding(undisturbed, 5), atol=atol)
    run(random_walk, X, path, **OPTIONS)
    assert "resuming from epoch 5" in capsys.readouterr().out
    assert path.read_bytes() == whole


def test_a_run_that_is_stopped_between_two_stored_epochs(path, capsys):
    options = OPTIONS | {"every": 5}
    whole = run(random_walk, X, path.with_name("whole.parquet"), **options).path
    run(random_walk, X, path, on_epoch=lambda epoch, _: epoch == 7, **options)
    assert pl.read_parquet(path)["epoch"].unique().to_list() == [0, 5, 7]
    run(random_walk, X, path, **options)
    assert capsys.readouterr().out == f"{path}: resuming from epoch 7\n"
    assert pl.read_parquet(path)["epoch"].unique().to_list() == [0, 5, 10, 12]
    assert path.read_bytes() == whole.read_bytes()


def test_the_last_epoch_cannot_be_stopped_at(path, capsys):
    options = {"n_epochs": 4, "seed": 3, "on_epoch": lambda epoch, _: epoch == 4}
    run(random_walk, X, path, **options)
    assert list_files(path.parent) == ["walk.json", "walk.parquet"]
    run(random_walk, X, path, **options)
    assert capsys.readouterr().out == f"{path}: already finished, not repeated\n"


def test_a_finished_run_leaves_the_epochs_of_an_interrupted_one(path):
    run(random_walk, X, path, **OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        run(random_walk, X, path, on_epoch=interrupt_at(5), **OPTIONS | {"seed": 4})
    run(random_walk, X, path, **OPTIONS)
    assert recover(path) == 6


def test_without_a_seed_a_run_starts_over(path, capsys):
    run_in_parts(run, random_walk, X, path, [5], n_epochs=N_EPOCHS, seed=None)
    assert capsys.readouterr().out == ""
    assert find_last_epoch(path) == N_EPOCHS


def test_a_sweep_resumes_with_the_next_embedding(path):
    values, options = [0.1, 0.3, 0.5, 0.7], {"n_steps": 4, "seed": 3}
    whole = sweep(random_walk, X, path.with_name("whole.parquet"), "rate", values, **options).path
    fitted = []

    def fit(*args, **parameters):
        fitted.append(parameters["rate"])
        if fitted == values[:3]:
            raise KeyboardInterrupt
        return random_walk(*args, **parameters)

    fit.__name__ = "random_walk"
    with pytest.raises(KeyboardInterrupt):
        sweep(fit, X, path, "rate", values, **options)
    sweep(fit, X, path, "rate", values, **options)
    assert fitted == [0.1, 0.3, 0.5, 0.5, 0.7]
    assert path.read_bytes() == whole.read_bytes()


def test_two_runs_at_once(path, whole):
    """The second says so and leaves the first alone, which ends as if it were alone."""
    before = []

    def start_another(epoch, _):
        if epoch == 5:
            before.append(working_path(path).read_bytes())
            message = f"{path.name}' is being written by another run: wait until it ends"
            with pytest.raises(RuntimeError, match=message):
                run(random_walk, X, path, **OPTIONS | {"seed": 4})
            with pytest.raises(RuntimeError, match=message):
                recover(path)
            assert working_path(path).read_bytes() == before[0]

    run(random_walk, X, path, on_epoch=start_another, **OPTIONS)
    assert before and path.read_bytes() == whole


def test_saving_takes_little_of_a_run(path, monkeypatch):
    """A state is saved when enough time has passed, and not before."""
    monkeypatch.setattr(checkpoints, "SHARE", 0.02)
    now = [100.0]
    monkeypatch.setattr(checkpoints.time, "perf_counter", lambda: now[0])
    checkpoint = checkpoints.Checkpoint(path, {}, before_save=lambda: wait(0.5))

    def wait(seconds):
        now[0] += seconds

    saved = []
    for epoch in range(1, 100):
        wait(1)
        checkpoint.save(epoch, a=np.zeros(3))
        if checkpoints.Checkpoint(path, {}).epoch == epoch:
            saved.append(epoch)
    # The first save is expected to take 0.02 s; it takes 0.5 s, which is 2 % of 25 s.
    assert saved == [1, 26, 51, 76]


def test_epochs_after_a_damaged_one_are_lost_not_wrong(left):
    entries = list(read_journal(working_path(left)))
    content = bytearray(working_path(left).read_bytes())
    content[(entries[3].end + entries[4].end) // 2] ^= 1
    working_path(left).write_bytes(content)
    assert [entry.end for entry in read_journal(working_path(left))] == [
        entry.end for entry in entries[:4]
    ]
    assert recover(left) == 4
