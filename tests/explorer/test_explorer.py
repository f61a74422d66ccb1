import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from browser import launch
from conftest import N_DIGITS, N_EPOCHS, PAIRED, ROOT
from matplotlib.colors import to_rgb
from PIL import Image

from animated import Explorer, export
from animated.explorer.bundle import bundle
from animated.explorer.export import FOLDER, find_fragment
from animated.neighbors.search import find_neighbors
from animated.palette import adapt, get_colors
from animated.quality.measures import search_embedding
from animated.runs.run import Run
from animated.runs.store import read_positions
from animated.runs.writer import EpochWriter

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


class Elements(HTMLParser):
    """Collects the text of all elements of a kind, as a browser would."""

    def __init__(self, text: str):
        super().__init__()
        self.scripts: list[tuple[dict, str]] = []
        self.texts: dict[str, str] = {}
        self.tag = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tag = tag
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_data(self, data):
        if self.tag == "script" and self.scripts:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        else:
            self.texts[self.tag] = self.texts.get(self.tag, "") + data

    def handle_endtag(self, tag):
        self.tag = ""


class Page:
    """A page read again: its header and its blocks, inflated."""

    def __init__(self, path: Path):
        self.text = path.read_text(encoding="utf-8")
        self.elements = Elements(self.text)
        scripts = self.elements.scripts
        self.blocks = {
            made["data-block"]: zlib.decompress(base64.b85decode(text.replace(",", "<")))
            for made, text in scripts
            if "data-block" in made
        }
        self.header = json.loads(self.blocks.pop("header"))
        # Without < no byte of a block can be taken for a tag.
        assert not any("<" in text for made, text in scripts if "data-block" in made)
        self.size = self.header["size"]

    def read_numbers(self, name: str) -> np.ndarray:
        """Return 16-bit numbers (n, n_axes)."""
        planes = np.frombuffer(self.blocks[name], np.uint8).astype(int)
        if not self.size:
            return planes.reshape(0, self.header["embeddings"][int(name[-1])]["axes"])
        low, high = planes.reshape(-1, 2, self.size).transpose(1, 2, 0)
        return low + 256 * high

    def read_embedding(self, embedding: int) -> dict[int | None, np.ndarray]:
        """Return the positions at every epoch, followed from the last to the first."""
        about = self.header["embeddings"][embedding]
        codes = self.read_numbers(f"embedding-{embedding}")
        assert codes.shape == (self.size, about["axes"])
        epochs = about["epochs"] or [None]
        positions = {epochs[-1]: (codes - 256) / 65_000}
        for j in reversed(range(len(epochs) - 1)):
            zigzag = self.read_numbers(f"epoch-{embedding}-{j}")
            codes = codes + ((zigzag >> 1) ^ -(zigzag & 1)) * about["step"]
            assert codes.min() >= 0 and codes.max() <= 65_535
            positions[epochs[j]] = (codes - 256) / 65_000
        return positions

    def read_images(self) -> np.ndarray:
        """Return 4-bit values (n, height, width, n_channels)."""
        about = self.header["images"]
        shape = [about[key] for key in ("height", "width", "channels")]
        packed = b"".join(self.blocks[f"images-{i}"] for i in range(about["count"]))
        bytes_ = np.frombuffer(packed, np.uint8).reshape(self.size, -1)
        values = np.stack([bytes_ & 15, bytes_ >> 4], axis=-1).reshape(self.size, -1)
        return values[:, : np.prod(shape)].reshape(self.size, *shape)

    def read_neighbors(self) -> np.ndarray:
        planes = np.frombuffer(self.blocks["neighbors"], np.uint8).reshape(3, self.size, -1)
        return (planes * np.array([1, 256, 65_536])[:, None, None]).sum(axis=0)

    def read_column(self, column: int) -> np.ndarray:
        about = self.header["columns"][column]
        codes = np.frombuffer(self.blocks[f"column-{column}"], np.uint8)
        values = about["min"] + codes / 254 * (about["max"] - about["min"])
        return np.where(codes == 255, np.nan, values)


def read_uri(uri: str) -> np.ndarray:
    """Return a picture of the header, uint8 (height, width, 4)."""
    kind, text = uri.split(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(BytesIO(base64.b64decode(text))).convert("RGBA"))


