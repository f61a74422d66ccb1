"""Frames by their pixels, and that only what needs drawing is drawn."""

import contextlib
import hashlib
import logging
import os
import shutil
import signal

import joblib
import numpy as np
import polars as pl
import pytest
from conftest import N_EPOCHS, PAIRED, PALETTE, crop_legend, run_python, to_classes
from fidelity import compare
from PIL import Image
from plotnine import element_rect, labs, theme
from reuse import list_planted, plant
from test_movie import decode

from animated.runs.store import read_epoch
from animated.video.frames import Frames
from animated.video.png import encode_png, read_fingerprint
from util import combine_plots


def read(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def hash_files(paths):
    """Return what differs when files do, and is short enough to be read."""
    return [hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in paths]


def read_plot(plot):
    return np.asarray(combine_plots([plot])).astype(int)


def find_line(picture):
    """Return the columns and the row of the white progress line."""
    white = (picture[:, :800].min(axis=2) > 200).sum(axis=1)
    row = white[80:130].argmax() + 80
    columns = np.flatnonzero(picture[row, :800].min(axis=1) > 128)
    return columns[0], columns[-1], row


@pytest.fixture(scope="session")
def points(project):
    """The points of each epoch, as the notebook reads them."""
    path = project / "data/epochs.parquet"
    return [
        read_epoch(path, epoch).with_columns(label=pl.col("digit")) for epoch in range(N_EPOCHS)
    ]


@pytest.fixture(scope="session")
def to_pixels(notebook, points):
    """Where the notebook's embedding plot puts positions, from the ends of the full line."""
    plot = notebook["plot_embedding"](points[-1], N_EPOCHS - 1, N_EPOCHS, legend=False)
    left, right, row = find_line(read_plot(plot))
    unit = right - left + 1
    # The line is at y = 1.05, and a unit is as long upward as it is to the right.
    return lambda x, y: (left + unit * x, row + unit * (1.05 - y))


@pytest.fixture(scope="session")
def frames(notebook, project):
    with contextlib.chdir(project):
        drawn = Frames(notebook["plot_frame"], range(N_EPOCHS), "frames", n_jobs=1).save()
    return [project / path for path in drawn]


def test_known_points(notebook, to_pixels):
    corners = pl.DataFrame(
        {"x": [0.0, 1.0, 0.25, 0.5], "y": [0.0, 1.0, 0.75, 0.5], "label": ["0", "1", "5", "9"]},
        schema_overrides={"label": notebook["labels"].dtype},
    ).with_columns(epoch=pl.lit(2, dtype=pl.UInt16))
    picture = read_plot(notebook["plot_embedding"](corners, 2, 10, legend=False))
    assert picture.shape == (800, 800, 3)
    for x, y, digit, _ in corners.rows():
        column, row = (round(value) for value in to_pixels(x, y))
        patch = picture[row - 2 : row + 3, column - 2 : column + 3].reshape(-1, 3)
        brightest = patch[patch.sum(axis=1).argmax()]
        assert to_classes(brightest) == int(digit)
        assert np.abs(brightest - PALETTE[int(digit)]).max() < 70
    below_the_title = picture[130:]
    assert (below_the_title.max(axis=2) > 40).sum() < 4 * 30


@pytest.mark.parametrize("epoch", range(N_EPOCHS))
def test_progress_line(frames, epoch):
    picture = read(frames[epoch])
    left, right, row = find_line(read(frames[-1]))
    line = (picture[row, left - 5 : 800].min(axis=1) > 128).sum()
    assert line == pytest.approx((right - left + 1) * epoch / (N_EPOCHS - 1), abs=3)


def test_frame_size_and_title(frames):
    for frame in frames:
        picture = read(frame)
        assert picture.shape == (800, 1100, 3)
        edges = [picture[:4], picture[-4:], picture[:, :4], picture[:, -4:], picture[:, 780:805]]
        assert all((edge == 0).all() for edge in edges), "something is cut off at an edge"
        assert (picture[15:80, 80:780].min(axis=2) > 200).any(), "there is no title"


def test_points_have_their_colours_in_every_frame(frames, points, to_pixels):
    for epoch, frame in enumerate(frames):
        picture = read(frame)
        for digit in range(10):
            x, y = points[epoch].filter(digit=str(digit)).select(pl.col("x", "y").median()).row(0)
            column, row = (round(value) for value in to_pixels(x, y))
            patch = picture[row - 15 : row + 16, column - 15 : column + 16].reshape(-1, 3)
            seen = to_classes(patch[patch.max(axis=1) > 100])
            assert len(seen) > 20
            assert np.bincount(seen, minlength=10).argmax() == digit


def test_legend_is_in_order_and_in_the_colours_of_the_points(frames):
    for frame in frames:
        picture = read(frame)
        for digit in range(10):
            pixels = crop_legend(picture, digit).reshape(-1, 3)
            ink = pixels[pixels.sum(axis=1).argsort()[-150:]]
            assert (to_classes(ink) == digit).all()
            assert np.abs(ink.mean(axis=0) - PALETTE[digit]).max() < 12


def test_legend_is_seeded_by_the_epoch(notebook):
    get_pixels, digits = notebook["get_pixels"], notebook["df_sample"]
    assert get_pixels(digits, seed=3).equals(get_pixels(digits, seed=3))
    assert not get_pixels(digits, seed=3).equals(get_pixels(digits, seed=4))
    pixels = get_pixels(digits, seed=3)
    assert pixels["label"].unique(maintain_order=True).to_list() == list("0123456789")
    # The pixels are those of one digit of the table.
    seven = pixels.filter(label="7").sort(-pl.col("y").cast(int), "x")["value"].to_numpy()
    sevens = digits.filter(label="7").select("^pixel.*$").to_numpy()
    assert (sevens == seven).all(axis=1).sum() == 1


def test_colours_do_not_depend_on_which_digits_are_there(notebook, points):
    few = points[0].filter(pl.col("digit").is_in(["3", "8"]))
    picture = read_plot(notebook["plot_embedding"](few, 0, N_EPOCHS, legend=False))[130:]
    seen = to_classes(picture[picture.max(axis=2) > 150])
    counts = np.bincount(seen, minlength=10)
    assert counts[[3, 8]].min() > 50 and np.delete(counts, [3, 8]).sum() < counts.sum() * 0.1


def save(plot_frame, folder, epochs=range(N_EPOCHS), **options):
    return Frames(plot_frame, epochs, folder, **options).save()


def test_frames_look_as_plotnine_draws_them(frames, notebook, in_project):
    for epoch, frame in enumerate(frames):
        reference = np.asarray(combine_plots(notebook["plot_frame"](epoch)))
        psnr, largest = compare(read(frame), reference)
        assert psnr > 45 and largest <= 40


def test_frames_are_arrays_in_order(notebook, frames, in_project):
    drawn = Frames(notebook["plot_frame"], range(N_EPOCHS), None)
    assert len(drawn) == N_EPOCHS and drawn.paths == []
    for _ in range(2):
        pictures = list(drawn)
        assert [picture.dtype for picture in pictures] == [np.uint8] * N_EPOCHS
        for picture, frame in zip(pictures, frames, strict=True):
            assert np.array_equal(picture, read(frame))
    assert np.array_equal(drawn[-1], read(frames[-1]))


def test_frames_are_pure_and_reused(in_project, notebook, frames):
    expected = hash_files(frames)
    folder = in_project / "frames"
    for path in folder.glob("*.png"):
        path.unlink()
    drawn = save(notebook["plot_frame"], folder, n_jobs=2)
    assert [path.name for path in drawn] == [f"combined-{epoch:06}.png" for epoch in range(4)]
    assert hash_files(drawn) == expected

    plant([drawn[0], drawn[3]])
    drawn[1].unlink()
    drawn[2].write_bytes(drawn[2].read_bytes()[:-1])
    again = save(notebook["plot_frame"], folder, n_jobs=1)
    assert hash_files(again)[1:3] == expected[1:3]
    assert list_planted(folder) == [drawn[0].name, drawn[3].name]
    plant(again)
    assert save(notebook["plot_frame"], folder) == again
    assert list_planted(folder) == [path.name for path in again]


@pytest.mark.parametrize(
    "backend", [pytest.param("loky", marks=pytest.mark.slow), "threading", "sequential"]
)
def test_every_backend_draws_the_same(backend, notebook, frames, in_project):
    with joblib.parallel_config(backend, n_jobs=2):
        drawn = save(notebook["plot_frame"], in_project, n_jobs=None)
    assert hash_files(drawn) == hash_files(frames)


@pytest.mark.slow
def test_cluster_that_loses_a_worker(notebook, in_project, tmp_path):
    """Frames from two processes, one of which is killed half-way, are those drawn here."""
    distributed = pytest.importorskip("distributed")
    template = notebook["plot_frame"](0)[0].template
    tables = [notebook["plot_frame"](epoch)[0].tables for epoch in range(N_EPOCHS)]

    def plot_frame(epoch):
        return [template.fill(*tables[epoch % N_EPOCHS])]

    expected = hash_files(save(plot_frame, tmp_path, range(40), name="here"))
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(**options, silence_logs=logging.CRITICAL) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config("dask"),
    ):
        frames = Frames(plot_frame, range(40), tmp_path, name="there")
        for position, _ in enumerate(frames):
            if position == 3:
                workers = client.run(os.getpid)
                assert os.getpid() not in workers.values()
                os.kill(min(workers.values()), signal.SIGKILL)
    assert position == 39
    assert hash_files(frames.paths) == expected


