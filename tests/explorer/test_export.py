"""What a page holds: positions, labels, images, neighbours and columns, all of them as text."""

import base64
import hashlib
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import N_DIGITS, N_EPOCHS, PAIRED, ROOT
from matplotlib.colors import to_rgb
from page_file import read_uri

from animated import EpochWriter
from animated.explorer.blocks import pack_numbers
from animated.explorer.checks import check_labels
from animated.neighbors.search import find_neighbors
from animated.palette import adapt, get_colors
from animated.quality.measures import search_embedding
from animated.runs.run import Run
from animated.runs.store import read_positions

pytest_plugins = ["explorer_fixtures"]

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--",
    "😀 & {{csp}}",
    '"',
    "",
    "<!-- {{blocks}} -->",
]
# What ten bits leave as the largest error of a position, but for that of the arithmetic here.
HALF_STEP = 32 / 65_000 + 1e-12


@pytest.fixture(scope="module")
def long_store(tmp_path_factory) -> Path:
    """A store of 12 epochs in three dimensions, in which points jump from side to side."""
    path = tmp_path_factory.mktemp("store") / "long.parquet"
    random = np.random.default_rng(1)
    with EpochWriter(path) as write:
        for epoch in range(0, 60, 5):
            write(epoch, random.choice([0, 1, 0.5, random.random()], size=(40, 3)))
    return path


def test_positions_of_every_epoch_are_within_half_a_step(make, store, long_store):
    page = make({"flat": store})
    for epoch, positions in page.read_embedding(0).items():
        assert np.abs(positions - read_positions(store, epoch)).max() <= HALF_STEP
    for bits in (7, 10, 15):
        page = make({"space": str(long_store)}, bits=bits)
        half = 2 ** (15 - bits)
        assert page.header["embeddings"][0]["step"] == 2 * half
        read = page.read_embedding(0)
        assert list(read) == list(range(55, -1, -5))
        for epoch, positions in read.items():
            # All numbers of the page are whole ones, so a place is missed by half of one besides.
            assert (
                np.abs(positions - read_positions(long_store, epoch)).max() * 65_000 <= half + 0.5
            )
        assert np.abs(read[55] - read_positions(long_store, 55)).max() * 65_000 <= 0.5


@pytest.fixture(scope="module")
def committed() -> dict:
    """What the repository's own page could show: the run, more embeddings, images, neighbors."""
    digits = pl.read_parquet(ROOT / "data/digits.parquet")
    random = np.random.default_rng(0)
    return {
        "embeddings": {
            "UMAP": ROOT / "data/epochs.parquet",
            "b": random.normal(size=(30_000, 2)),
            "c": random.normal(size=(30_000, 3)),
        },
        "labels": digits["digit"],
        "images": digits.drop("digit").to_numpy().reshape(-1, 28, 28),
        "neighbors": random.integers(0, 30_000, (30_000, 6)),
    }


@pytest.mark.slow
def test_every_epoch_of_the_repository_is_kept(make, committed):
    page = make(**committed)
    assert len(page.text) < 18_000_000
    path = committed["embeddings"]["UMAP"]
    read = page.read_embedding(0)
    assert list(read) == list(range(199, -1, -1))
    for epoch, positions in read.items():
        assert np.abs(positions - read_positions(path, epoch)).max() <= HALF_STEP
    labels = committed["labels"].to_physical()
    assert np.array_equal(page.read_numbers("labels")[:, 0], labels)
    assert np.array_equal(page.read_images()[..., 0], np.rint(committed["images"] / 17))


@pytest.mark.slow
def test_every_fourth_epoch_is_small(make, committed):
    page = make(**committed, epochs=4)
    assert page.header["embeddings"][0]["epochs"] == [*range(0, 200, 4), 199]
    assert len(page.text) < 9_000_000


