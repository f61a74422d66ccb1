"""prepare.ipynb and visualize.ipynb on data other than the digits, by their parameters alone."""

import json

import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from test_frames import find_line
from test_movie import decode
from tools import run_notebook

from animated.palette import get_colors, get_gradient
from animated.runs.store import read_epoch, read_metadata
from animated.storage.paths import name_results

N_EPOCHS = 4


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("data", "frames", "movies", "images"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(source, name, **parameters):
    """Run both notebooks; return the paths of the results, the decoded movie and the names."""
    run_notebook("prepare.ipynb", data=str(source), num_epochs=N_EPOCHS, **parameters)
    names = run_notebook("visualize.ipynb", name=name)
    results = name_results(name)
    metadata, decoded = decode(results.movie)
    has_legend = names["label"] is not None or names["images"] is not None
    assert metadata["size"] == (1100 if has_legend else 800, 800)
    assert len(decoded) == N_EPOCHS + 60
    return results, decoded, names


def get_point_colors(frame, table):
    """Return the colours (n, 3) of a frame at the points of an epoch."""
    left, right, row = find_line(frame)
    unit = right - left + 1
    columns = np.rint(left + unit * table["x"].to_numpy()).astype(int)
    rows = np.rint(row + unit * (1.05 - table["y"].to_numpy())).astype(int)
    return frame[rows, columns].astype(float)


def cut_legend(frame):
    """Return the pixels (n, 3) to the right of the points."""
    right = find_line(frame)[1]
    return frame[:, right + 20 :].reshape(-1, 3).astype(float)


def to_pixels(colors):
    return np.array([to_rgb(color) for color in colors]) * 255


def find_nearest(pixels, colors):
    return np.linalg.norm(pixels[:, None] - to_pixels(colors), axis=2).argmin(axis=1)


def mentions_digit(names, results):
    texts = [names["title"], names["subtitle"], json.dumps(read_metadata(results.epochs))]
    return any("digit" in text.lower() for text in texts)


def test_penguins(folder):
    results, decoded, names = make("penguins", "penguins")
    assert names["title"] == "Palmer penguins embedded into two dimensions by UMAP"
    assert names["subtitle"] == "Each point is a penguin, coloured by species"
    assert not mentions_digit(names, results)
    last = read_epoch(results.epochs, N_EPOCHS - 1)
    assert last["species"].dtype.categories.to_list() == ["Adelie", "Chinstrap", "Gentoo"]
    colors = get_colors(3)
    seen = get_point_colors(decoded[N_EPOCHS - 1], last)
    codes = last["species"].to_physical().to_numpy()
    assert (find_nearest(seen, colors) == codes).mean() > 0.9
    legend = cut_legend(decoded[-1])
    for color in to_pixels(colors):
        assert (np.linalg.norm(legend - color, axis=1) < 40).sum() > 30
    assert read_metadata(results.epochs)["parameters"]["scaling"] == "standard"


@pytest.mark.slow
def test_numbers_as_label_have_a_colour_bar(folder):
    results, decoded, names = make("diamonds", "diamonds", num_rows=500)
    assert names["subtitle"] == "Each point is a diamond, coloured by price"
    last = read_epoch(results.epochs, N_EPOCHS - 1)
    price = last["price"].to_numpy()
    shares = (price - price.min()) / np.ptp(price)
    gradient = to_pixels(get_gradient())
    expected = np.array(
        [np.interp(shares, np.linspace(0, 1, len(gradient)), channel) for channel in gradient.T]
    ).T
    seen = get_point_colors(decoded[N_EPOCHS - 1], last)
    distances = np.linalg.norm(seen - expected, axis=1)
    assert np.median(distances) < 40
    bar = cut_legend(decoded[-1])
    for color in gradient[1:-1]:
        assert (np.linalg.norm(bar - color, axis=1) < 40).sum() > 50


@pytest.mark.slow
def test_no_label_is_one_colour(folder):
    points = np.random.default_rng(0).normal(size=(300, 5))
    np.save("cloud.npy", points)
    results, decoded, names = make("cloud.npy", "cloud", n_neighbors=5)
    assert names["title"] == "cloud embedded into two dimensions by UMAP"
    assert names["subtitle"] == "Each point is a row" and not mentions_digit(names, results)
    last = read_epoch(results.epochs, N_EPOCHS - 1)
    assert last.columns == ["index", "x", "y", "epoch"]
    seen = get_point_colors(decoded[N_EPOCHS - 1], last)
    color = to_pixels(get_colors(1))[0]
    assert np.median(np.linalg.norm(seen - color, axis=1)) < 60


@pytest.mark.slow
def test_a_table_with_forty_classes_and_awkward_names(folder):
    random = np.random.default_rng(0)
    kinds = [f"$kind_ {i:02}^$ \\$ <&>" for i in range(40)]
    table = pl.DataFrame(random.normal(size=(2_000, 6)), [f"a {i}" for i in range(6)])
    table = table.with_columns(pl.Series("y", [kinds[i % 40] for i in range(2_000)]))
    table = table.with_columns(pl.when(pl.col("a 0") > 1.5).then(None).otherwise("a 0").name.keep())
    table.write_csv("my $table_$.csv")
    results, decoded, names = make("my $table_$.csv", "my-table_", label="y", missing="mean")
    assert names["title"] == "my $table_$ embedded into two dimensions by UMAP"
    assert names["subtitle"] == "Each point is a row, coloured by label_y"
    last = read_epoch(results.epochs, N_EPOCHS - 1)
    assert last.height == 2_000 and last["label_y"].dtype.categories.to_list() == kinds
    assert read_metadata(results.epochs)["parameters"]["missing"] == "mean"
    legend = cut_legend(decoded[-1])
    seen = [
        (np.linalg.norm(legend - color, axis=1) < 40).any() for color in to_pixels(get_colors(40))
    ]
    assert np.mean(seen) > 0.9, "the legend has no room for all classes"


def test_images_in_a_folder(folder, digits):
    names = (
        digits["digit"]
        .cast(pl.String)
        .replace_strict({"0": "round", "1": "straight"}, default=None, return_dtype=pl.String)
    )
    few = digits.with_columns(shape=names).drop_nulls("shape").head(120)
    for i, (*pixels, _, shape) in enumerate(few.iter_rows()):
        path = folder / "shapes" / shape / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.array(pixels, np.uint8).reshape(28, 28)).save(path)
    results, decoded, names = make("shapes", "shapes", label="class")
    assert names["subtitle"] == "Each point is an image" and not mentions_digit(names, results)
    last = read_epoch(results.epochs, N_EPOCHS - 1)
    seen = get_point_colors(decoded[N_EPOCHS - 1], last)
    codes = last["class"].to_physical().to_numpy()
    assert (find_nearest(seen, get_colors(2)) == codes).mean() > 0.9
    # The legend: a round image in one colour and a straight one in the other.
    legend = decoded[-1][:, 800:].astype(float)
    for half, color in zip(np.split(legend, 2, axis=1), to_pixels(get_colors(2)), strict=True):
        ink = half[half.sum(axis=2) > 200]
        ink = ink[np.ptp(ink, axis=1) > 60]
        angles = ink @ color / np.linalg.norm(ink, axis=1) / np.linalg.norm(color)
        assert len(ink) > 500 and np.median(angles) > 0.98


