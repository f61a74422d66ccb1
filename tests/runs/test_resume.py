"""An interrupted run goes on where it stopped, and ends as if nothing had happened."""

import os
import re
from math import inf

import numpy as np
import polars as pl
import pytest
from conftest import run_python

from animated.methods import graph, mds, pacmap, pca, sammon, tsne, umap
from animated.runs import checkpoints
from animated.runs.journal import read_journal, working_path
from animated.runs.run import run
from animated.runs.store import find_last_epoch, read_embedding, read_metadata
from animated.runs.sweep import sweep
from animated.runs.writer import VERSIONS, recover

N_EPOCHS = 12
METHODS = {
    "umap": (umap, {}),
    "umap on a sphere": (umap, {"output_metric": "haversine"}),
    "densmap": (umap, {"densmap": True}),
    "umap from random": (umap, {"init": "random"}),
    "tsne": (tsne, {}),
    "pacmap": (pacmap, {}),
    "pca": (pca, {}),
    "mds": (mds, {}),
    "sammon": (sammon, {}),
    "graph": (graph, {}),
}
# The early steps of t-SNE, which are a phase of their own, and the first and the last of all.
STOPS = (1, 4, 7, N_EPOCHS)


@pytest.fixture(autouse=True)
def save_always(monkeypatch):
    monkeypatch.setattr(checkpoints, "SHARE", inf)


@pytest.fixture
def few(X):
    return X[:300]


def interrupt_at(stop):
    def interrupt(epoch, _):
        if epoch == stop:
            raise KeyboardInterrupt

    return interrupt


def list_files(folder):
    return sorted(path.name for path in folder.iterdir())


def run_in_parts(method, X, path, stops, **options):
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            run(method, X, path, on_epoch=interrupt_at(stop), **options)
    return run(method, X, path, **options)


@pytest.mark.parametrize("name", METHODS)
def test_a_resumed_run_is_the_undisturbed_one(tmp_path, few, digits, name, capsys):
    method, parameters = METHODS[name]
    labels = digits["digit"][:300]
    options = {"n_epochs": N_EPOCHS, "seed": 3, "labels": labels, "data": "MNIST"} | parameters
    whole = run(method, few, tmp_path / "whole.parquet", **options).path
    assert capsys.readouterr().out == ""
    for stop in STOPS:
        parts = tmp_path / "parts.parquet"
        run_in_parts(method, few, parts, [stop], **options)
        assert parts.read_bytes() == whole.read_bytes(), stop
        said = re.findall(r"resuming from epoch (\d+)", capsys.readouterr().out)
        # What has no state begins again; a state is that of this epoch or of the one before.
        assert said == [] if name == "pca" else int(said[0]) in (stop - 1, stop)
        parts.unlink()
    run_in_parts(method, few, parts, [2, 5, 5, 9], **options)
    assert parts.read_bytes() == whole.read_bytes()


def test_nothing_is_left_of_an_interruption(tmp_path, few):
    path = tmp_path / "umap.parquet"
    options = {"n_epochs": N_EPOCHS, "seed": 3}
    with pytest.raises(KeyboardInterrupt):
        run(umap, few, path, on_epoch=interrupt_at(5), **options)
    assert list_files(tmp_path) == ["umap.arrow", "umap.start.npz", "umap.state.npz"]
    left = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    run(umap, few, path, **options)
    assert list_files(tmp_path) == ["umap.json", "umap.parquet"]
    # What a process leaves that is killed just after the store is written.
    for name, content in {".umap.parquet.lock": b"", **left}.items():
        (tmp_path / name).write_bytes(content)
    run(umap, few, path, **options)
    assert list_files(tmp_path) == ["umap.json", "umap.parquet"]


def test_what_to_do_after_an_interruption_is_said(tmp_path, few):
    path = tmp_path / "umap.parquet"
    with pytest.raises(KeyboardInterrupt) as caught:
        run(umap, few, path, on_epoch=interrupt_at(5), n_epochs=N_EPOCHS, seed=3)
    assert caught.value.__notes__ == [
        f"6 epochs are saved in {tmp_path / 'umap.arrow'}: run the same line again to resume, "
        f"or call animated.runs.writer.recover('{path}') to turn them into a Parquet file"
    ]