def test_arrays_are_put_into_the_unit_square_by_one_scale(make, points):
    embeddings = {"a": points, "b": points.tolist(), "c": (points * 1e6).astype(np.int64)}
    embeddings["d"] = pl.LazyFrame({"z": points[:, 0], "x": points[:, 0], "y": points[:, 1]})
    embeddings["e"] = points * 1e306
    page = make(embeddings)
    x, y = page.read_embedding(0)[None].T
    low, high = points.min(axis=0), points.max(axis=0)
    expected = 0.5 + (points - (low + high) / 2) / (high - low).max()
    assert np.abs(np.c_[x, y] - expected).max() <= 0.5 / 65_000 + 1e-12
    assert (x.min(), x.max()) == (0, 1) and y.min() + y.max() == pytest.approx(1, abs=1e-4)
    for i in (1, 2, 4):
        assert np.allclose(page.read_embedding(i)[None], expected, atol=1e-5)
    assert [embedding["axes"] for embedding in page.header["embeddings"]] == [2, 2, 2, 3, 2]
    assert [embedding["epochs"] for embedding in page.header["embeddings"]] == [[]] * 5
    x, y, z = page.read_embedding(3)[None].T
    assert np.array_equal(x, z) and not np.array_equal(x, y)


@pytest.mark.parametrize(
    ("epochs", "kept", "is_thinned"),
    [
        (None, [*range(0, 60, 5)], False),
        (1, [*range(0, 60, 5)], False),
        (4, [0, 20, 40, 55], True),
        (11, [0, 55], True),
        (np.int64(100), [0, 55], True),
        ([10, 5], [5, 10, 55], True),
        (range(0, 60, 5), [*range(0, 60, 5)], False),
        ([], [55], True),
        (np.array([55]), [55], True),
    ],
)
def test_epochs_are_thinned(make, long_store, points, epochs, kept, is_thinned):
    page = make({"store": Run(long_store, 1.0), "array": points[:40]}, epochs=epochs)
    store, array = page.header["embeddings"]
    assert (store["epochs"], store["isThinned"]) == (kept, is_thinned)
    assert (array["epochs"], array["isThinned"]) == ([], False)
    for epoch, positions in page.read_embedding(0).items():
        assert np.abs(positions - read_positions(long_store, epoch)).max() <= HALF_STEP


def test_labels(make, points):
    labels = pl.Series("kind", [10, 9, None, 2, 9] * 10)
    page = make({"a": points}, labels=labels)
    label = page.header["label"]
    assert label == {
        "name": "kind",
        "categories": ["2", "9", "10", "missing"],
        "colors": {
            "dark": [*PAIRED[1:6:2], "#888888"],
            "light": [*PAIRED[1:6:2], "#888888"],
        },
        "counts": [10, 20, 10, 10],
        "samples": [28, 26, 25, 27],
    }
    codes = page.read_numbers("labels")[:, 0]
    assert codes.tolist() == [2, 1, 3, 0, 1] * 10


@pytest.mark.parametrize(
    ("labels", "categories", "codes"),
    [
        (["b", "a", "b"], ["a", "b"], [1, 0, 1]),
        (np.array(["b", "a", "b"]), ["a", "b"], [1, 0, 1]),
        (pl.Series(["b", "a", "b"], dtype=pl.Enum(["c", "b", "a"])), ["a", "b", "c"], [1, 0, 1]),
        (pl.Series(["b", "a", "b"], dtype=pl.Categorical), ["a", "b"], [1, 0, 1]),
        ((True, False, True), ["false", "true"], [1, 0, 1]),
        ([1, "a", None], ["1", "a", "missing"], [0, 1, 2]),
        ([float("nan"), 1.5, 0.5], ["0.5", "1.5", "missing"], [2, 1, 0]),
        (np.array(["x", None, np.nan], dtype=object), ["x", "missing"], [0, 1, 1]),
        (pl.Series(["b", None, "a"]).to_pandas(), ["a", "b", "missing"], [1, 2, 0]),
        (["missing", None, "z"], ["missing", "z", "missing_"], [0, 2, 1]),
        ([None] * 3, ["missing"], [0, 0, 0]),
        (["one"] * 3, ["one"], [0, 0, 0]),
        (HOSTILE[:3], sorted(HOSTILE[:3]), [1, 0, 2]),
    ],
)
def test_labels_of_any_kind(make, labels, categories, codes):
    page = make({"a": np.eye(3)}, labels=labels)
    assert page.header["label"]["categories"] == categories
    assert page.read_numbers("labels")[:, 0].tolist() == codes
    assert {len(colors) for colors in page.header["label"]["colors"].values()} == {len(categories)}
    counts = [codes.count(code) for code in range(len(categories))]
    assert page.header["label"]["counts"] == counts
    samples = page.header["label"]["samples"]
    assert [None if i < 0 else codes[i] for i in samples] == [
        code if count else None for code, count in enumerate(counts)
    ]


