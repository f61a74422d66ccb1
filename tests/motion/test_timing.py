"""When frames are shown, and what lies between two epochs."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from animated.motion.timing import by_epoch, by_movement, ease, measure_displacements, read_moment
from animated.runs.store import read_epoch
from animated.runs.writer import EpochWriter

VIOLENT = 1 / np.arange(1, 101) ** 2


@pytest.fixture(scope="module", params=[2, 3])
def store(tmp_path_factory, request):
    """A run of three epochs in the plane or in space."""
    path = tmp_path_factory.mktemp("store") / "epochs.parquet"
    labels = pl.Series("digit", ["1", "0"] * 25)
    rng = np.random.default_rng(0)
    with EpochWriter(path, labels=labels) as write:
        for epoch in range(3):
            write(epoch, rng.uniform(size=(50, request.param)))
    return path


def measure_passage(displacements, times):
    """Return how far points move from each frame to the next."""
    moved = np.concatenate([[0], np.cumsum(displacements)])
    return np.diff(np.interp(times, np.arange(len(moved)), moved))


def test_equal_time():
    times = by_epoch(199, 500)
    assert times.shape == (500,) and times.dtype == np.float64
    assert times[0] == 0 and times[-1] == 199
    assert np.allclose(np.diff(times), 199 / 499)


@pytest.mark.parametrize("seed", range(20))
def test_times_ascend_from_end_to_end(seed):
    rng = np.random.default_rng(seed)
    n_epochs, n_frames = rng.integers(1, 300), rng.integers(2, 900)
    displacements = rng.exponential(size=n_epochs) ** 4 * (rng.uniform(size=n_epochs) < 0.7)
    times = by_movement(displacements, n_frames, rng.uniform())
    assert times.shape == (n_frames,)
    assert times[0] == 0 and times[-1] == n_epochs
    assert (np.diff(times) > 0).all()


def test_equal_movement():
    passage = measure_passage(VIOLENT, by_movement(VIOLENT, 300))
    assert np.allclose(passage, VIOLENT.sum() / 299)


def test_no_movement_at_the_ends():
    times = by_movement([0, 0, 1, 0, 2, 0], 7)
    assert times[0] == 0 and times[-1] == 6
    assert (np.diff(times) > 0).all()
    assert np.allclose(measure_passage([0, 0, 1, 0, 2, 0], times), 0.5)


def test_time_and_movement_are_blended():
    share = 0.3
    times = by_movement(VIOLENT, 300, share)
    movement = measure_passage(VIOLENT, times) / VIOLENT.sum()
    assert np.allclose(share * movement + (1 - share) * np.diff(times) / 100, 1 / 299)
    assert np.allclose(by_movement(VIOLENT, 300, 0), by_epoch(100, 300))


def test_nothing_moves():
    assert np.allclose(by_movement(np.zeros(10), 31), by_epoch(10, 31))


def test_a_violent_start_is_slowed_down():
    times = by_movement(VIOLENT, 300)
    assert (times < 1).mean() > 0.5


def test_ease():
    t = np.linspace(0, 1, 1001)
    eased = ease(t)
    speed = np.gradient(eased, t)
    assert eased[0] == 0 and eased[-1] == 1 and ease(0.5) == 0.5
    assert (np.diff(eased) > 0).all()
    assert speed[0] < 0.01 and speed[-1] < 0.01
    assert speed.argmax() == 500
    assert ease(-1) == 0 and ease(2) == 1


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_whole_time_is_the_epoch(store, epoch):
    moment, expected = read_moment(store, epoch), read_epoch(store, epoch)
    assert moment.drop("epoch").equals(expected.drop("epoch"))
    assert moment.columns == expected.columns
    assert moment["epoch"].dtype == pl.Float64 and moment["epoch"].unique().item() == epoch


def test_between_two_epochs(store):
    before, after, moment = read_epoch(store, 1), read_epoch(store, 2), read_moment(store, 1.25)
    for axis in {"x", "y", "z"} & {*moment.columns}:
        expected = 0.75 * before[axis] + 0.25 * after[axis]
        assert np.allclose(moment[axis], expected, atol=1e-6)
        assert moment[axis].dtype == pl.Float64
    assert moment["epoch"].unique().item() == 1.25
    assert moment.select("index", "digit").equals(before.select("index", "digit"))


def test_displacements(store):
    axes = [axis for axis in ("x", "y", "z") if axis in read_epoch(store, 0).columns]
    places = [read_epoch(store, epoch).select(axes).to_numpy() for epoch in range(3)]
    steps = [np.linalg.norm(after - before, axis=1).mean() for before, after in pairwise(places)]
    displacements = measure_displacements(store)
    assert displacements.dtype == np.float64
    assert np.allclose(displacements, steps)


BAD = [
    (by_epoch, (0, 10), "n_epochs must be an integer of at least 1, got 0"),
    (by_epoch, (10, 1), "n_frames must be an integer of at least 2, got 1"),
    (by_epoch, (10, 2.0), "n_frames must be an integer of at least 2, got 2.0"),
    (by_movement, (VIOLENT, 1), "n_frames must be an integer of at least 2, got 1"),
    (by_movement, ([], 10), r"displacements must have shape \(n_epochs,\), got \(0,\)"),
    (by_movement, ([[1.0]], 10), r"displacements must have shape \(n_epochs,\), got \(1, 1\)"),
    (by_movement, ([1, -1], 10), "displacements must be finite and at least 0, got -1.0"),
    (by_movement, ([1, np.nan], 10), "displacements must be finite and at least 0, got nan"),
    (by_movement, (VIOLENT, 10, 1.5), "share must be between 0 and 1, got 1.5"),
]


@pytest.mark.parametrize(("function", "arguments", "message"), BAD)
def test_bad_arguments(function, arguments, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        function(*arguments)


@pytest.mark.parametrize("time", [-0.5, np.nan, np.inf])
def test_a_time_that_is_none(store, time):
    with pytest.raises(ValueError, match="time must be a number of epochs of at least 0, got"):
        read_moment(store, time)


@pytest.mark.parametrize("time", [2.5, 3])
def test_a_time_after_the_end(store, time):
    with pytest.raises(ValueError, match=r"epoch must be one of the epochs in .*, 0 to 2, got 3"):
        read_moment(store, time)