def test_the_first_layout_is_kept(tmp_path, few, monkeypatch):
    path = tmp_path / "umap.parquet"
    options = {"n_epochs": N_EPOCHS, "seed": 3}
    whole = run(umap, few, tmp_path / "whole.parquet", **options).path
    with pytest.raises(KeyboardInterrupt):
        run(umap, few, path, on_epoch=interrupt_at(0), **options)
    # The eigenvectors are looked for in here.
    monkeypatch.setattr("umap.spectral._spectral_layout", None)
    run(umap, few, path, **options)
    assert path.read_bytes() == whole.read_bytes()


def test_a_killed_process(tmp_path, few):
    path, whole = tmp_path / "umap.parquet", tmp_path / "whole.parquet"
    np.save(tmp_path / "X.npy", few)
    code = """
        import os, signal, sys
        import numpy as np
        from animated.runs import checkpoints
        from animated.methods import umap
        from animated.runs.run import run

        checkpoints.SHARE = float("inf")

        def kill(epoch, embedding):
            if epoch == int(sys.argv[3]):
                os.kill(os.getpid(), signal.SIGKILL)

        run(umap, np.load(sys.argv[1]), sys.argv[2], n_epochs=12, seed=3, on_epoch=kill)
        """
    run_python(code, tmp_path / "X.npy", whole, -1)
    assert run_python(code, tmp_path / "X.npy", path, 7).returncode < 0
    assert "resuming from epoch 7" in run_python(code, tmp_path / "X.npy", path, -1).stdout
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": 4}, "seed is 4, was 3"),
        ({"n_neighbors": 9}, "n_neighbors is 9, was None"),
        ({"n_epochs": 11}, "n_epochs is 11, was 12"),
        ({"is_exact": False}, "exact is False, was True"),
        ({"data": "other"}, "data is 'other', was None"),
        ({"labels": pl.Series("digit", ["a"] * 300)}, "the data differ"),
    ],
)
def test_another_run_begins_again_and_says_why(tmp_path, few, capsys, change, reason):
    path = tmp_path / "umap.parquet"
    options = {"n_epochs": N_EPOCHS, "seed": 3}
    whole = run(umap, few, tmp_path / "whole.parquet", **options | change).path
    with pytest.raises(KeyboardInterrupt):
        run(umap, few, path, on_epoch=interrupt_at(5), **options)
    run(umap, few, path, **options | change)
    assert capsys.readouterr().out == f"{path}: starting over: {reason}\n"
    assert path.read_bytes() == whole.read_bytes()


def test_other_data_versions_and_machines_begin_again(tmp_path, few, capsys, monkeypatch):
    path = tmp_path / "umap.parquet"
    options = {"n_epochs": N_EPOCHS, "seed": 3}

    def interrupt(X=few):
        with pytest.raises(KeyboardInterrupt):
            run(umap, X, path, on_epoch=interrupt_at(5), **options)
        return capsys.readouterr().out

    interrupt()
    assert "starting over: the data differ" in interrupt(few + 1)
    monkeypatch.setitem(VERSIONS, "numpy", "0.0")
    assert "starting over: numpy is '0.0', was '" in interrupt(few + 1)
    monkeypatch.setattr("animated.runs.plan.describe_machine", lambda: "abacus")
    assert "starting over: machine is 'abacus', was '" in interrupt(few + 1)
    assert "resuming from epoch 5" in interrupt(few + 1)


