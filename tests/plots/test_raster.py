"""Points and tiles against matplotlib's Agg, and the colours of video against their definition."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from animated.plots.raster import draw_points, draw_tiles, lay_over, to_yuv
from animated.plots.stamps import POSITIONS, make_solid_stamps, make_stamps

WIDTH, HEIGHT, DPI = 200, 150, 100
WHOLE = np.array([0, 0, WIDTH, HEIGHT])
SHAPES = ["o", ".", "^", "v", "<", ">", "D", "d", "*", "p", "h", "H", "8", "X", "x"]
WEIGHTS = np.array([0.2126, 0.7152, 0.0722])


def make_canvas(level=255):
    return np.full((HEIGHT, WIDTH, 3), level, dtype=np.uint8)


def make_axes():
    """Return axes whose units are the pixels of a canvas, from the upper left."""
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axes.set_axis_off()
    return axes


def draw(axes):
    canvas = FigureCanvasAgg(axes.figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def make_points(n, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-10, WIDTH + 10, n), rng.uniform(-10, HEIGHT + 10, n)
    return x, y, rng.integers(0, 256, (n, 4), dtype=np.uint8)


def scatter(x, y, areas, colors, **options):
    """Return what matplotlib makes of points, each with a size of its own."""
    axes = make_axes()
    axes.scatter(x, y, s=np.broadcast_to(areas, len(x)), c=colors / 255, **options)
    return draw(axes)


def stamp(x, y, colors, stamps, styles=None, clip=WHOLE):
    """Return what stamps make of points."""
    canvas = make_canvas()
    styles = np.zeros(len(x), dtype=np.int32) if styles is None else styles
    draw_points(canvas, clip, x, y, colors, stamps, styles)
    return canvas


def measure(picture, reference):
    """Return the largest error of a channel, and the mean error."""
    error = np.abs(picture.astype(int) - reference)
    return error.max(), error.mean()


def decode(planes):
    """Return the RGB of yuv420p planes, float (height, width, 3)."""
    height = planes.shape[0] * 2 // 3
    width = planes.shape[1]
    luma = (planes[:height].astype(float) - 16) * 255 / 219
    blue, red = (planes[height:].reshape(2, height // 2, width // 2) - 128.0) * 255 / 224
    blue, red = (np.kron(plane, np.ones((2, 2))) for plane in (blue, red))
    r, b = luma + 2 * (1 - WEIGHTS[0]) * red, luma + 2 * (1 - WEIGHTS[2]) * blue
    g = (luma - WEIGHTS[0] * r - WEIGHTS[2] * b) / WEIGHTS[1]
    return np.stack([r, g, b], axis=-1).clip(0, 255)


def to_standard_yuv(picture):
    """Return the planes of BT.709, in floating point: chroma a mean of four, luma of the pixel."""
    height, width, _ = picture.shape
    luma = picture @ WEIGHTS
    mean = picture.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    red, blue = (
        128 + (mean[..., i] - mean @ WEIGHTS) / (2 * (1 - WEIGHTS[i])) * 224 / 255 for i in (0, 2)
    )
    chroma = [plane.reshape(height // 4, width) for plane in (blue, red)]
    return np.concatenate([16 + luma * 219 / 255, *chroma])


@pytest.mark.parametrize("area", [3.0, 80.0, 600.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_solid_points_are_those_of_agg(shape, area):
    x, y, colors = make_points(60)
    colors[:, 3] = 255
    reference = scatter(x, y, area, colors, marker=shape, linewidths=1)
    picture = stamp(x, y, colors, make_solid_stamps(shape, area, 1.0, DPI, 255))
    largest, mean = measure(picture, reference)
    # A sixteenth of a pixel off at most: few levels along an edge, and nothing elsewhere.
    assert largest <= 24
    assert mean < 0.6


@pytest.mark.parametrize("area", [0.5, 3.0, 20.0, 400.0, 3000.0])
@pytest.mark.parametrize("dpi", [50, 100, 200])
def test_a_stamp_is_the_marker_of_agg(area, dpi):
    stamps = make_stamps("o", area, 0.5, dpi)
    coats, down, across, height, width = stamps.shape
    assert (coats, down, across) == (2, POSITIONS, POSITIONS)
    assert height == width and height % 2 == 1
    assert stamps.dtype == np.uint8 and not stamps.flags.writeable
    diameter = np.sqrt(area) * dpi / 72
    covered = stamps[0].astype(float).sum(axis=(-1, -2)) / 255
    # Agg takes a curve to be a polygon.
    assert covered == pytest.approx(np.pi * diameter**2 / 4, rel=0.05, abs=0.1)


@pytest.mark.parametrize("opacity", [0, 1, 77, 128, 254, 255])
def test_opacity(opacity):
    x, y, colors = make_points(80)
    colors[:, 3] = opacity
    reference = scatter(x, y, 100.0, colors, linewidths=0)
    solid = colors | np.array([0, 0, 0, 255], dtype=np.uint8)
    in_one_coat = stamp(x, y, solid, make_solid_stamps("o", 100.0, 0.0, DPI, opacity))
    faces = stamp(x, y, colors, make_stamps("o", 100.0, 0.0, DPI))
    assert measure(in_one_coat, reference)[0] <= 24
    assert measure(faces, reference)[0] <= 24
    if opacity == 0:
        assert (faces == 255).all() and (in_one_coat == 255).all()


def test_opacity_of_each_point():
    x, y, colors = make_points(80)
    reference = scatter(x, y, 100.0, colors, linewidths=0)
    assert measure(stamp(x, y, colors, make_stamps("o", 100.0, 0.0, DPI)), reference)[0] <= 24


@pytest.mark.parametrize("opacity", [1, 3, 10, 30, 100, 200])
def test_many_faint_points(opacity):
    """What is cut off when colours are mixed adds up."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(30, 90, 3_000), rng.uniform(30, 90, 3_000)
    colors = np.full((3_000, 4), opacity, dtype=np.uint8)
    colors[:, :3] = 20, 60, 200
    reference = scatter(x, y, 100.0, colors, linewidths=0)
    picture = stamp(x, y, colors, make_stamps("o", 100.0, 0.0, DPI))
    largest, mean = measure(picture, reference)
    assert largest <= 16
    assert mean < 0.3


