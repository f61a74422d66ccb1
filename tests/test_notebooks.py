"""All notebooks run from top to bottom on few digits, in a copy of the repository."""

import json
import os
import shutil
import subprocess
import sys
from urllib.parse import parse_qs

import numpy as np
import polars as pl
import pytest
from conftest import PICTURES, ROOT, run_python
from page_file import Page
from PIL import Image
from test_movie import decode

from animated.runs.store import read_metadata

N_EPOCHS = 5


def run(folder, notebook, **parameters):
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "--log-level", "WARNING"]
    for name, value in parameters.items():
        command += ["-p", name, str(value)]
    output = folder / f"executed-{notebook}"
    environment = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1"}
    done = subprocess.run(
        [*command, notebook, output.name], cwd=folder, env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return json.loads(output.read_text())


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository as a clone has it, run with small parameters and another number of epochs."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("data", "frames", "movies", "images"):
        (folder / name).mkdir()
    for path in (*ROOT.glob("*.ipynb"), ROOT / "util.py", ROOT / "data/digits.parquet"):
        shutil.copy(path, folder / path.relative_to(ROOT))
    shutil.copytree(ROOT / "animated", folder / "animated")
    prepare = run(folder, "prepare.ipynb", num_rows=500, num_epochs=N_EPOCHS, seed=7)
    visualize = run(folder, "visualize.ipynb")
    return folder, prepare, visualize


@pytest.fixture(scope="module")
def compared(copy):
    """compare.ipynb, run in the same folder."""
    sizes = {"num_digits": 300, "num_few": 200, "num_many": 400}
    lengths = {"num_epochs": 8, "num_tsne_epochs": 15, "num_frames": 7, "num_turning": 6}
    return run(copy[0], "compare.ipynb", **sizes, **lengths, num_pause=2, num_travel=3)


@pytest.fixture(scope="module")
def explored(copy):
    """explore.ipynb, run in the same folder."""
    return run(copy[0], "explore.ipynb", num_tsne_epochs=15, num_deep_epochs=6, num_few=100)


# What comes from the network, made of the digits of the repository.
FAKES = """

def load_mnist(cache=CACHE):
    return pl.concat([pl.read_parquet("data/digits.parquet")] * 3)


def load_fashion(cache=CACHE):
    names = dict(zip(DIGITS, ARTICLES, strict=True))
    article = pl.col("digit").cast(pl.String).replace(names).cast(pl.Enum(sorted(ARTICLES)))
    return load_mnist().select(pl.exclude("digit"), article=article)
"""


@pytest.fixture(scope="module")
def extended(copy):
    """extend.ipynb, run in the same folder."""
    with (copy[0] / "animated/datasets.py").open("a") as file:
        file.write(FAKES)
    sizes = {"num_compared": 120, "num_seen": 400, "num_unseen": 60, "num_flying": 30}
    sizes |= {"num_drawn": 100, "num_diamonds": 300, "num_few": 300, "num_swept": 200}
    lengths = {"num_epochs": 10, "num_tsne_epochs": 9, "num_diamond_epochs": 10, "num_frames": 6}
    lengths |= {"num_sweep_epochs": 10, "num_rest": 2, "num_seed_pause": 1, "num_seed_travel": 1}
    counts = {"num_few_seeds": 1, "num_settings": 6, "most_neighbors": 30, "num_dists": 4}
    return run(copy[0], "extend.ipynb", **sizes, **lengths, **counts, num_seeds=3)


def test_prepare(copy):
    folder = copy[0]
    table = pl.read_parquet(folder / "data/epochs.parquet")
    assert table.shape == (500 * N_EPOCHS, 5)
    assert table["epoch"].unique().to_list() == list(range(N_EPOCHS))
    metadata = read_metadata(folder / "data/epochs.parquet")
    assert metadata["seed"] == 7 and metadata["parameters"]["n_neighbors"] == 15
    digits = pl.read_parquet(folder / "data/digits.parquet")
    assert digits.shape == (30_000, 785), "committed digits are lost"
    assert table.filter(epoch=2)["digit"].equals(digits["digit"][:500])


def test_visualize(copy):
    folder = copy[0]
    frames = sorted((folder / "frames").glob("*.png"))
    assert [frame.name for frame in frames] == [f"combined-{e:06}.png" for e in range(N_EPOCHS)]
    metadata, decoded = decode(folder / "movies/umap.mp4")
    assert metadata["size"] == (1100, 800) and metadata["fps"] == 30
    assert len(decoded) == N_EPOCHS + 60
    for frame, picture in zip(frames, decoded, strict=False):
        original = np.asarray(Image.open(frame).convert("RGB")).astype(int)
        assert np.abs(original - picture).mean() < 4
    for name, size in PICTURES.items():
        assert Image.open(folder / f"images/{name}.png").size == size
    with Image.open(folder / "images/umap.gif") as gif:
        assert gif.size == (600, 436)


def test_compare(copy, compared):
    folder = copy[0]
    films = {"compare": ((1200, 800), 7 + 60), "turn": ((1100, 800), 6), "tour": ((1100, 800), 92)}
    for name, (size, n_frames) in films.items():
        metadata, decoded = decode(folder / f"movies/{name}.mp4")
        assert (metadata["size"], len(decoded)) == (size, n_frames)
        assert np.abs(decoded[0] - decoded[-1]).mean() > 1
    quality = pl.read_parquet(folder / "data/quality.parquet")
    assert set(quality["method"]) == {
        *("PCA", "MDS", "Sammon", "Graph", "t-SNE", "UMAP", "UMAP, all digits")
    }
    assert quality.filter(method="t-SNE")["epoch"].max() == 15
    assert (
        quality.select("preservation", "trustworthiness", "accuracy", "cost")
        .null_count()
        .sum()
        .sum_horizontal()
        .item()
        == 0
    )
    first, last = (quality.filter(method="MDS")["cost"][row] for row in (0, -1))
    assert last < first


def test_explore(copy, explored):
    folder = copy[0]
    header = Page(folder / "movies/explorer.html").header
    assert header["size"] == 500 and header["label"]["name"] == "digit"
    layouts = {layout["name"]: layout for layout in header["embeddings"]}
    assert list(layouts) == ["UMAP", "t-SNE", "PCA", "UMAP 3-D"]
    assert layouts["UMAP"]["epochs"] == list(range(N_EPOCHS))
    assert layouts["UMAP 3-D"]["axes"] == 3 and len(layouts["PCA"]["pictures"]) == 2
    views = json.loads((folder / "data/cache/views.json").read_text())
    assert {"explorer", "two", "six", "border", "tilt", "trail", "deep", "axes"} == set(views)
    digits = pl.read_parquet(folder / "data/digits.parquet")["digit"]
    for name, digit in (("two", "2"), ("six", "6")):
        assert digits[int(parse_qs(views[name])["pin"][0])] == digit
    text = json.dumps(explored)
    assert all(f"(movies/explorer.html#{address})" in text for address in views.values())
    for name in views:
        assert name == "explorer" or f"(images/explore-{name}.png)" in text


def test_extend(copy, extended):
    folder = copy[0]
    for name in ("both", "unseen", "labels", "mixed", "distances", "sweeps", "seeds"):
        metadata, decoded = decode(folder / f"movies/{name}.mp4")
        assert all(side % 2 == 0 for side in metadata["size"]), name
        # The seeds: three of them, a frame at each and one on each way.
        assert len(decoded) == (5 if name == "seeds" else 6) + 60, name
        assert np.abs(decoded[0] - decoded[-1]).mean() > 0.1, name
    table = pl.read_parquet(folder / "data/cache/unseen.parquet")
    assert table.filter(epoch=0)["seen"].to_list() == [True] * 400 + [False] * 60
    moved = (
        table.filter(pl.col("epoch").is_in([0, 3]))
        .group_by("index", "seen")
        .agg(pl.col("x").n_unique())
    )
    assert moved.filter("seen")["x"].max() == 1, "the map has moved"
    assert moved.filter(~pl.col("seen"))["x"].mean() > 1.9


def test_no_warnings_and_no_errors(copy, compared, explored, extended):
    for notebook in (*copy[1:], compared, explored, extended):
        for cell in notebook["cells"]:
            for output in cell.get("outputs", []):
                assert output["output_type"] != "error"
                assert output.get("name") != "stderr", output


def test_nothing_but_results_is_left(copy, compared, explored, extended):
    folder = copy[0]
    assert sorted(path.name for path in (folder / "data").iterdir()) == [
        "cache",
        "digits.parquet",
        "epochs.json",
        "epochs.parquet",
        "quality.parquet",
    ]
    suffixes = {path.suffix for path in (folder / "data/cache").iterdir()}
    assert suffixes == {".npz", ".parquet", ".json", ".html"}


PLAIN = """
import polars as pl
from plotnine import *
from util import combine_plots

df_digits = pl.read_parquet("data/digits.parquet")
df_epochs = pl.read_parquet("data/epochs.parquet")
n = df_epochs.select(pl.col("epoch").max()).item() + 1

def get_pixels(df, seed=None):
    rows = df.sample(fraction=1, shuffle=True, seed=seed).group_by("digit").first()
    return (
        rows.unpivot(index=["digit"])
        .with_columns(p=pl.col("variable").str.strip_prefix("pixel").cast(pl.UInt16) - 1)
        .with_columns(x=pl.col("p") % 28, y=27 - pl.col("p") // 28)
    )

def plot_digits(df, height=3):
    return (
        ggplot(df, aes("x", "y", alpha="value", fill="digit"))
        + geom_tile() + coord_fixed() + facet_wrap("digit", ncol=2)
        + scale_fill_brewer(type="qual", palette=3) + theme_void()
        + theme(figure_size=(3, height), legend_position="none")
    )

def plot_embedding(df, epoch, max_epochs, legend=True, dpi=100):
    return (
        ggplot(df.filter(pl.col("epoch") == epoch), aes("x", "y", color="digit"))
        + geom_point(size=0.04, alpha=1)
        + annotate("segment", x=0, y=1.05, xend=epoch / max_epochs, yend=1.05)
        + scale_color_brewer(type="qual", palette=3)
        + scale_x_continuous(limits=(0, 1)) + scale_y_continuous(limits=(0, 1.06))
        + theme_void() + theme(figure_size=(8, 8), dpi=dpi, legend_position="none")
    )

combine_plots([
    plot_embedding(df_epochs, n - 1, n, legend=False),
    plot_digits(get_pixels(df_digits, seed=42), height=8)
], "images/plain.png", orientation="horizontal")
"""


def test_plain_plotnine_works_on_these_files(copy):
    done = run_python(PLAIN, cwd=copy[0])
    assert done.returncode == 0, done.stderr
    assert Image.open(copy[0] / "images/plain.png").size == (1100, 800)
