"""All films but the first, decoded: every frame, every panel of those of compare.ipynb."""

import imageio_ffmpeg
import numpy as np
import pytest
from conftest import PALETTE, ROOT, crop_legend, to_classes
from matplotlib.colors import to_rgb

from animated.palette import get_colors

# Size, number of frames, and the panels as rows and columns of the part left of the legend.
FILMS = {
    "compare": ((1200, 800), 300 + 60, (2, 3)),
    "turn": ((1100, 800), 360, (2, 2)),
    "tour": ((1100, 800), 7 * 30 + 6 * 60 + 60, (1, 1)),
}
TITLE, LEGEND = 70, 300


def read_frames(name):
    """Yield the size, then every frame, uint8 (height, width, 3): all at once would be 2 GB."""
    reader = imageio_ffmpeg.read_frames(str(ROOT / f"movies/{name}.mp4"))
    width, height = next(reader)["size"]
    yield (width, height)
    for frame in reader:
        yield np.frombuffer(frame, np.uint8).reshape(height, width, 3)


def cut_panels(frame, rows, columns):
    plots = frame[TITLE:, :-LEGEND]
    return [
        panel for band in np.array_split(plots, rows) for panel in np.array_split(band, columns, 1)
    ]


def find_colored(panel):
    """Return the pixels that are neither black, white nor grey."""
    pixels = panel.reshape(-1, 3).astype(int)
    return pixels[np.ptp(pixels, axis=1) > 40]


@pytest.fixture(scope="module", params=FILMS)
def film(request):
    size, n_frames, grid = FILMS[request.param]
    seen, *frames = read_frames(request.param)
    assert (seen, len(frames)) == (size, n_frames)
    return request.param, frames, grid


def test_size_of_the_file(film):
    assert (ROOT / f"movies/{film[0]}.mp4").stat().st_size <= 10_000_000


def test_no_panel_is_ever_empty(film):
    name, frames, grid = film
    for number, frame in enumerate(frames):
        for position, panel in enumerate(cut_panels(frame, *grid)):
            assert len(find_colored(panel)) > 300, f"{name}, frame {number}, panel {position}"


def test_panels_and_legend_have_the_same_colours(film):
    """Shades are darker, but their hues are those of the palette."""
    name, frames, grid = film
    for digit in range(10):
        pixels = crop_legend(frames[-1][:, -1100:], digit).reshape(-1, 3).astype(int)
        ink = pixels[pixels.sum(axis=1).argsort()[-80:]]
        assert (to_classes(ink) == digit).mean() > 0.6, f"the legend's {digit}"
    hues = PALETTE / PALETTE.max(axis=1, keepdims=True)
    # In three dimensions one digit may hide another, but not from all sides.
    for panels in zip(*(cut_panels(frames[k], *grid) for k in (-1, -90, -180)), strict=True):
        pixels = np.concatenate([find_colored(panel) for panel in panels])
        seen = pixels[:, None] / pixels.max(axis=1)[:, None, None]
        distances = np.linalg.norm(seen - hues, axis=-1)
        counts = np.bincount(distances.argmin(axis=1), minlength=10)
        assert (counts > 40).all(), name
        assert np.median(distances.min(axis=1)) < 0.2, name


def test_points_move(film):
    name, frames, _ = film
    steps = [
        np.abs(a[TITLE:, :-LEGEND].astype(int) - b[TITLE:, :-LEGEND]).mean()
        for a, b in zip(frames[:-1:10], frames[1::10], strict=False)
    ]
    assert np.mean(np.array(steps) > 0.05) > 0.5, name
    assert max(steps) < 40, f"{name} jumps"


# Of other data and of extend.ipynb: how many frames they have besides the rest at the end.
OTHERS = {
    "fashion": 200,
    "penguins": 200,
    "both": 240,
    "unseen": 240,
    "labels": 240,
    "mixed": 240,
    "distances": 240,
    "sweeps": 240,
    "seeds": 10 * 12 + 9 * 18,
}


@pytest.fixture(scope="module", params=OTHERS)
def other(request):
    size, *frames = read_frames(request.param)
    assert all(side % 2 == 0 for side in size)
    assert len(frames) == OTHERS[request.param] + 60
    return request.param, frames


def test_size_of_other_films(other):
    assert (ROOT / f"movies/{other[0]}.mp4").stat().st_size <= 6_000_000


def test_points_of_other_films_are_there_and_move(other):
    name, frames = other
    for number, frame in enumerate(frames[::5]):
        assert len(find_colored(frame)) > 1_000, f"{name}, frame {5 * number}"
    steps = [
        np.abs(a.astype(int) - b).mean()
        for a, b in zip(frames[:-61:10], frames[1:-60:10], strict=True)
    ]
    assert np.mean(np.array(steps) > 0.02) > 0.4, name
    assert max(steps) < 40, f"{name} jumps"
    # At rest the codec still sharpens what it has, but nothing comes or goes.
    changes = np.abs(frames[-1].astype(int) - frames[-50]).max(axis=2)
    assert (changes > 100).mean() < 0.001, "no rest at the end"


def test_films_of_ten_classes_have_ten_hues(other):
    name, frames = other
    n_classes = {"penguins": 3, "mixed": 6}.get(name, 10)
    colors = np.array([to_rgb(color) for color in get_colors(n_classes)])
    if name == "mixed":  # whose pairs are the pale and the dark of a species
        colors = np.array([to_rgb(color) for color in get_colors(12)[:6]])
    pixels = np.concatenate([find_colored(frame) for frame in frames[-240::60]])
    seen = pixels / pixels.max(axis=1, keepdims=True)
    hues = colors / colors.max(axis=1, keepdims=True)
    distances = np.linalg.norm(seen[:, None] - hues, axis=2)
    counts = np.bincount(distances.argmin(axis=1), minlength=n_classes)
    assert (counts > 100).all(), f"{name}: {counts}"
    assert np.median(distances.min(axis=1)) < 0.2, name


def test_what_extends_the_repository_is_light():
    names = [f"movies/{name}.mp4" for name in OTHERS]
    names += ["images/penguins.gif", "images/penguins.png", "images/fashion.png", "extend.ipynb"]
    assert sum((ROOT / name).stat().st_size for name in names) < 25_000_000