def test_changed_title_is_drawn_again(in_project, notebook, frames):
    def plot_frame(epoch):
        plots = [filled.to_ggplot() for filled in notebook["plot_frame"](epoch)]
        return [plots[0] + labs(title="Another title"), plots[1]]

    old = frames[0].read_bytes()
    path = save(plot_frame, in_project / "frames", [0])[0]
    assert path.read_bytes() != old
    difference = np.abs(read(path) - read(frames[0])).max(axis=2) > 40
    rows = np.flatnonzero(difference.any(axis=1))
    assert rows.min() > 10 and rows.max() < 60, "only the title differs"


def test_a_changed_picture_is_drawn_again(tmp_path):
    def save_picture(value):
        picture = Image.fromarray(np.full((40, 60, 3), value, dtype=np.uint8))
        return save(lambda epoch: [picture], tmp_path, [0])[0]

    assert (read(save_picture(10)) == 10).all()
    assert (read(save_picture(200)) == 200).all()


def test_plain_plots_and_other_figures(notebook, in_project):
    picture = np.full((800, 20, 3), 200, dtype=np.uint8)
    filled = notebook["plot_frame"](1)

    def plot_frame(epoch):
        return [filled[0].to_ggplot(), Image.fromarray(picture), filled[1]]

    drawn = Frames(plot_frame, [0], None)[0]
    assert drawn.shape == (800, 1120, 3) and (drawn[:, 800:820] == 200).all()
    assert compare(drawn, np.asarray(combine_plots(plot_frame(0))))[0] > 45