@pytest.fixture
def make(tmp_path):
    """Export a page and read it again."""

    def make(embeddings: dict, *, labels=None, **arguments) -> Page:
        path = export(embeddings, labels=labels, output_path=tmp_path / "page.html", **arguments)
        return Page(path)

    return make


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 2)) * [3, 1] + [100, -7]


@pytest.fixture(scope="module")
def store(project) -> Path:
    return project / "data/epochs.parquet"


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
    """What the repository's own page could show: the run, two more embeddings, images, neighbors."""
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
    labels = np.arange(65_000)
    page = make({"a": np.random.default_rng(0).random((65_000, 2))}, labels=labels)
    assert np.array_equal(page.read_numbers("labels")[:, 0], labels)
    with pytest.raises(ValueError, match="at most 65000 different, got 65001"):
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
    embeddings = make({"a": np.r_[arc, blob], "b": arc[:0:-1].repeat(2, axis=0)[:37]}, labels=labels)
    first, second = (embedding["middles"] for embedding in embeddings.header["embeddings"])
    assert [len(rows) for rows in first] == [15, 6, 0]
    assert {*first[0]} < {*range(31)} and first[1][0] == 31 and first[1][-1] == 36
    assert {*second[0]} < {*range(31)} and {*second[1]} == {*range(31, 37)}
    assert make({"a": arc}).header["embeddings"][0]["middles"] is None


@pytest.mark.parametrize(("size", "count"), [(10_000, 2), (10_001, 3)])
def test_images_come_in_chunks(make, size, count):
    images = np.random.default_rng(0).integers(0, 256, (size, 28, 28), dtype=np.uint8)
    page = make({"a": np.zeros((size, 2))}, images=images)
    assert page.header["images"]["chunk"] == 5_000 and page.header["images"]["count"] == count
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
    assert header["title"] == header["columns"][0]["name"] == header["embeddings"][0]["name"] == title
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


BAD = [
    ({"embeddings": {}}, ValueError, "at least one embedding, got none"),
    ({"embeddings": np.zeros((3, 2))}, TypeError, "must map names to embeddings, got ndarray"),
    ({"embeddings": {1: np.zeros((3, 2))}}, TypeError, "name of an embedding must be text, got 1"),
    ({"embeddings": {"a": np.zeros((3, 4))}}, ValueError, r"'a' must have shape .*got \(3, 4\)"),
    ({"embeddings": {"a": 5}}, ValueError, r"'a' must have shape .*got \(\)"),
    ({"embeddings": {"a": np.zeros((3, 2), complex)}}, TypeError, "real numbers, got complex128"),
    ({"embeddings": {"a": [["x", "y"]]}}, TypeError, "real numbers, got <U1"),
    ({"embeddings": {"a": pl.DataFrame({"x": [1]})}}, ValueError, "columns x, y .*got x"),
    ({"embeddings": {"a": np.array([[0, 0], [0, np.nan], [np.inf, 1]])}}, ValueError, "got 2 rows"),
    ({"embeddings": {"a": "nowhere.parquet"}}, FileNotFoundError, "no epoch store at 'nowhere"),
    (
        {"embeddings": {"a": np.zeros((3, 2)), "b": np.zeros((4, 2))}},
        ValueError,
        "'b' must have 3 points like 'a', got 4",
    ),
    ({"labels": ["a"]}, ValueError, "there must be 3 labels, got 1"),
    ({"labels": [[1], [2], [3]]}, TypeError, "must be text, numbers or dates, got List"),
    ({"labels": [object()] * 3}, TypeError, "must be text, numbers or dates, got Object"),
    ({"images": np.zeros((3, 4, 4))}, ValueError, "images must be uint8, got float64"),
    ({"images": np.zeros((3, 4), np.uint8)}, ValueError, r"must have shape .*got \(3, 4\)"),
    ({"images": np.zeros((3, 4, 4, 4), np.uint8)}, ValueError, r"got \(3, 4, 4, 4\)"),
    ({"images": np.zeros((2, 4, 4), np.uint8)}, ValueError, "there must be 3 images, got 2"),
    ({"images": np.zeros((3, 4, 129), np.uint8)}, ValueError, "1 to 128 .*got 4 x 129"),
    ({"images": np.zeros((3, 0, 4), np.uint8)}, ValueError, "1 to 128 .*got 0 x 4"),
    ({"epochs": 0}, ValueError, "epochs must be an integer of at least 1, got 0"),
    ({"epochs": 1.5}, TypeError, "epochs must be None, an integer .*got 1.5"),
    ({"epochs": "all"}, TypeError, "epochs must be None, an integer .*got 'all'"),
    ({"epochs": [True]}, TypeError, "epochs must be None, an integer"),
    ({"epochs": [3]}, ValueError, "epochs must be of those in the stores, got 3"),
    ({"neighbors": np.zeros((2, 1), int)}, ValueError, r"shape \(3, k\), got \(2, 1\)"),
    ({"neighbors": np.zeros((3, 1))}, ValueError, "must be integers, got float64"),
    ({"neighbors": np.full((3, 1), 3)}, ValueError, "numbers of points, 0 to 2, got 3 to 3"),
    ({"neighbors": np.full((3, 1), -1)}, ValueError, "numbers of points, 0 to 2, got -1 to -1"),
    ({"embeddings": {"a": [[1, 2], [3], [4, 5]]}}, ValueError, "'a' must have rows of 2 or of 3"),
    ({"columns": {"c": [1, 2]}}, ValueError, "'c' must have 3 numbers, got 2"),
    ({"columns": {"c": ["x", "y", "z"]}}, TypeError, "'c' must hold numbers, got String"),
    ({"columns": {"c": [1, 2, np.inf]}}, ValueError, "'c' must not be infinite, got 1"),
    ({"columns": [1, 2, 3]}, TypeError, "columns must be .*got list"),
    ({"components": {"q": np.zeros((2, 2, 2))}}, ValueError, "of an embedding, 'a', got 'q'"),
    ({"components": {"a": np.zeros((3, 2, 2))}}, ValueError, r"shape \(2, h, w\), got \(3, 2, 2\)"),
    ({"components": {"a": np.full((2, 2, 2), np.nan)}}, ValueError, "'a' must be finite"),
    ({"components": np.zeros((2, 2, 2))}, TypeError, "must map names .*got ndarray"),
    ({"title": 5}, TypeError, "title must be text or None, got 5"),
    ({"bits": 16}, ValueError, "bits must be an integer from 7 to 15, got 16"),
    ({"bits": 10.0}, ValueError, "bits must be an integer from 7 to 15, got 10.0"),
]


