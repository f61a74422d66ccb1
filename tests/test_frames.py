"""Frames by their pixels, and that only what needs drawing is drawn."""

import contextlib
import os
import signal

import numpy as np
import polars as pl
import pytest
from conftest import N_EPOCHS, PAIRED, PALETTE, crop_legend, run_python, to_classes
from PIL import Image
from plotnine import labs, scale_color_brewer, scale_x_continuous, theme

import animated.frames
from animated.frames import draw_frames, fingerprint
from util import combine_plots


def read(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def read_plot(plot):
    return np.asarray(combine_plots([plot])).astype(int)


def find_line(picture):
    """Return the columns and the row of the white progress line."""
    white = (picture[:, :800].min(axis=2) > 200).sum(axis=1)
    row = white[80:130].argmax() + 80
    columns = np.flatnonzero(picture[row, :800].min(axis=1) > 128)
    return columns[0], columns[-1], row


@pytest.fixture(scope="session")
def to_pixels(notebook):
    """Where the notebook's embedding plot puts positions, from the ends of the full line."""
    plot = notebook["plot_embedding"](notebook["df_epochs"], N_EPOCHS - 1, N_EPOCHS, legend=False)
    left, right, row = find_line(read_plot(plot))
    unit = right - left + 1
    # The line is at y = 1.05, and a unit is as long upward as it is to the right.
    return lambda x, y: (left + unit * x, row + unit * (1.05 - y))


@pytest.fixture(scope="session")
def frames(notebook, project):
    with contextlib.chdir(project):
        drawn = draw_frames(notebook["plot_frame"], range(N_EPOCHS), "frames", n_jobs=1)
    return [project / path for path in drawn]


def test_known_points(notebook, to_pixels):
    corners = pl.DataFrame(
        {"x": [0.0, 1.0, 0.25, 0.5], "y": [0.0, 1.0, 0.75, 0.5], "digit": ["0", "1", "5", "9"]},
        schema_overrides={"digit": notebook["df_digits"]["digit"].dtype},
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


def test_points_have_their_colours_in_every_frame(frames, notebook, to_pixels):
    for epoch, frame in enumerate(frames):
        picture = read(frame)
        points = notebook["df_epochs"].filter(epoch=epoch)
        for digit in range(10):
            x, y = points.filter(digit=str(digit)).select(pl.col("x", "y").median()).row(0)
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
    get_pixels, digits = notebook["get_pixels"], notebook["df_digits"]
    assert get_pixels(digits, seed=3).equals(get_pixels(digits, seed=3))
    assert not get_pixels(digits, seed=3).equals(get_pixels(digits, seed=4))
    pixels = get_pixels(digits, seed=3)
    assert pixels["digit"].unique(maintain_order=True).to_list() == list("0123456789")
    # The pixels are those of one digit of the table.
    seven = pixels.filter(digit="7").sort(-pl.col("y").cast(int), "x")["value"].to_numpy()
    sevens = digits.filter(digit="7").drop("digit").to_numpy()
    assert (sevens == seven).all(axis=1).sum() == 1


def test_colours_do_not_depend_on_which_digits_are_there(notebook):
    few = notebook["df_epochs"].filter(pl.col("digit").is_in(["3", "8"]))
    picture = read_plot(notebook["plot_embedding"](few, 0, N_EPOCHS, legend=False))[130:]
    seen = to_classes(picture[picture.max(axis=2) > 150])
    counts = np.bincount(seen, minlength=10)
    assert counts[[3, 8]].min() > 50 and np.delete(counts, [3, 8]).sum() < counts.sum() * 0.1


def test_frames_are_pure_and_kept(in_project, notebook, frames, monkeypatch):
    expected = [frame.read_bytes() for frame in frames]
    folder = in_project / "frames"
    for path in folder.glob("*.png"):
        path.unlink()
    drawn = draw_frames(notebook["plot_frame"], range(N_EPOCHS), folder, n_jobs=2)
    assert [path.name for path in drawn] == [f"combined-{epoch:06}.png" for epoch in range(4)]
    assert [path.read_bytes() for path in drawn] == expected

    for path in drawn:
        os.utime(path, (1, 1))
    drawn[1].unlink()
    drawn[2].write_bytes(b"half a frame")
    calls = []
    monkeypatch.setattr(
        animated.frames, "combine_plots", lambda plots: calls.append(plots) or combine_plots(plots)
    )
    again = draw_frames(notebook["plot_frame"], range(N_EPOCHS), folder, n_jobs=1)
    assert len(calls) == 2, "only the missing and the broken frame need drawing"
    assert [path.read_bytes() for path in again] == expected
    assert [path.stat().st_mtime == 1 for path in again] == [True, False, False, True]


def test_changed_title_is_drawn_again(in_project, notebook, frames):
    def plot_frame(epoch):
        return [plot + labs(title="Another title") for plot in notebook["plot_frame"](epoch)[:1]]

    old = frames[0].read_bytes()
    path = draw_frames(plot_frame, [0], in_project / "frames", n_jobs=1)[0]
    assert path.read_bytes() != old


def make_labels(unit):
    return lambda breaks: [f"{value} {unit}" for value in breaks]


def test_fingerprint(notebook, recwarn):
    def plots(**change):
        return notebook["plot_frame"](**({"epoch": 1} | change))

    mark = fingerprint(plots())
    assert mark == fingerprint(plots())
    left, right = plots()
    others = [
        plots(epoch=2),
        [right, left],
        [left],
        [left + labs(subtitle="x"), right],
        [left + theme(figure_size=(4, 4)), right],
        [left + scale_color_brewer(type="qual", palette="Set3"), right],
        [left + scale_x_continuous(labels=lambda breaks: [f"{b:{'.1f'}}" for b in breaks]), right],
        [left + scale_x_continuous(labels=lambda breaks: [f"{b:{'.2f'}}" for b in breaks]), right],
        *([left + scale_x_continuous(labels=make_labels(unit)), right] for unit in ("m", "s")),
        [left, notebook["plot_digits"](notebook["get_pixels"](notebook["df_digits"], 99), 8)],
    ]
    assert len({mark, *map(fingerprint, others)}) == len(others) + 1
    left.save(os.devnull, format="png", verbose=False)
    assert fingerprint([left, right]) == mark


def test_interrupted_drawing_goes_on(tmp_path):
    code = """
        import os, signal, sys
        import pandas as pd
        from plotnine import aes, geom_point, ggplot, theme
        from animated.frames import draw_frames

        def plot_frame(epoch):
            if epoch == int(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGINT)
            data = pd.DataFrame({"x": [epoch, 0], "y": [0, 1]})
            return [ggplot(data, aes("x", "y")) + geom_point() + theme(figure_size=(1, 1))]

        draw_frames(plot_frame, range(6), sys.argv[1], n_jobs=1)
    """

    def run(stop):
        return run_python(code, tmp_path, stop)

    assert run(4).returncode in (1, -signal.SIGINT)
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == [f"combined-{epoch:06}.png" for epoch in range(4)]
    times = [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())]
    finished = run(-1)
    assert finished.returncode == 0, finished.stderr
    assert len(list(tmp_path.iterdir())) == 6
    assert [path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())][:4] == times
    assert "Drawing" in finished.stderr


@pytest.mark.parametrize(
    ("plot_frame", "epochs", "folder", "error", "message"),
    [
        (3, [0], ".", TypeError, "plot_frame must be a function, got int"),
        (len, [], ".", ValueError, "epochs must name at least one epoch, got none"),
        (len, [0], "nowhere", FileNotFoundError, "no folder 'nowhere'"),
    ],
)
def test_bad_input(plot_frame, epochs, folder, error, message):
    with pytest.raises(error, match=message):
        draw_frames(plot_frame, epochs, folder)


def test_palette_is_colorbrewer(notebook):
    from mizani.palettes import brewer_pal

    assert [color.lower() for color in brewer_pal("qual", "Paired")(10)] == PAIRED