@pytest.mark.parametrize("orientation", ["horizontal", "vertical"])
def test_plots_of_different_sizes(notebook, in_project, orientation):
    left = notebook["plot_frame"](2)[0].to_ggplot()
    small = left + theme(figure_size=(4, 3), plot_background=element_rect(fill="#224466"))

    def plot_frame(epoch):
        return [left, small]

    drawn = Frames(plot_frame, [0], None, orientation=orientation)[0]
    reference = np.asarray(combine_plots(plot_frame(0), orientation=orientation))
    assert drawn.shape == reference.shape and compare(drawn, reference)[0] > 45


def test_png_is_what_pillow_reads(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(pixels, "fingerprint"))
    with Image.open(path) as image:
        image.verify()
    assert np.array_equal(np.asarray(Image.open(path)), pixels)
    assert read_fingerprint(path) == "fingerprint"
    path.write_bytes(path.read_bytes()[:-5])
    assert read_fingerprint(path) is None


INTERRUPTED = """
    import os, signal, sys, time
    from pathlib import Path
    import joblib
    import pandas as pd
    from plotnine import aes, geom_point, ggplot, lims, theme
    from animated.video.frames import Frames
    from animated.video.movie import write_movie

    def plot_frame(epoch):
        if epoch == int(sys.argv[2]):
            while not [*Path(sys.argv[1]).glob("combined-*.png")]:
                time.sleep(0.01)
            os.kill(os.getpid(), getattr(signal, sys.argv[3]))
        data = pd.DataFrame({"x": [epoch, 0, 30], "y": [0, 1, 1]})
        plot = ggplot(data, aes("x", "y")) + geom_point() + lims(x=(0, 30), y=(0, 1))
        return [plot + theme(figure_size=(1, 1))]

    with joblib.parallel_config(sys.argv[4], n_jobs=2):
        frames = Frames(plot_frame, range(30), sys.argv[1], n_jobs=None)
        write_movie(frames, sys.argv[1] + "/movie.mp4")
"""