def flip(path, where):
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("where", [0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("name", ["umap.arrow", "umap.state.npz", "umap.start.npz"])
@pytest.mark.parametrize("harm", ["flipped", "cut", "gone"])
def test_damaged_files_of_an_interrupted_run(tmp_path, few, name, harm, where):
    """Whatever becomes of them, the run ends as the undisturbed one."""
    path = tmp_path / "umap.parquet"
    options = {"n_epochs": N_EPOCHS, "seed": 3, "init": "random" if "arrow" in name else "spectral"}
    whole = run(umap, few[:100], tmp_path / "whole.parquet", **options).path
    with pytest.raises(KeyboardInterrupt):
        run(umap, few[:100], path, on_epoch=interrupt_at(5), **options)
    file = tmp_path / name
    if not file.exists():
        assert "start" in name or "arrow" in name
        return
    if harm == "flipped":
        flip(file, where)
    elif harm == "cut":
        os.truncate(file, int(file.stat().st_size * where))
    else:
        file.unlink()
    run(umap, few[:100], path, **options)
    assert path.read_bytes() == whole.read_bytes()


def test_an_epoch_that_comes_out_differently(tmp_path, few, capsys, monkeypatch):
    """As on a machine that rounds otherwise: the run is all of the machine that ends it."""
    path = tmp_path / "mds.parquet"
    options = {"n_epochs": N_EPOCHS, "seed": 3}
    with pytest.raises(KeyboardInterrupt):
        run(mds, few, path, on_epoch=interrupt_at(5), **options)
    forces = mds.__globals__["sum_forces"]
    monkeypatch.setitem(mds.__globals__, "sum_forces", lambda *args: forces(*args) * (1 + 1e-6))
    monkeypatch.setattr(checkpoints.Checkpoint, "restore", spoil(checkpoints.Checkpoint.restore))
    run(mds, few, path, **options)
    said = capsys.readouterr().out
    assert "resuming from epoch 5" in said
    assert "starting over: epoch 5 differs from the one before the interruption" in said
    expected = run(mds, few, tmp_path / "expected.parquet", **options).path
    assert path.read_bytes() == expected.read_bytes()


def spoil(restore):
    def restore_another(self, **arrays):
        restore(self, **arrays)
        arrays["Y"] += 1e-3

    return restore_another


def test_a_stopped_run_has_its_epochs_and_goes_on(tmp_path, few, capsys):
    path, whole = tmp_path / "umap.parquet", tmp_path / "whole.parquet"
    options = {"n_epochs": N_EPOCHS, "seed": 3}
    run(umap, few, whole, **options)
    run(umap, few, path, on_epoch=lambda epoch, _: epoch == 5, **options)
    assert find_last_epoch(path) == 5
    np.testing.assert_allclose(read_embedding(path, 5), read_embedding(whole, 5), rtol=1e-5)
    run(umap, few, path, **options)
    assert "resuming from epoch 5" in capsys.readouterr().out
    assert path.read_bytes() == whole.read_bytes()


def test_a_run_that_is_stopped_between_two_kept_epochs(tmp_path, few):
    path, whole = tmp_path / "umap.parquet", tmp_path / "whole.parquet"
    options = {"n_epochs": N_EPOCHS, "seed": 3, "every": 5}
    run(umap, few, whole, **options)
    run(umap, few, path, on_epoch=lambda epoch, _: epoch == 7, **options)
    assert pl.read_parquet(path)["epoch"].unique().to_list() == [0, 5, 7]
    run(umap, few, path, **options)
    assert pl.read_parquet(path)["epoch"].unique().to_list() == [0, 5, 10, 12]
    assert path.read_bytes() == whole.read_bytes()


def test_the_last_epoch_cannot_be_stopped_at(tmp_path, few, capsys):
    path = tmp_path / "umap.parquet"
    options = {"n_epochs": 4, "seed": 3, "on_epoch": lambda epoch, _: epoch == 4}
    run(umap, few, path, **options)
    run(umap, few, path, **options)
    assert capsys.readouterr().out == f"{path}: already finished, not repeated\n"


@pytest.mark.parametrize("name", ["mds", "sammon", "graph", "tsne"])
def test_more_epochs_can_follow(tmp_path, few, name, capsys):
    method = METHODS[name][0]
    path, whole = tmp_path / "more.parquet", tmp_path / "whole.parquet"
    options = {"seed": 3} | ({"early_exaggeration_iter": 3} if name == "tsne" else {})
    run(method, few, whole, n_epochs=N_EPOCHS, **options)
    for n_epochs in (5, 7, N_EPOCHS):
        run(method, few, path, n_epochs=n_epochs, **options)
    said = re.findall(r"resuming from epoch (\d+)", capsys.readouterr().out)
    assert said == ["5", "7"]
    assert find_last_epoch(path) == N_EPOCHS
    assert read_metadata(path)["parameters"] == read_metadata(whole)["parameters"]
    for epoch in range(N_EPOCHS + 1):
        expected = read_embedding(whole, epoch)
        atol = 1e-6 * read_metadata(whole)["scale"]
        np.testing.assert_allclose(read_embedding(path, epoch), expected, atol=atol)


def test_fewer_epochs_are_another_run(tmp_path, few, capsys):
    path, whole = tmp_path / "mds.parquet", tmp_path / "whole.parquet"
    run(mds, few, path, n_epochs=7, seed=3)
    run(mds, few, path, n_epochs=5, seed=3)
    assert "replacing another run: n_epochs is 5, was 7" in capsys.readouterr().out
    run(mds, few, whole, n_epochs=5, seed=3)
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", ["umap", "tsne", "pacmap"])
def test_more_epochs_of_a_method_that_plans_its_steps_are_another_run(tmp_path, few, name, capsys):
    method = METHODS[name][0]
    path, whole = tmp_path / "more.parquet", tmp_path / "whole.parquet"
    run(method, few, path, n_epochs=5, seed=3)
    run(method, few, path, n_epochs=9, seed=3)
    assert "replacing another run: n_epochs is 9, was 5" in capsys.readouterr().out
    run(method, few, whole, n_epochs=9, seed=3)
    assert path.read_bytes() == whole.read_bytes()


def test_without_a_seed_a_run_begins_again(tmp_path, few, capsys):
    path = tmp_path / "umap.parquet"
    run_in_parts(umap, few, path, [5], n_epochs=N_EPOCHS, seed=None)
    assert capsys.readouterr().out == ""
    assert find_last_epoch(path) == N_EPOCHS


def test_a_sweep_goes_on_with_the_next_map(tmp_path, few, monkeypatch):
    values = [0.1, 0.3, 0.5, 0.7]
    options = {"n_steps": 20, "seed": 3}
    whole = sweep(umap, few, tmp_path / "whole.parquet", "min_dist", values, **options).path
    path = tmp_path / "parts.parquet"
    fitted = []

    def fit(*args, **parameters):
        fitted.append(parameters["min_dist"])
        if fitted == values[:3]:
            raise KeyboardInterrupt
        return umap(*args, **parameters)

    fit.__name__ = "umap"
    with pytest.raises(KeyboardInterrupt):
        sweep(fit, few, path, "min_dist", values, **options)
    sweep(fit, few, path, "min_dist", values, **options)
    assert fitted == [0.1, 0.3, 0.5, 0.5, 0.7]
    assert path.read_bytes() == whole.read_bytes()


def test_two_runs_at_once(tmp_path, few):
    """The second says so and leaves the first alone, which ends as if it were alone."""
    path, whole = tmp_path / "umap.parquet", tmp_path / "whole.parquet"
    options = {"n_epochs": N_EPOCHS, "seed": 3}
    run(umap, few, whole, **options)
    before = []

    def start_another(epoch, _):
        if epoch == 5:
            before.append(working_path(path).read_bytes())
            message = (
                rf"{path.name}' is being written by another run: wait until it ends, or stop it"
            )
            with pytest.raises(RuntimeError, match=message):
                run(umap, few, path, **options | {"seed": 4})
            with pytest.raises(RuntimeError, match=message):
                recover(path)
            assert working_path(path).read_bytes() == before[0]

    run(umap, few, path, on_epoch=start_another, **options)
    assert before and path.read_bytes() == whole.read_bytes()


def test_saving_takes_little_of_a_run(tmp_path, few, monkeypatch):
    """A state is saved when enough time has passed, and not before."""
    monkeypatch.setattr(checkpoints, "SHARE", 0.02)
    now = [100.0]
    monkeypatch.setattr(checkpoints.time, "perf_counter", lambda: now[0])
    checkpoint = checkpoints.Checkpoint(tmp_path / "a.parquet", {}, before_save=lambda: wait(0.5))

    def wait(seconds):
        now[0] += seconds

    saved = []
    for epoch in range(1, 100):
        wait(1)
        checkpoint.save(epoch, a=np.zeros(3))
        if checkpoints.Checkpoint(tmp_path / "a.parquet", {}).epoch == epoch:
            saved.append(epoch)
    # At first it is expected to take 0.02 s; then it has taken 0.5 s, 2 % of 25 s.
    assert saved == [1, 26, 51, 76]


def test_epochs_behind_a_damaged_one_are_lost_not_wrong(tmp_path, few):
    path = tmp_path / "mds.parquet"
    with pytest.raises(KeyboardInterrupt):
        run(mds, few, path, n_epochs=N_EPOCHS, seed=3, on_epoch=interrupt_at(9))
    entries = list(read_journal(working_path(path)))
    content = bytearray(working_path(path).read_bytes())
    content[(entries[3].end + entries[4].end) // 2] ^= 1
    working_path(path).write_bytes(content)
    assert [entry.end for entry in read_journal(working_path(path))] == [
        entry.end for entry in entries[:4]
    ]
    assert recover(path) == 4
