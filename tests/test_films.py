"""All films but the first, decoded once each: their sizes, panels, colours and movement.

They are slow to decode, and change only when they are committed anew.
"""

from typing import NamedTuple

import imageio_ffmpeg
import numpy as np
import pytest
from conftest import PALETTE, ROOT, crop_legend, to_classes
from matplotlib.colors import to_rgb

from animated.palette import get_colors

pytestmark = pytest.mark.slow


class Film(NamedTuple):
    """What the tests look at of a film.

    counts: {frame: number of coloured pixels in each panel}.
    frames: uint8 (height, width, 3), by their numbers.
    """

    name: str
    n_frames: int
    grid: tuple[int, int]
    counts: dict[int, list[int]]
    frames: dict[int, np.ndarray]


# Size, number of frames, and the panels as rows and columns of the part left of the legend.
FILMS = {
    "compare": ((1200, 800), 300 + 60, (2, 3)),
    "turn": ((1100, 800), 360, (2, 2)),
    "tour": ((1100, 800), 7 * 30 + 6 * 60 + 60, (1, 1)),
}
# Films of other data and parameters: how many frames they have besides the rest at the end.
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
TITLE, LEGEND = 70, 300


def read_planes(name, selected="1"):
    """Yield the size, then red, green and blue of each frame, uint8 (3, height, width).

    selected: an expression of ffmpeg, for which frames n it is not 0.
    """
    reader = imageio_ffmpeg.read_frames(
        str(ROOT / f"movies/{name}.mp4"),
        pix_fmt="gbrp",
        bits_per_pixel=24,
        output_params=["-vf", f"select='{selected}'", "-fps_mode", "vfr"],
    )
    width, height = next(reader)["size"]
    yield (width, height)
    for frame in reader:
        yield np.frombuffer(frame, np.uint8).reshape(3, height, width)[[2, 0, 1]]


def is_colored(planes):
    """Return which pixels are neither black, white nor grey."""
    red, green, blue = planes
    largest = np.maximum(np.maximum(red, green), blue)
    return largest - np.minimum(np.minimum(red, green), blue) > 40


def find_colored(picture):
    return picture[is_colored(np.moveaxis(picture, 2, 0))].astype(int)


def cut_panels(picture, rows, columns):
    plots = picture[TITLE:, :-LEGEND]
    return [
        panel for band in np.array_split(plots, rows) for panel in np.array_split(band, columns, 1)
    ]


def count_frames(name):
    return imageio_ffmpeg.count_frames_and_secs(str(ROOT / f"movies/{name}.mp4"))[0]


@pytest.fixture(scope="module", params=FILMS)
def film(request):
    """A film of compare.ipynb. All frames at once would take 2 GB."""
    name = request.param
    size, n_frames, grid = FILMS[name]
    assert count_frames(name) == n_frames
    kept = {n_frames - 1, n_frames - 90, n_frames - 180}
    kept |= {number + step for number in range(0, n_frames - 1, 10) for step in (0, 1)}
    counts, frames, planes = {}, {}, read_planes(name)
    assert next(planes) == size
    for number, frame in enumerate(planes):
        panels = cut_panels(is_colored(frame), *grid)
        counts[number] = [np.count_nonzero(panel) for panel in panels]
        if number in kept:
            frames[number] = np.moveaxis(frame, 0, 2)
    assert len(counts) == n_frames
    return Film(name, n_frames, grid, counts, frames)


def test_size_of_the_file(film):
    assert (ROOT / f"movies/{film.name}.mp4").stat().st_size <= 10_000_000


def test_no_panel_is_ever_empty(film):
    for number, counts in film.counts.items():
        assert min(counts) > 300, f"{film.name}, frame {number}, panel {np.argmin(counts)}"


