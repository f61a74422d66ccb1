"""Several embeddings in one table, and several runs on one clock."""

import numpy as np
import polars as pl
import pytest

from animated.motion.framing import View
from animated.motion.panels import SideBySide, as_table, join_panels, place_titles
from animated.motion.timing import by_movement
from animated.runs.writer import EpochWriter


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Two runs of the same five points, of 4 and of 9 epochs."""
    folder = tmp_path_factory.mktemp("stores")
    first = np.random.default_rng(0).normal(size=(5, 2))
    paths = {}
    for name, n_epochs in {"short": 4, "long": 9}.items():
        paths[name] = folder / f"{name}.parquet"
        with EpochWriter(paths[name], method=name) as write:
            for epoch in range(n_epochs):
                write(epoch, first * (1 + epoch**2) + np.array([epoch, -epoch]))
    return paths


def test_a_table_fills_the_unit_square():
    embedding = np.array([[0.0, 0.0], [4.0, 1.0], [2.0, 2.0]])
    table = as_table(embedding, digit=["a", "b", "c"])
    assert table.columns == ["x", "y", "digit"]
    assert table["x"].to_list() == [0, 1, 0.5]
    np.testing.assert_allclose(table["y"], [0.25, 0.5, 0.75])


def test_panels_keep_their_order():
    table = join_panels({"z": pl.DataFrame({"x": [1]}), "a": pl.DataFrame({"x": [2, 3]})})
    assert table["panel"].dtype == pl.Enum(["z", "a"])
    assert table.rows() == [(1, "z"), (2, "a"), (3, "a")]


def test_runs_start_and_end_together(stores):
    runs = SideBySide(stores, 6)
    views = {name: View(path) for name, path in stores.items()}
    for frame, moment in ((0, 0), (-1, 1)):
        shown = runs.read(frame)
        for (name, view), last in zip(views.items(), (3, 8), strict=True):
            panel = shown.filter(pl.col("panel") == name).drop("panel")
            assert panel.equals(view.read(moment * last))


def test_each_run_has_its_own_times(stores):
    runs = SideBySide(stores, 6, share=0.4)
    for name, path in stores.items():
        np.testing.assert_array_equal(
            runs.times[name], by_movement(View(path).movements, 6, share=0.4)
        )
    with pytest.raises(IndexError):
        runs.read(6)


def test_titles_belong_to_their_panels():
    titles = place_titles({"up": ("one", 1.0), "down": ("two", 0.5)}, y=1.1)
    assert titles["panel"].dtype == pl.Enum(["up", "down"])
    assert titles.rows() == [(0, 1.1, "one", 1, "up"), (0, 1.1, "two", 0.5, "down")]