def test_without_labels_there_is_no_block_of_them(make, points):
    page = make({"a": points})
    assert page.header["label"] is None and list(page.blocks) == ["embedding-0"]


def test_many_classes_can_be_told_apart(make):
    positions = np.random.default_rng(0).random((600, 2))
    page = make({"a": positions}, labels=[*range(200)] * 3)
    colors = page.header["label"]["colors"]["dark"]
    rgb = np.array([to_rgb(color) for color in colors])
    assert get_colors(10) == PAIRED and len(set(colors)) == 200
    distances = np.linalg.norm(rgb[:, None] - rgb, axis=2) + np.eye(200)
    assert distances.min() > 0.05
    # And from the grey of what is missing and from the black behind them.
    assert np.linalg.norm(rgb - to_rgb("#888888"), axis=1).min() > 0.1
    assert rgb.max(axis=1).min() > 0.4


@pytest.mark.parametrize(("theme", "paper", "contrast"), [("dark", 0, 3.4), ("light", 1, 2.5)])
def test_colors_are_seen_on_both_themes(theme, paper, contrast):
    colors = [*get_colors(256), "#000000", "#ffffff"]
    rgb = np.array([to_rgb(color) for color in adapt(colors)[theme]])
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    luminances = linear @ [0.2126, 0.7152, 0.0722]
    light, dark = np.maximum(luminances, paper) + 0.05, np.minimum(luminances, paper) + 0.05
    assert (light / dark).min() > contrast - 0.05
    # What is seen anyway stays as it is.
    assert adapt(["#1f78b4"])[theme] == ["#1f78b4"]


def test_colors_repeat_for_thousands_of_classes(make):
    assert get_colors(65_000)[256:512] == get_colors(256)
    labels = np.arange(700)
    page = make({"a": np.random.default_rng(0).random((700, 2))}, labels=labels)
    assert np.array_equal(page.read_numbers("labels")[:, 0], labels)
    most = check_labels(range(65_000), 65_000)
    low, high = np.frombuffer(pack_numbers(most.codes), np.uint8).reshape(2, -1).astype(int)
    assert np.array_equal(low + 256 * high, range(65_000))
    with pytest.raises(ValueError, match="at most 65000 different values, got 65001"):
        make({"a": np.zeros((65_001, 2))}, labels=range(65_001))


@pytest.mark.parametrize("shape", [(28, 28), (1, 1), (3, 5), (5, 3, 3), (128, 128, 3), (7, 7, 3)])
def test_images(make, points, shape):
    images = np.random.default_rng(0).integers(0, 256, (50, *shape), dtype=np.uint8)
    images[0], images[1] = 0, 255
    page = make({"a": points}, images=images)
    about = page.header["images"]
    assert (about["height"], about["width"]) == shape[:2]
    assert about["channels"] == (shape[2] if len(shape) == 3 else 1)
    values = page.read_images().reshape(images.shape)
    assert values[0].max() == 0 and values[1].min() == 15
    assert np.abs(values * 17.0 - images).max() <= 8