@pytest.mark.slow
def test_small_images_with_a_number_as_label(folder, digits):
    images = digits.drop("digit").to_numpy().reshape(-1, 28, 28)[:200, ::2, ::2]
    np.savez("small.npz", images=images, ink=images.mean(axis=(1, 2)))
    names = make("small.npz", "small", label="ink")[2]
    assert names["subtitle"] == "Each point is an image, coloured by ink"
    assert names["images"].width == 14
    groups = names["df_pixels"].group_by("group").agg(pl.col("label").first()).sort("group")
    assert groups.height == 10 and groups["label"].is_sorted()


def test_results_of_the_digits_are_not_replaced(folder):
    """A file with the name of a result of the digits does not replace it."""
    (folder / "data/digits.parquet").write_bytes(b"precious")
    table = pl.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), ["a", "b", "c"])
    table.write_parquet("umap.parquet")
    table.write_parquet("data/epochs.parquet")
    before = (folder / "data/epochs.parquet").read_bytes()
    make("data/epochs.parquet", "epochs", n_neighbors=5)
    make("umap.parquet", "my-umap", n_neighbors=5)
    assert (folder / "data/digits.parquet").read_bytes() == b"precious"
    assert (folder / "data/epochs.parquet").read_bytes() == before
    assert not (folder / "movies/umap.mp4").exists()