@pytest.mark.parametrize(("bad", "kind", "sentence"), BAD)
def test_bad_arguments_are_refused_before_any_work(tmp_path, bad, kind, sentence):
    path = tmp_path / "page.html"
    path.write_text("before")
    good = {"embeddings": {"a": np.eye(3)[:, :2]}, "labels": None, "output_path": path}
    with pytest.raises(kind, match=sentence) as caught:
        export(**good | bad)
    assert "\n" not in str(caught.value)
    assert path.read_text() == "before" and [*tmp_path.iterdir()] == [path]


def test_bad_paths_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist: create"):
        export({"a": np.eye(3)}, labels=None, output_path=tmp_path / "no/page.html")
    with pytest.raises(ValueError, match=r"must end in \.html, got '.*page\.txt'"):
        export({"a": np.eye(3)}, labels=None, output_path=tmp_path / "page.txt")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x": pl.lit(2.0)}, r"store 'a' must be in \[0, 1\], got .* to 2.0"),
        ({"x": pl.when(pl.col("index") < 7).then(float("nan")).otherwise("x")}, "28 rows not so"),
        ({"y": pl.when(pl.col("index") < 7).then(None).otherwise("y")}, "28 rows not so"),
        ({"epoch": pl.col("epoch") + (pl.col("index") == 0)}, "as many points at each"),
    ],
)
def test_bad_stores_are_refused(make, store, tmp_path, change, sentence):
    pl.read_parquet(store).with_columns(**change).write_parquet(tmp_path / "bad.parquet")
    with pytest.raises(ValueError, match=sentence):
        make({"a": tmp_path / "bad.parquet"})


def test_other_parquet_files_are_refused(make, store, tmp_path):
    with pytest.raises(ValueError, match="columns x, y and perhaps z, got pixel1, pixel2, pixel3"):
        make({"a": ROOT / "data/digits.parquet"})
    pl.read_parquet(store, columns=["x", "y"]).write_parquet(tmp_path / "bad.parquet")
    with pytest.raises(ValueError, match="'a' must have a column epoch, got x, y"):
        make({"a": tmp_path / "bad.parquet"})