def test_mean_and_footprint_of_images(make, points):
    images = np.zeros((50, 9, 5), dtype=np.uint8)
    images[:, 3:6, 1:4] = 200
    images[:5, 0, 0] = 10  # a few stray pixels count for nothing
    page = make({"a": points}, images=images)
    mean = read_uri(page.header["images"]["mean"])
    assert np.array_equal(mean[..., 3], np.rint(images.mean(axis=0)))
    assert (mean[..., :3] == 128).all()
    assert page.header["images"]["footprint"] == 0.3333
    assert all(0 <= pixel < 45 for pixel in page.header["images"]["pixels"])
    # Where nothing stands out, all of an image counts.
    blank = make({"a": points}, images=np.zeros((50, 3, 3), dtype=np.uint8))
    assert blank.header["images"]["footprint"] == 1


def test_bounds(make):
    flat = np.array([[0, 0], [2, 1], [1, 0.5]])
    deep = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1.0]])
    bounds = make({"a": flat}).header["embeddings"][0]["bounds"]
    assert bounds == {"x": 0.5, "y": 0.5, "width": 1, "height": 0.5}
    bounds = make({"a": deep}).header["embeddings"][0]["bounds"]
    radius = 0.86603  # from the middle of the unit cube to its corners
    assert bounds == {
        **{"x": 0.5, "y": 0.5, "z": 0.5},
        **{"radius": radius, "width": 1.73205, "height": 1.73205},
    }


def test_the_middle_of_a_class_is_one_of_its_points(make):
    angles = np.linspace(0, 1.5 * np.pi, 31)
    arc = np.c_[np.cos(angles), np.sin(angles)]
    blob = np.array([[0, 0], [0.1, 0], [-0.1, 0], [0, 0.1], [0, -0.1], [5, 5]])
    labels = pl.Series(["arc"] * 31 + ["blob"] * 6, dtype=pl.Enum(["arc", "blob", "none"]))
    embeddings = make(
        {"a": np.r_[arc, blob], "b": arc[:0:-1].repeat(2, axis=0)[:37]}, labels=labels
    )
    first, second = (embedding["middles"] for embedding in embeddings.header["embeddings"])
    assert [len(rows) for rows in first] == [15, 6, 0]
    assert {*first[0]} < {*range(31)} and first[1][0] == 31 and first[1][-1] == 36
    assert {*second[0]} < {*range(31)} and {*second[1]} == {*range(31, 37)}
    assert make({"a": arc}).header["embeddings"][0]["middles"] is None


@pytest.mark.parametrize(("size", "count"), [(478, 2), (479, 3)])
def test_images_come_in_chunks(make, size, count):
    images = np.zeros((size, 128, 128), dtype=np.uint8)
    images[:, 0] = np.random.default_rng(0).integers(0, 256, (size, 128))
    page = make({"a": np.zeros((size, 2))}, images=images)
    assert page.header["images"]["chunk"] == 239 and page.header["images"]["count"] == count
    assert list(page.blocks) == ["embedding-0", *(f"images-{i}" for i in range(count))]
    assert np.array_equal(page.read_images()[..., 0], np.rint(images / 17))


def test_neighbors_leave_the_point_itself_out(make, points):
    neighbors = find_neighbors(points.astype(np.float32), 13)
    page = make({"a": points, "b": -points[::-1]}, neighbors=neighbors)
    assert page.header["neighbors"] == 10
    assert np.array_equal(page.read_neighbors(), neighbors.indices[:, 1:11])
    page = make({"a": points}, neighbors=neighbors.indices[:, 1:5])
    assert np.array_equal(page.read_neighbors(), neighbors.indices[:, 1:5])
    rows = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 3], [2, 1, 0]])
    page = make({"a": points[:4]}, neighbors=rows)
    assert page.read_neighbors().tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    page = make({"a": points[:4]}, neighbors=np.arange(4)[:, None])
    assert page.header["neighbors"] == 0 and page.header["columns"] == []