@pytest.mark.parametrize(
    ("kind", "backend", "message"),
    [
        pytest.param("SIGINT", "threading", "KeyboardInterrupt", marks=pytest.mark.slow),
        pytest.param("SIGKILL", "threading", "", marks=pytest.mark.slow),
        # Slow, as its workers import everything first, twice.
        pytest.param(
            "SIGKILL",
            "loky",
            "A worker process managed by the executor was unexpectedly terminated",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_interrupted_movie_goes_on_elsewhere(
    tmp_path, kind, backend, message, undisturbed, monkeypatch
):
    """What one machine has drawn before it was stopped, another need not draw again."""
    here, there = tmp_path / "here", tmp_path / "other machine"
    here.mkdir()
    stopped = run_python(INTERRUPTED, here, 29, kind, backend)
    assert stopped.returncode != 0 and message in stopped.stderr
    done = sorted(path.name for path in here.glob("combined-*.png"))
    assert 0 < len(done) < 30 and not (here / "movie.mp4").exists()
    if message:
        assert not list(here.glob(".*"))
    shutil.copytree(here, there)
    for name in done:
        Image.open(there / name).load()
        os.utime(there / name, (1, 1))
    monkeypatch.setenv("HOME", str(there))
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    finished = run_python(INTERRUPTED, there, -1, kind, backend, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "Making movie.mp4" in finished.stderr
    kept = [path.name for path in there.glob("*.png") if path.stat().st_mtime == 1]
    assert sorted(kept) == done, "they were written again"
    assert len(decode(there / "movie.mp4")[1]) == 30 + 60
    made = {path.name: path.read_bytes() for path in there.iterdir() if path.is_file()}
    assert made == undisturbed


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What the run makes when nobody stops it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert run_python(INTERRUPTED, folder, -1, "SIGINT", "threading").returncode == 0
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"plot_frame": 3}, TypeError, "plot_frame must be a function, got int"),
        ({"epochs": []}, ValueError, "epochs must name at least one epoch, got none"),
        ({"folder": "nowhere"}, FileNotFoundError, "no folder 'nowhere'"),
        ({"orientation": "up"}, ValueError, "must be 'horizontal' or 'vertical', got 'up'"),
    ],
)
def test_bad_input(change, error, message):
    with pytest.raises(error, match=message):
        Frames(**({"plot_frame": len, "epochs": [0], "folder": "."} | change))


def test_palette_is_colorbrewer(notebook):
    from mizani.palettes import brewer_pal

    assert [color.lower() for color in brewer_pal("qual", "Paired")(10)] == PAIRED