def test_a_failed_export_leaves_the_file_alone(make, store, tmp_path, monkeypatch):
    before = make({"a": store}).text
    monkeypatch.setattr("animated.explorer.embeddings.read_positions", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make({"a": store}, title="other")
    assert [*tmp_path.iterdir()] == [tmp_path / "page.html"]
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == before


def write_modules(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)
    return folder / "start.js"


def test_bundle_puts_modules_in_order(tmp_path):
    start = write_modules(
        tmp_path,
        start='import { b } from "./b.js";\nimport {\n  a,\n} from "./a.js";\nexport default b;\n',
        a="// The first.\nexport const a = 1;\n",
        b='import { a } from "./a.js";\n\nexport async function b() {\n  const a = 2;\n}\n',
    )
    parts = ["const a=1;", "async function b(){const a=2;}", "export default b;"]
    assert bundle(start).replace("\n", "") == "".join(parts)


@pytest.mark.parametrize(
    "twice",
    [
        "export function same() {}",
        "async function same() {}",
        "class same {}",
        "let same = 1;",
        "const { same, other } = await 1;",
        "const [other, same] = [1, 2];",
    ],
)
def test_bundle_refuses_names_that_two_modules_declare(tmp_path, twice):
    first = 'import { b } from "./b.js";\nconst same = b;\n'
    with pytest.raises(ValueError, match=r"got same in b\.js and start\.js"):
        bundle(write_modules(tmp_path, start=first, b=f"export const b = 1;\n{twice}\n"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('import b from "./b.js";\n', "must import like"),
        ('import { a } from "https://example.org/b.js";\n', "must import like"),
        ('const a = "</SCRIPT>";\n', "must not contain '</script'"),
        ('const a = "<!--";\n', "must not contain '<!--'"),
    ],
)
def test_bundle_refuses_what_a_page_cannot_hold(tmp_path, text, sentence):
    with pytest.raises(ValueError, match=f"start.js {sentence}"):
        bundle(write_modules(tmp_path, start=text))


def test_bundle_needs_all_modules(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"b\.js"):
        bundle(write_modules(tmp_path, start='import { b } from "./b.js";\n'))


@pytest.mark.parametrize("entry", ["start.js", "widget.js"])
def test_bundles_of_the_page_and_the_widget(entry):
    text = bundle(FOLDER / entry)
    assert not re.search(r"^import\b", text, re.M)
    assert re.findall(r"^export\b.*", text, re.M) == (
        ["export default{render};"] if entry == "widget.js" else []
    )


def test_pages_are_part_of_the_package():
    names = {path.name for path in FOLDER.iterdir()}
    assert {"page.html", "explorer.css", "start.js", "widget.js", "package.json"} <= names
    assert '"page/*"' in (ROOT / "pyproject.toml").read_text()


def test_widget_holds_what_the_page_does(make, store, points):
    arguments = {"labels": ["a", "b"] * 300, "epochs": 2, "title": "Both"}
    page, widget = make({"a": store}, **arguments), Explorer({"a": store}, **arguments)
    assert widget.header == page.header
    blocks = {name: zlib.decompress(block) for name, block in widget.blocks.items()}
    assert list(widget.blocks) == page.header["blocks"] and blocks == page.blocks
    assert widget._esm == bundle(FOLDER / "widget.js")
    assert widget.template.startswith("<div") and widget.template.endswith("</div>")
    assert find_fragment((FOLDER / "page.html").read_text()) == widget.template
    assert (widget.height, widget.selection, widget.epoch) == (640, [], 3)
    state = widget.get_state()
    assert {"_esm", "template", "style_sheet", "header", "blocks", "selection"} <= set(state)
    assert all(isinstance(block, bytes) for block in state["blocks"].values())
    assert Explorer({"a": points}, labels=None, height=300).epoch == 0


def test_selection_of_the_widget(points):
    widget = Explorer({"a": points}, labels=None)
    seen = []
    widget.observe(lambda change: seen.append(change["new"]), "selection")
    widget.selection = pl.Series([9, 3, 3], dtype=pl.UInt32)
    widget.selection = np.array([49])
    widget.selection = range(2)
    assert seen == [[3, 9], [49], [0, 1]]
    widget.set_state({"selection": [5, 4]})  # as the page sends it
    assert widget.selection == [4, 5] and type(widget.selection[0]) is int
    for bad, got in (([50], "50 to 50"), ([-1, 2], "-1 to 2"), ([1.5], "float64"), ("ab", "<U2")):
        with pytest.raises(ValueError, match=f"selection must be numbers of points.*got {got}"):
            widget.selection = bad
    assert widget.selection == [4, 5]
    widget.selection = []
    assert widget.selection == []


def test_widget_refuses_what_the_page_does(points):
    with pytest.raises(ValueError, match="there must be 50 labels, got 1"):
        Explorer({"a": points}, labels=["a"])
    with pytest.raises(ValueError, match="height must be an integer of at least 200, got 10"):
        Explorer({"a": points}, labels=None, height=10)


# What anywidget gives a widget, as far as ours needs it.
MODEL = """({ state, blocks }) => {
  const unpack = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const listeners = {};
  state.blocks = Object.fromEntries(Object.entries(blocks).map(([k, text]) => [k, unpack(text)]));
  window.sent = {};
  window.model = {
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      for (const listener of listeners[`change:${name}`] ?? []) listener();
    },
    save_changes() {
      window.sent = { selection: state.selection, epoch: state.epoch };
    },
    on: (event, listener) => (listeners[event] ??= new Set()).add(listener),
    off: (event, listener) => listeners[event].delete(listener),
    count: () => Object.values(listeners).reduce((sum, { size }) => sum + size, 0),
  };
  const el = document.body.appendChild(document.createElement("div"));
  window.leave = window.widget.render({ model, el });
  window.part = (name) => el.firstChild.shadowRoot.querySelector(`[data-part=${name}]`);
}"""


@pytest.fixture(scope="module")
def chromium():
    with launch() as browser:
        yield browser


@pytest.fixture
def show(chromium):
    """Show a widget in a browser; a test fails when anything goes wrong there."""
    page, errors = chromium.new_page(), []
    page.on("pageerror", lambda error: errors.append(error))
    page.on("console", lambda message: errors.append(message.text))

    def show(widget: Explorer, then: str = ""):
        state = widget.get_state()
        script = state["_esm"].replace("export default{", "window.widget={")
        blocks = {name: base64.b64encode(block).decode() for name, block in widget.blocks.items()}
        names = ("template", "style_sheet", "header", "height", "selection", "epoch")
        page.add_script_tag(content=script, type="module")
        page.wait_for_function("window.widget")
        shown = {name: state[name] for name in names}
        page.evaluate(
            f"(shown) => {{ ({MODEL})(shown); {then} }}", {"state": shown, "blocks": blocks}
        )
        return page

    yield show
    page.close()
    assert not errors


def test_widget_and_browser_tell_each_other(show, store, digits):
    labels = digits["digit"].head(N_DIGITS)
    widget = Explorer({"a": store}, labels=labels, height=480)
    widget.selection = [5, 7]
    page = show(widget)
    page.wait_for_function("model.count() === 2")
    stage = page.locator("[data-part=stage]")
    assert page.evaluate("[part('explorer').clientHeight, sent]") == [480, {}]
    assert "2 selected" in page.locator("[data-part=explorer]").inner_text()
    page.evaluate("model.set('selection', [1, 2, 3])")
    page.get_by_role("status").get_by_text("3 selected").wait_for(state="attached")
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("sent.selection?.length === 0")
    stage.press("Home")
    page.wait_for_function("sent.epoch === 0")
    page.evaluate("model.set('epoch', 2)")
    page.get_by_text("epoch 2 of 3").first.wait_for()
    widget.set_state(page.evaluate("({ selection: model.get('selection'), epoch: sent.epoch })"))
    assert (widget.selection, widget.epoch) == ([], 0)


def test_widget_lets_go(show, points):
    page = show(Explorer({"a": points}, labels=None), then="window.stage = part('stage')")
    page.wait_for_function("model.count() === 2")
    assert page.evaluate("stage.querySelectorAll('canvas').length") == 2
    page.evaluate("leave()")
    assert page.evaluate("[model.count(), document.body.textContent.trim()]") == [0, ""]
    assert page.evaluate("stage.querySelectorAll('canvas').length") == 0


def test_widget_lets_go_before_it_is_there(show, points):
    page = show(Explorer({"a": points}, labels=None), then="window.stage = part('stage'); leave()")
    page.wait_for_timeout(500)
    assert page.evaluate("[model.count(), stage.querySelectorAll('canvas').length]") == [0, 0]