def test_neighbors_of_many_points(make):
    rows = np.full((70_000, 1), 69_999)
    rows[-1] = 65_537
    page = make({"a": np.random.default_rng(0).random((70_000, 2))}, neighbors=rows)
    assert np.array_equal(page.read_neighbors(), rows)


def test_neighbors_kept(make, points, store, digits):
    X = np.random.default_rng(0).normal(size=(N_DIGITS, 4)).astype(np.float32)
    neighbors = find_neighbors(X, 6)
    page = make({"store": store, "own": X[:, :2]}, neighbors=neighbors, columns={"first": X[:, 0]})
    about = page.header["columns"]
    assert [column["name"] for column in about] == ["first", "neighbors kept", "neighbors kept"]
    assert [column["embedding"] for column in about] == [None, 0, 1]
    for i, embedding in ((1, read_positions(store, N_EPOCHS - 1)), (2, X[:, :2])):
        near = search_embedding(embedding, 5)
        pairs = zip(neighbors.indices[:, 1:], near, strict=True)
        expected = [len({*before} & {*after}) / 5 for before, after in pairs]
        assert np.abs(page.read_column(i) - expected).max() <= 0.5 / 254 + 1e-9
    assert (about[1]["min"], about[1]["max"]) == (0, 1)


def test_columns(make, points):
    table = pl.DataFrame(
        {
            "float": [None, float("nan"), *np.linspace(-3, 5, 48)],
            "integer": [*range(49), None],
            "constant": [7] * 50,
            "nothing": [None] * 50,
            "truth": [True, False] * 25,
        }
    )
    page = make({"a": points}, columns=table)
    ranges = [(column["min"], column["max"]) for column in page.header["columns"]]
    assert ranges == [(-3, 5), (0, 48), (7, 7), (0, 0), (0, 1)]
    for i, name in enumerate(table.columns):
        expected = table[name].cast(pl.Float64).to_numpy()
        read, (low, high) = page.read_column(i), ranges[i]
        assert np.array_equal(np.isnan(expected), np.isnan(read))
        assert np.nanmax(np.abs(expected - read), initial=0) <= (high - low) / 508 + 1e-9
    lists = {name: table[name].to_list() for name in table.columns}
    for columns in (lists, table.to_pandas()):
        again = make({"a": points}, columns=columns)
        assert again.header == page.header and again.blocks == page.blocks


def test_components(make, points):
    components = np.array([[[0, -2.0], [1, 0.5]], [[0, 0], [0, 0]]])
    page = make({"plain": points, "PCA": points}, components={"PCA": components})
    plain, pca = page.header["embeddings"]
    assert plain["pictures"] is None
    first, second = map(read_uri, pca["pictures"])
    warm, cold = [255, 150, 60], [80, 160, 255]
    assert first[..., 3].tolist() == [[0, 255], [128, 64]] and not second[..., 3].any()
    assert first[0, 1, :3].tolist() == cold and (first[1, :, :3] == warm).all()


def test_blocks_are_in_the_order_in_which_they_are_needed(make, store):
    page = make(
        {"a": store, "b": np.random.default_rng(0).random((N_DIGITS, 2))},
        labels=["x"] * N_DIGITS,
        images=np.zeros((N_DIGITS, 2, 2), dtype=np.uint8),
        neighbors=np.roll(np.arange(N_DIGITS), 1)[:, None],
        columns={"c": np.arange(N_DIGITS)},
        components={"b": np.ones((2, 2, 2))},
        epochs=2,
    )
    names = ["embedding-0", "labels", "images-0", "embedding-1", "column-0", "column-1", "column-2"]
    names += ["neighbors", "epoch-0-1", "epoch-0-0"]
    assert page.header["blocks"] == list(page.blocks) == names
    # The script stands between what it needs at once and all the rest.
    kinds = [made.get("data-block") or made["type"] for made, _ in page.elements.scripts]
    assert kinds[:4] == ["header", "embedding-0", "labels", "module"]
    assert page.elements.scripts[3][0] == {"type": "module", "async": None}
    assert [len(colors) for colors in page.header["colormap"].values()] == [256, 256]
    assert page.header["colormap"]["light"][0] == "#440154"
    assert (page.header["version"], page.header["title"]) == (1, "a, b")