def test_face_below_edge():
    x, y, faces = make_points(20)
    edges = make_points(20, seed=1)[2]
    reference = scatter(x, y, 200.0, faces, edgecolors=edges / 255, linewidths=2)
    colors = np.stack([faces, edges], axis=1).reshape(-1, 4)
    styles = np.tile(np.array([0, 1], dtype=np.int32), 20)
    stamps = make_stamps("o", 200.0, 2.0, DPI)
    picture = stamp(np.repeat(x, 2), np.repeat(y, 2), colors, stamps, styles)
    assert measure(picture, reference)[0] <= 24


def test_points_of_several_sizes():
    x, y, colors = make_points(60)
    colors[:, 3] = 255
    styles = np.arange(60, dtype=np.int32) % 3
    areas = np.array([4.0, 50.0, 200.0])
    reference = scatter(x, y, areas[styles], colors, linewidths=1)
    sheets = [make_solid_stamps("o", area, 1.0, DPI, 255) for area in areas]
    rims = [(sheets[2].shape[-1] - sheet.shape[-1]) // 2 for sheet in sheets]
    padded = [
        np.pad(sheet, [(0, 0)] * 3 + [(rim, rim)] * 2)
        for sheet, rim in zip(sheets, rims, strict=True)
    ]
    picture = stamp(x, y, colors, np.concatenate(padded), styles)
    assert measure(picture, reference)[0] <= 24


def test_later_points_lie_on_top():
    stamps = make_solid_stamps("o", 400.0, 0.0, DPI, 255)
    colors = np.array([[255, 0, 0, 255], [0, 0, 255, 255]], dtype=np.uint8)
    place = np.full(2, 50.5)
    assert stamp(place, place, colors, stamps)[50, 50].tolist() == [0, 0, 255]
    assert stamp(place, place, colors[::-1].copy(), stamps)[50, 50].tolist() == [255, 0, 0]


@pytest.mark.parametrize("clip", [(50, 40, 120, 90), (0, 0, 1, 1), (199, 149, 200, 150)])
def test_points_stay_within_the_clip(clip):
    x, y, colors = make_points(200)
    colors[:, 3] = 255
    stamps = make_solid_stamps("o", 100.0, 1.0, DPI, 255)
    picture = stamp(x, y, colors, stamps, clip=np.array(clip))
    left, top, right, bottom = clip
    inside = picture[top:bottom, left:right].copy()
    assert (inside == stamp(x, y, colors, stamps)[top:bottom, left:right]).all()
    picture[top:bottom, left:right] = 255
    assert (picture == 255).all()


@pytest.mark.parametrize("place", [np.nan, np.inf, -np.inf, 1e300, -1e300, 2.0**63, 1e10, -1e10])
def test_points_that_are_nowhere_are_skipped(place):
    stamps = make_solid_stamps("o", 100.0, 1.0, DPI, 255)
    black, middle = np.array([[0, 0, 0, 255]], dtype=np.uint8), np.array([50.0])
    for x, y in [(place, 50.0), (50.0, place), (place, place)]:
        assert (stamp(np.array([x]), np.array([y]), black, stamps) == 255).all()
    both = stamp(np.array([place, 50.0]), np.array([50.0, 50.0]), black.repeat(2, axis=0), stamps)
    assert (both == stamp(middle, middle, black, stamps)).all()


def test_no_points_draw_nothing():
    stamps = make_stamps("o", 100.0, 1.0, DPI)
    empty = np.empty(0)
    assert (stamp(empty, empty, np.empty((0, 4), dtype=np.uint8), stamps) == 255).all()


def test_a_marker_that_shows_nothing():
    x, y, colors = make_points(20)
    assert (stamp(x, y, colors, make_stamps("None", 100.0, 1.0, DPI)) == 255).all()


def test_tiles_are_those_of_agg():
    rng = np.random.default_rng(0)
    x = np.sort(rng.integers(-20, WIDTH + 20, (40, 2)), axis=1).astype(np.int32)
    y = np.sort(rng.integers(-20, HEIGHT + 20, (40, 2)), axis=1).astype(np.int32)
    colors = rng.integers(0, 256, (40, 4), dtype=np.uint8)
    canvas, axes = make_canvas(), make_axes()
    draw_tiles(canvas, WHOLE, x, y, colors)
    for (left, right), (top, bottom), color in zip(x, y, colors / 255, strict=True):
        axes.fill([left, right, right, left], [top, top, bottom, bottom], color=color, linewidth=0)
    assert measure(canvas, draw(axes))[0] <= 4


def test_tiles_stay_within_the_clip():
    canvas, black = make_canvas(), np.array([[0, 0, 0, 255]], dtype=np.uint8)
    side = np.array([[-(2**31), 2**31 - 1]], dtype=np.int32)
    draw_tiles(canvas, np.array([50, 40, 120, 90]), side, side, black)
    assert (canvas[40:90, 50:120] == 0).all()
    assert (canvas == 0).all(axis=2).sum() == 50 * 70


def test_a_tile_ends_before_its_last_side():
    canvas, black = make_canvas(), np.array([[0, 0, 0, 255]], dtype=np.uint8)
    x, y = np.array([[3, 5]], dtype=np.int32), np.array([[7, 8]], dtype=np.int32)
    draw_tiles(canvas, WHOLE, x, y, black)
    assert np.argwhere(canvas[..., 0] == 0).tolist() == [[7, 3], [7, 4]]


def test_transparent_tiles_draw_nothing():
    canvas, side = make_canvas(), np.array([[0, 50]], dtype=np.int32)
    draw_tiles(canvas, WHOLE, side, side, np.array([[0, 0, 0, 0]], dtype=np.uint8))
    assert (canvas == 255).all()


def test_lay_over_is_a_weighted_mean():
    rng = np.random.default_rng(0)
    canvas = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    picture = rng.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    share = picture[..., 3:] / 255
    expected = canvas * (1 - share) + picture[..., :3] * share
    lay_over(canvas, picture)
    assert np.abs(canvas - expected).max() < 2


@pytest.mark.parametrize("opacity", [0, 255])
def test_lay_over_all_or_nothing(opacity):
    rng = np.random.default_rng(0)
    before = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    picture = rng.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    picture[..., 3] = opacity
    canvas = before.copy()
    lay_over(canvas, picture)
    assert (canvas == (picture[..., :3] if opacity else before)).all()


@pytest.mark.parametrize("size", [(2, 2), (2, 4), (4, 2), (150, 200), (10, 6)])
def test_planes_of_video_have_the_sizes_of_yuv420p(size):
    height, width = size
    planes = to_yuv(np.zeros((height, width, 3), dtype=np.uint8))
    assert planes.shape == (height * 3 // 2, width)
    assert planes.dtype == np.uint8


@pytest.mark.parametrize(("level", "luma"), [(0, 16), (255, 235)])
def test_black_and_white_are_exact(level, luma):
    planes = to_yuv(np.full((8, 8, 3), level, dtype=np.uint8))
    assert (planes[:8] == luma).all()
    assert (planes[8:] == 128).all()


@pytest.mark.parametrize(
    ("color", "stored"),
    [
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
        ((128, 128, 128), (126, 128, 128)),
    ],
)
def test_known_colours_of_video(color, stored):
    planes = to_yuv(np.full((4, 4, 3), color, dtype=np.uint8))
    assert planes[0, 0] == pytest.approx(stored[0], abs=1)
    assert planes[4, 0] == pytest.approx(stored[1], abs=1)
    assert planes[5, 0] == pytest.approx(stored[2], abs=1)


def test_flat_blocks_are_those_of_the_recommendation():
    colors = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    picture = colors.repeat(2, axis=0).repeat(2, axis=1)
    planes = to_yuv(picture)
    assert np.abs(planes - to_standard_yuv(picture)).max() <= 1
    assert np.abs(decode(planes) - picture).max() <= 4


def test_chroma_is_that_of_the_recommendation():
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert np.abs(to_yuv(picture)[32:] - to_standard_yuv(picture)[32:]).max() <= 1


@pytest.mark.parametrize("background", [0, 255])
def test_luma_keeps_small_points(background):
    rng = np.random.default_rng(0)
    picture = np.full((64, 64, 3), background, dtype=np.uint8)
    rows, columns = rng.integers(0, 64, (2, 300))
    picture[rows, columns] = rng.choice([30, 120, 255], (300, 3))
    standard = np.rint(to_standard_yuv(picture)).astype(np.uint8)
    ours, theirs = (((decode(p) - picture) ** 2).mean() for p in (to_yuv(picture), standard))
    assert ours < theirs


def test_luma_of_a_pixel_is_the_best_there_is():
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    planes = to_yuv(picture)
    chosen = ((decode(planes) - picture) ** 2).sum(axis=2)
    errors = []
    for level in range(16, 236):
        planes[:8] = level
        errors.append(((decode(planes) - picture) ** 2).sum(axis=2))
    # It foresees which channels are cut off, and mostly so.
    assert np.median(chosen / np.min(errors, axis=0)) < 1.02
