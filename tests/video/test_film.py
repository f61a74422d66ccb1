"""A film of a plot in one call, and small pictures for notebooks."""

import warnings

import numpy as np
import polars as pl
import pytest
from PIL import Image
from plotnine import aes, facet_grid, geom_point, geom_text, ggplot, theme, theme_void
from test_movie import decode

from animated.plots.templates import Template
from animated.video.film import make_film, preview
from animated.video.frames import Frames
from animated.video.movie import write_movie


def read(frame):
    return pl.DataFrame({"x": [0.0, 1.0, 0.25 * frame], "y": [0.0, 1.0, 0.5]})


def read_two(frame):
    return read(frame), pl.DataFrame({"x": [0.5], "y": [0.2], "text": [f"frame {frame}"]})


def plot(table):
    return (
        ggplot(table, aes("x", "y"))
        + geom_point(size=8)
        + theme_void()
        + theme(figure_size=(2, 1), dpi=100)
    )


def plot_two(table, texts):
    return plot(table) + geom_text(aes(label="text"), texts)


@pytest.mark.parametrize(("read", "plot"), [(read, plot), (read_two, plot_two)])
def test_a_film_is_that_of_its_frames(read, plot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "frames").mkdir()
    path = make_film(read, plot, 4, "film.mp4", n_jobs=1)

    def plot_frame(frame):
        tables = read(frame)
        tables = tables if isinstance(tables, tuple) else (tables,)
        return [Template(plot(*tables)).fill()]

    write_movie(Frames(plot_frame, range(4), None), "plain.mp4", crf=30)
    metadata, frames = decode(path)
    assert metadata["size"] == (200, 100)
    assert np.abs(frames.astype(int) - decode(tmp_path / "plain.mp4")[1]).max() < 12
    assert np.abs(frames[0].astype(int) - frames[3]).max() > 100
    names = sorted(picture.name for picture in (tmp_path / "frames").iterdir())
    assert names == [f"film-{frame:06}.png" for frame in range(4)]


def test_a_film_without_a_folder(tmp_path):
    make_film(read, plot, 2, tmp_path / "film.mp4", folder=None)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_a_preview_is_small_and_of_few_colours():
    wide = Image.effect_noise((1_000, 500), 100).convert("RGB")
    picture = preview(wide, wide, colors=16)
    assert picture.size == (800, 200) and picture.mode == "P"
    assert len(picture.getcolors()) <= 16
    assert preview(wide, wide, orientation="vertical").size == (800, 800)


def test_a_preview_does_not_warn_of_plots_that_are_slow_to_draw():
    table = read(0).with_columns(a=pl.Series([1, 2, 2]), b=pl.Series([1, 1, 2]))
    with warnings.catch_warnings(action="error"):
        picture = preview(plot(table) + facet_grid("a", "b"), plot(table))
    assert picture.size == (400, 100)