@pytest.mark.parametrize("title", HOSTILE)
def test_no_text_breaks_out(make, title):
    size = len(HOSTILE)
    plain = make({"a": np.eye(size)[:, :2], "b": np.eye(size)[:, :2]}, labels=["a"] * size)
    page = make(
        {title: np.eye(size)[:, :2], "b": np.eye(size)[:, :2]},
        labels=pl.Series(title, HOSTILE),
        columns={title: range(size)},
        title=title,
    )
    header = page.header
    assert (
        header["title"] == header["columns"][0]["name"] == header["embeddings"][0]["name"] == title
    )
    assert header["label"]["name"] == title or "label"
    assert header["label"]["categories"] == sorted(HOSTILE)
    assert page.elements.texts.get("title", "") == title
    assert len(page.elements.scripts) == len(plain.elements.scripts) + 1
    assert page.text.count("alert(1)</script>") == 0
    assert page.text.count("</title>") == plain.text.count("</title>")


def test_lone_surrogates_are_text_too(make, points):
    page = make({"\ud83d": points}, title="\udc00")
    assert page.header["embeddings"][0]["name"] == "\ud83d"


def test_the_page_allows_only_its_own_script_and_style(make, points):
    text = make({"a": points}).text
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    script = re.search(r'<script type="module" async>(.*?)</script>', text, re.S)[1]
    style = re.search(r"<style>(.*?)</style>", text, re.S)[1]

    def digest(part):
        return base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()

    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src 'sha256-{digest(script)}'",
        f"style-src 'sha256-{digest(style)}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert "{{" not in text.replace(script, "") and len(style) > 100
    assert not re.search(r"\son\w+=|\sstyle=|(src|href)=\"(?!data:)", text.replace(script, ""))


def test_same_arguments_give_the_same_bytes(make, store, tmp_path):
    arguments = {"labels": ["a", "b"] * 300, "neighbors": np.arange(600)[::-1].reshape(-1, 1)}
    first = make({"a": store}, **arguments).text
    path = tmp_path / "page.html"
    before = path.stat().st_mtime_ns
    assert make({"a": store}, **arguments).text == first
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("size", [0, 1, 2])
def test_few_points(make, size):
    embeddings = {"a": np.ones((size, 2)), "b": np.ones((size, 3), dtype=np.float16)}
    page = make(
        embeddings,
        labels=["x"] * size,
        images=np.zeros((size, 4, 4, 3), dtype=np.uint8),
        neighbors=np.tile(np.arange(size), (size, 1)),
        columns={"c": [1.0] * size},
    )
    assert page.size == size
    for i in range(2):
        assert np.all(page.read_embedding(i)[None] == 0.5)
    assert page.header["neighbors"] == (0, 0, 1)[size]
    assert page.header["images"]["count"] == (0, 1, 1)[size]


def test_one_point_of_a_store(make, tmp_path):
    with EpochWriter(tmp_path / "one.parquet") as write:
        write(0, np.ones((1, 2)))
        write(7, np.ones((1, 2)) * 3)
    positions = make({"a": tmp_path / "one.parquet"}).read_embedding(0)
    assert list(positions) == [7, 0]
    assert np.abs(positions[0] - read_positions(tmp_path / "one.parquet", 0)).max() < 1e-3


def test_sizes(make, points):
    images = np.zeros((50, 28, 28), dtype=np.uint8)
    page = make({"a": points}, images=images, labels=[*range(10)] * 5)
    (script,) = (text for made, text in page.elements.scripts if made["type"] == "module")
    assert len(script.encode()) <= 60_000
    assert len(page.text) < 110_000
