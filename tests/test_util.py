"""combine_plots with everything that it takes and everything that it refuses."""

import errno
import io
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, run_python
from PIL import Image
from plotnine import aes, element_rect, geom_point, ggplot, theme

from animated.storage.atomic import clear_partial
from animated.video import combine
from util import combine_plots, plotnine_to_image

RED, GREEN, BLACK = (255, 0, 0), (0, 128, 0), (0, 0, 0)


def solid(width, height, color):
    return Image.new("RGB", (width, height), color)


@pytest.fixture
def plot():
    data = pd.DataFrame({"x": [0, 1], "y": [0, 1]})
    return (
        ggplot(data, aes("x", "y"))
        + geom_point()
        + theme(figure_size=(3, 2), dpi=50, plot_background=element_rect(fill="red"))
    )


def test_mixture(plot, tmp_path):
    figure = plt.figure(figsize=(1, 1), dpi=40, facecolor="green")
    array = np.full((30, 20), 77, dtype=np.uint8)
    path = tmp_path / "all.png"
    combined = combine_plots([plot, figure, solid(10, 20, "blue"), array], path)
    plt.close(figure)
    assert combined.mode == "RGB" and combined.size == (150 + 40 + 10 + 20, 100)
    assert combined.getpixel((2, 2)) == RED
    assert combined.getpixel((170, 50)) == GREEN
    assert combined.getpixel((195, 50)) == (0, 0, 255)
    assert combined.getpixel((210, 50)) == (77, 77, 77)
    # The edges of the figures are mostly red; so is what surrounds the smaller ones.
    assert combined.getpixel((195, 5)) == RED
    assert np.array_equal(np.asarray(Image.open(path)), np.asarray(combined))


def test_plotnine_draws_it_so(plot):
    buffer = io.BytesIO()
    plot.save(buffer, format="png", verbose=False)
    assert np.array_equal(np.asarray(plotnine_to_image(plot)), np.asarray(Image.open(buffer)))


@pytest.mark.parametrize(
    ("orientation", "size", "first", "second"),
    [
        ("horizontal", (30, 40), (10, 20), (25, 20)),
        ("vertical", (20, 50), (10, 20), (10, 45)),
    ],
)
def test_orientation(orientation, size, first, second):
    pictures = [solid(20, 40, RED), solid(10, 10, BLACK)]
    combined = combine_plots(pictures, None, orientation=orientation)
    assert combined.size == size
    assert combined.getpixel(first) == RED
    assert combined.getpixel(second) == BLACK


def test_smaller_figures_are_centred_on_the_background():
    pictures = [solid(20, 40, RED), solid(10, 10, BLACK), solid(10, 40, RED)]
    column = np.asarray(combine_plots(pictures))[:, 25]
    assert (column[15:25] == BLACK).all()
    assert (column[:15] == RED).all() and (column[25:] == RED).all()
    column = np.asarray(combine_plots(pictures, background="green"))[:, 25]
    assert (column[:15] == GREEN).all()
    column = np.asarray(combine_plots(pictures, background=(1, 2, 3)))[:, 25]
    assert (column[:15] == (1, 2, 3)).all()


def test_transparency_shows_the_background():
    clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    assert combine_plots([clear, solid(5, 10, RED)]).getpixel((5, 5)) == RED
    assert combine_plots([clear]).getpixel((5, 5)) == (255, 255, 255)


def test_any_iterable_and_file_objects():
    buffer = io.BytesIO()
    combined = combine_plots((solid(5, 5, RED) for _ in range(2)), buffer)
    assert np.array_equal(np.asarray(Image.open(buffer)), np.asarray(combined))


def test_failed_save_leaves_the_file(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    combine_plots([solid(5, 5, RED)], path)
    content = path.read_bytes()

    def fail(self, data):
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match=r"picture.png' could not be written: No space left"):
        combine_plots([solid(9, 9, BLACK)], path)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["picture.png"]


def test_what_a_killed_process_leaves_is_cleared(tmp_path):
    code = """
        import os, pathlib
        from PIL import Image
        from animated.video.combine import combine_plots

        pathlib.Path.replace = lambda *_: os._exit(9)
        combine_plots([Image.new("L", (2, 2))], "a.png")
        """
    assert run_python(code, cwd=tmp_path).returncode == 9
    assert len([*tmp_path.iterdir()]) == 1
    clear_partial(tmp_path)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("figures", "options", "error", "message"),
    [
        ([], {}, ValueError, "figures must hold at least one figure, got none"),
        ([7], {}, TypeError, r"figures\[0\] must be a plotnine plot, .* got 7$"),
        (solid(5, 5, RED), {}, TypeError, "figures must be a list of figures, got a PIL image"),
        (None, {}, TypeError, "figures must be a list of figures, got None"),
        ([np.zeros((5, 5))], {}, TypeError, r"got a float64 array of shape \(5, 5\)"),
        ([np.zeros((5, 5, 2), np.uint8)], {}, TypeError, r"uint8 array of shape \(5, 5, 2\)"),
        (["a.png"], {}, TypeError, "got 'a.png'"),
        ([1], {"orientation": "diagonal"}, TypeError, "figures"),
        (
            [solid(5, 5, RED)],
            {"orientation": "diagonal"},
            ValueError,
            "orientation must be 'horizontal' or 'vertical', got 'diagonal'",
        ),
        ([solid(5, 5, RED)], {"background": "blurple"}, ValueError, "blurple"),
        ([solid(5, 5, RED)], {"output_path": 3}, TypeError, "path, file or None, got 3"),
        ([solid(5, 5, RED)], {"output_path": "a.txt"}, ValueError, "as .png does, got 'a.txt'"),
        ([solid(5, 5, RED)], {"output_path": "no/a.png"}, FileNotFoundError, "got 'no/a.png'"),
        ([solid(5, 5, RED)], {"output_path": "a.png"}, IsADirectoryError, "the folder 'a.png'"),
    ],
)
def test_bad_input(figures, options, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.png").mkdir()
    with pytest.raises(error, match=message):
        combine_plots(figures, **options)


def test_util_alone_in_another_project(tmp_path):
    shutil.copy(ROOT / "util.py", tmp_path)
    code = (
        "import sys; import util; from PIL import Image;"
        "util.combine_plots([Image.new('L', (2, 2))] * 2, 'a.png');"
        "assert not {'animated', 'plotnine', 'matplotlib'} & set(sys.modules)"
    )
    command = [sys.executable, "-I", "-c", "import sys; sys.path.insert(0, '.'); " + code]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert Image.open(tmp_path / "a.png").size == (4, 2)


def test_the_engine_has_the_same_functions():
    """It cannot import util, which no installation contains."""
    assert Path(combine.__file__).read_bytes() == (ROOT / "util.py").read_bytes()
