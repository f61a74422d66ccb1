"""A view keeps the layout in the middle and in the picture, whatever its size."""

import numpy as np
import polars as pl
import pytest

from animated.motion.framing import View
from animated.motion.timing import by_movement
from animated.runs.store import read_epoch
from animated.runs.writer import EpochWriter

SIZES = np.r_[np.full(20, 0.01), np.geomspace(0.01, 1, 10), np.full(10, 0.5)]


@pytest.fixture(params=[2, 3])
def path(request, tmp_path):
    """A run that grows a hundredfold, then shrinks, and drifts all the time."""
    cloud = np.random.default_rng(0).normal(size=(80, request.param))
    path = tmp_path / "run.parquet"
    with EpochWriter(path, labels=pl.Series("digit", ["a", "b"] * 40)) as write:
        for epoch, size in enumerate(SIZES):
            write(epoch, cloud * size + epoch / 40)
    return path


def get_offsets(table):
    axes = [axis for axis in ("x", "y", "z") if axis in table.columns]
    return table.select(axes).to_numpy() - 0.5


@pytest.mark.parametrize("smooth", [0, 5])
def test_nothing_leaves_the_picture(path, smooth):
    view = View(path, smooth)
    for time in np.linspace(0, len(SIZES) - 1, 160):
        offsets = get_offsets(view.read(time))
        assert np.linalg.norm(offsets, axis=1).max() <= 0.5 + 1e-9
        assert np.abs(offsets.mean(axis=0)).max() < 1e-9


def test_rounding_takes_no_point_out_of_the_picture(tmp_path):
    """plotnine does not draw what is beyond the limits of a scale."""
    cross, random = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]]), np.random.default_rng(0)
    with EpochWriter(tmp_path / "run.parquet", is_exact=True) as write:
        for epoch in range(30):
            write(epoch, cross * (1 if epoch < 8 else 1e-4) * random.uniform(0.9, 1.1))
    view = View(tmp_path / "run.parquet")
    seen = np.array([get_offsets(view.read(time)) for time in np.linspace(0, 29, 88)])
    assert np.abs(seen).max() <= 0.5


def test_a_dot_fills_the_picture(path):
    view = View(path)
    for epoch in (0, 10, 25, 39):  # at 25 it is growing fast
        assert np.linalg.norm(get_offsets(view.read(epoch)), axis=1).max() > 0.05
    small, large = (np.ptp(read_epoch(path, epoch)["x"].to_numpy()) for epoch in (5, 29))
    assert large > 50 * small
    assert np.linalg.norm(get_offsets(view.read(5)), axis=1).max() == pytest.approx(0.5, abs=1e-2)


def test_the_camera_takes_its_time(path):
    hasty, calm = (np.abs(np.diff(np.log(View(path, smooth).radii))).max() for smooth in (0, 5))
    assert calm < 0.75 * hasty


def test_shapes_are_kept(path):
    table, store = View(path).read(20), read_epoch(path, 20)
    seen, kept = get_offsets(table), get_offsets(store)
    ratio = np.ptp(seen, axis=0) / np.ptp(kept, axis=0)
    assert np.allclose(ratio, ratio[0])
    assert table.columns == store.columns and table["digit"].equals(store["digit"])


def test_movements_are_shares_of_the_picture(path):
    view = View(path, smooth=0)
    moved = get_offsets(read_epoch(path, 8)) - get_offsets(read_epoch(path, 7))
    expected = np.linalg.norm(moved, axis=1).mean() / (2 * view.radii[8])
    assert view.movements[7] == pytest.approx(expected)
    assert len(by_movement(view.movements, 30)) == 30


def test_one_place(tmp_path):
    with EpochWriter(tmp_path / "run.parquet") as write:
        write(0, np.ones((5, 2)))
        write(1, np.ones((5, 2)))
    assert (View(tmp_path / "run.parquet").read(0.5)["x"] == 0.5).all()


def test_bad_input(path):
    with pytest.raises(ValueError, match="smooth must be an integer of at least 0, got -1"):
        View(path, -1)
    with pytest.raises(FileNotFoundError):
        View("nowhere.parquet")
    with pytest.raises(ValueError, match=r"epoch must be one of the epochs in .*, 0 to 39, got 40"):
        View(path).read(40.5)


def test_gaps(tmp_path):
    with EpochWriter(tmp_path / "run.parquet") as write:
        for epoch in (0, 3, 5):
            write(epoch, np.eye(3)[:, :2])
    with pytest.raises(ValueError, match="must hold all epochs from 0 to 5, got 3 of them"):
        View(tmp_path / "run.parquet")
