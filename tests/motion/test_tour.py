"""Layouts that are aligned, and the frames on the way from one to the next."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import ortho_group

from animated.geometry import align, fit
from animated.motion.tour import Tour

N = 200
RNG = np.random.default_rng(0)
LAYOUTS = {name: RNG.normal(size=(N, 2)) * [3, 1] + 5 for name in ("PCA", "t-SNE", "UMAP")}
LABELS = pl.Series("digit", ["1", "0"] * (N // 2))
PAUSE, TRAVEL = 4, 9


@pytest.fixture(scope="module")
def tour():
    return Tour(LAYOUTS, LABELS, pause=PAUSE, travel=TRAVEL)


@pytest.fixture(scope="module")
def places(tour):
    """Positions (n_frames, n_samples, 2) at all frames."""
    frames = [tour.read(frame) for frame in range(len(tour))]
    return np.array([frame.select("x", "y").to_numpy() for frame in frames])


def measure(one, other):
    return ((one - other) ** 2).sum()


def move_only(layout, reference):
    """Return a layout with the centre and the size of another, and neither turned nor mirrored."""
    layout, centre = layout - layout.mean(axis=0), reference.mean(axis=0)
    return centre + layout * np.linalg.norm(reference - centre) / np.linalg.norm(layout)


@pytest.mark.parametrize("n_components", [2, 3])
@pytest.mark.parametrize("seed", range(10))
def test_align_undoes_what_says_nothing(seed, n_components):
    rng = np.random.default_rng(seed)
    reference = rng.normal(size=(N, n_components)) * np.arange(1, n_components + 1)
    rotation = ortho_group.rvs(n_components, random_state=seed)
    layout = rng.uniform(0.1, 50) * reference @ rotation + rng.normal(size=n_components) * 100
    assert np.abs(align(layout, reference) - reference).max() < 1e-10


@pytest.mark.parametrize("seed", range(10))
def test_no_other_turn_is_nearer(seed):
    rng = np.random.default_rng(seed)
    layout, reference = rng.normal(size=(2, N, 2)) + rng.normal(size=(2, 1, 2))
    best = measure(align(layout, reference), reference)
    assert best <= measure(move_only(layout, reference), reference)
    for rotation in ortho_group.rvs(2, size=20, random_state=seed):
        assert best <= measure(move_only(layout @ rotation, reference), reference) + 1e-9


def test_an_aligned_layout_keeps_its_shape():
    layout, reference = LAYOUTS["PCA"], LAYOUTS["UMAP"]
    aligned = align(layout, reference)
    distances = [np.linalg.norm(each[1:] - each[:-1], axis=1) for each in (layout, aligned)]
    ratio = distances[1] / distances[0]
    assert np.allclose(ratio, ratio[0])
    assert np.allclose(aligned.mean(axis=0), reference.mean(axis=0))
    sizes = [np.linalg.norm(each - each.mean(axis=0)) for each in (aligned, reference)]
    assert sizes[0] == pytest.approx(sizes[1])


def test_a_layout_of_one_place_stays_in_the_centre():
    aligned = align(np.ones((N, 2)), LAYOUTS["UMAP"])
    assert np.allclose(aligned, LAYOUTS["UMAP"].mean(axis=0))


def test_a_reference_of_one_place_gives_no_size():
    aligned = align(LAYOUTS["UMAP"], np.ones((N, 2)))
    assert np.allclose(aligned.mean(axis=0), 1)
    assert np.linalg.norm(aligned - 1) == pytest.approx(
        np.linalg.norm(LAYOUTS["UMAP"] - LAYOUTS["UMAP"].mean(axis=0))
    )


def test_fit_keeps_proportions():
    fitted = fit(LAYOUTS["PCA"])
    low, high = fitted.min(axis=0), fitted.max(axis=0)
    assert (high - low).max() == 1 and fitted.min() == 0 and fitted.max() == 1
    assert np.allclose(low + high, 1)
    extents = np.ptp(LAYOUTS["PCA"], axis=0)
    assert np.allclose(high - low, extents / extents.max())


def test_the_number_of_frames(tour):
    assert len(tour) == 3 * PAUSE + 2 * TRAVEL


def test_stops_are_reached_exactly(tour, places):
    for stop, layout in enumerate(tour.stops):
        first = stop * (PAUSE + TRAVEL)
        for frame in range(first, first + PAUSE):
            assert (places[frame] == layout).all()
    assert (places[PAUSE] != tour.stops[0]).any()


def test_stops_are_the_layouts_aligned_and_fitted(tour):
    first, second, third = LAYOUTS.values()
    second = align(second, first)
    assert np.allclose(tour.stops[0], fit(first))
    assert np.allclose(tour.stops[1], fit(second))
    assert np.allclose(tour.stops[2], fit(align(third, second)))


def test_travel_is_straight_and_eased(tour, places):
    way = places[PAUSE - 1 : PAUSE + TRAVEL + 1]
    assert (way[-1] == tour.stops[1]).all()
    shift = tour.stops[1] - tour.stops[0]
    shares = ((way - way[0]) * shift).sum(axis=(1, 2)) / (shift**2).sum()
    assert np.allclose(way, way[0] + shares[:, None, None] * shift)
    speed = np.diff(shares)
    assert len(speed) == TRAVEL + 1
    assert (speed > 0).all() and np.allclose(speed, speed[::-1])
    middle = len(speed) // 2
    assert speed.max() == pytest.approx(speed[middle])
    assert (np.diff(speed[: middle - 1]) > 0).all()
    assert speed[0] < speed[middle] / 3


def test_no_point_leaves_the_picture(places):
    assert places.min() == 0 and places.max() == 1


def test_the_table(tour):
    table = tour.read(7)
    assert dict(table.schema) == {
        "index": pl.UInt32, "x": pl.Float64, "y": pl.Float64, "digit": pl.Enum(["0", "1"]),
    }  # fmt: skip
    assert table["index"].to_list() == [*range(N)]
    assert table["digit"].cast(pl.String).to_list() == LABELS.to_list()


def test_labels_may_have_no_name_or_be_left_out():
    assert Tour(LAYOUTS, ["a", "b"] * (N // 2)).read(0).columns == ["index", "x", "y", "label"]
    assert Tour(LAYOUTS).read(0).columns == ["index", "x", "y"]


def test_titles_fade(tour):
    titles = [tour.get_title(frame) for frame in range(len(tour))]
    assert all(title == ("PCA", 1) for title in titles[:PAUSE])
    assert all(title == ("UMAP", 1) for title in titles[-PAUSE:])
    way = titles[PAUSE - 1 : PAUSE + TRAVEL + 1]
    assert [title.text for title in way] == ["PCA"] * 5 + ["t-SNE"] * 6
    opacities = np.array([title.opacity for title in way])
    assert (np.diff(opacities[:5]) < 0).all() and (np.diff(opacities[5:]) > 0).all()
    assert opacities[5] == 0 and opacities[-1] == 1


def test_no_frames_between_stops():
    tour = Tour(LAYOUTS, pause=1, travel=0)
    assert len(tour) == 3
    assert [tour.get_title(frame).text for frame in range(3)] == [*LAYOUTS]
    x, y = tour.stops[2].T
    assert (tour.read(2)["x"] == x).all() and (tour.read(2)["y"] == y).all()


BAD = [
    ({"PCA": LAYOUTS["PCA"]}, {}, "embeddings must hold two or more, got 1"),
    ({"a": np.ones((5, 2)), "b": np.ones((6, 2))}, {},
     r"b must have shape \(5, 2\), got \(6, 2\)"),
    ({"a": np.ones((5, 3)), "b": np.ones((5, 3))}, {},
     r"a must have shape \(5, 2\), got \(5, 3\)"),
    ({"a": np.ones((5, 2)), "b": np.full((5, 2), np.nan)}, {},
     "b must be finite, got 5 rows that are not"),
    (LAYOUTS, {"labels": ["a"]}, "labels must have 200 values, one per sample, got 1"),
    (LAYOUTS, {"labels": pl.Series("x", ["a"] * N)},
     "labels must not have the name of another column, got 'x'"),
    (LAYOUTS, {"pause": 0}, "pause must be an integer of at least 1, got 0"),
    (LAYOUTS, {"travel": -1}, "travel must be an integer of at least 0, got -1"),
]  # fmt: skip


@pytest.mark.parametrize(("layouts", "options", "message"), BAD)
def test_bad_tours(layouts, options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Tour(layouts, **options)


@pytest.mark.parametrize("frame", [-1, 30, 1.5])
def test_bad_frames(tour, frame):
    with pytest.raises(ValueError, match=f"frame must be an integer from 0 to 29, got {frame}"):
        tour.read(frame)
    with pytest.raises(ValueError, match=f"frame must be an integer from 0 to 29, got {frame}"):
        tour.get_title(frame)


def test_bad_alignments():
    with pytest.raises(ValueError, match=r"embedding must have shape \(5, 2\), got \(4, 2\)"):
        align(np.ones((4, 2)), np.ones((5, 2)))
    with pytest.raises(ValueError, match="reference must be finite, got 1 rows that are not"):
        align(np.ones((2, 2)), np.array([[0, 0], [0, np.inf]]))