def test_panels_and_legend_have_the_same_colours(film):
    """Shades are darker, but their hues are those of the palette."""
    last = film.n_frames - 1
    for digit in range(10):
        pixels = crop_legend(film.frames[last][:, -1100:], digit).reshape(-1, 3).astype(int)
        ink = pixels[pixels.sum(axis=1).argsort()[-80:]]
        assert (to_classes(ink) == digit).mean() > 0.6, f"the legend's {digit}"
    # In three dimensions one digit may hide another, but not from all sides.
    views = [cut_panels(film.frames[last + 1 - k], *film.grid) for k in (1, 90, 180)]
    for panels in zip(*views, strict=True):
        check_hues(np.concatenate([find_colored(panel) for panel in panels]), PALETTE, 40)


def check_hues(pixels, colors, n_pixels):
    """Assert that more than `n_pixels` are of each colour, and that most are of one of them."""
    seen = pixels / pixels.max(axis=1, keepdims=True)
    hues = colors / colors.max(axis=1, keepdims=True)
    distances = np.stack([np.linalg.norm(seen - hue, axis=1) for hue in hues], axis=1)
    counts = np.bincount(distances.argmin(axis=1), minlength=len(colors))
    assert (counts > n_pixels).all(), counts
    assert np.median(distances.min(axis=1)) < 0.2


def measure_steps(frames, numbers):
    """Return the mean difference of each of some frames to the next one."""
    pairs = [(frames[number], frames[number + 1]) for number in numbers]
    return np.array([(np.maximum(a, b) - np.minimum(a, b)).mean() for a, b in pairs])


def test_points_move(film):
    plots = {number: frame[TITLE:, :-LEGEND] for number, frame in film.frames.items()}
    steps = measure_steps(plots, range(0, film.n_frames - 1, 10))
    assert (steps > 0.05).mean() > 0.5
    assert steps.max() < 40, "it jumps"


@pytest.fixture(scope="module", params=OTHERS)
def other(request):
    name, n_frames = request.param, OTHERS[request.param] + 60
    assert count_frames(name) == n_frames
    extra = {*range(n_frames)[-240::60], n_frames - 50, n_frames - 1}
    selected = "+".join(["not(mod(n,5))", "eq(mod(n,10),1)", *(f"eq(n,{k})" for k in extra)])
    size, *planes = read_planes(name, selected)
    assert all(side % 2 == 0 for side in size)
    numbers = sorted({*range(0, n_frames, 5), *range(1, n_frames, 10), *extra})
    counts = [[np.count_nonzero(is_colored(frame))] for frame in planes]
    frames = [np.moveaxis(frame, 0, 2) for frame in planes]
    counts, frames = (dict(zip(numbers, values, strict=True)) for values in (counts, frames))
    return Film(name, n_frames, (1, 1), counts, frames)


def test_size_of_other_films(other):
    assert (ROOT / f"movies/{other.name}.mp4").stat().st_size <= 6_000_000


def test_points_of_other_films_are_there_and_move(other):
    for number, [count] in other.counts.items():
        assert count > 1_000, f"{other.name}, frame {number}"
    steps = measure_steps(other.frames, range(0, other.n_frames - 61, 10))
    assert (steps > 0.02).mean() > 0.4
    assert steps.max() < 40, "it jumps"
    # At rest the codec still sharpens what it has, but nothing comes or goes.
    last, earlier = (other.frames[other.n_frames - k].astype(int) for k in (1, 50))
    assert (np.abs(last - earlier).max(axis=2) > 100).mean() < 0.001, "no rest at the end"


def test_films_of_ten_classes_have_ten_hues(other):
    n_classes = {"penguins": 3, "mixed": 6}.get(other.name, 10)
    # The pairs of mixed.mp4 are the pale and the dark of a species.
    names = get_colors(12)[:6] if other.name == "mixed" else get_colors(n_classes)
    frames = [other.frames[number] for number in range(other.n_frames)[-240::60]]
    pixels = np.concatenate([find_colored(frame) for frame in frames])
    check_hues(pixels, np.array([to_rgb(name) for name in names]), 100)


def test_what_extends_the_repository_is_light():
    names = [f"movies/{name}.mp4" for name in OTHERS]
    names += ["images/penguins.gif", "images/penguins.png", "images/fashion.png"]
    names += [f"notebooks/{name}.ipynb" for name in ("transform", "metrics", "parameters")]
    assert sum((ROOT / name).stat().st_size for name in names) < 25_000_000
