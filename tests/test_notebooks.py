"""The notebooks on the digits run from top to bottom on few digits, in a copy of the repository."""

import json
import os
import subprocess
import sys
from urllib.parse import parse_qs

import numpy as np
import polars as pl
import pytest
from conftest import PICTURES, run_python
from notebook_kernel import Kernel, check_outputs, copy_repository
from page_file import Page
from PIL import Image
from test_movie import decode

from animated.runs.store import read_metadata

N_EPOCHS = 5


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository as a clone has it, in which prepare.ipynb was run as make does."""
    folder = copy_repository(tmp_path_factory.mktemp("copy"))
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "--log-level", "WARNING"]
    for name, value in {"num_rows": 500, "num_epochs": N_EPOCHS, "seed": 7}.items():
        command += ["-p", name, str(value)]
    done = subprocess.run(
        [*command, "prepare.ipynb", "executed-prepare.ipynb"],
        cwd=folder,
        env=os.environ | {"JUPYTER_PREFER_ENV_PATH": "1"},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    check_outputs(json.loads((folder / "executed-prepare.ipynb").read_text()), folder)
    return folder


@pytest.fixture(scope="module")
def kernel(copy):
    kernel = Kernel(copy)
    yield kernel
    kernel.stop()


@pytest.fixture(scope="module")
def visualized(kernel):
    """visualize.ipynb, run as it is."""
    return kernel.run("visualize.ipynb")


@pytest.fixture(scope="module")
def compared(kernel):
    """compare.ipynb, run in the folder in which papermill and make start it."""
    sizes = {"num_digits": 300, "num_few": 110, "num_many": 320}
    lengths = {"num_epochs": 8, "num_tsne_epochs": 15, "num_pacmap_epochs": 8}
    lengths |= {"num_frames": 4, "num_turning": 3, "num_pause": 1, "num_travel": 1}
    return kernel.run("notebooks/compare.ipynb", **sizes, **lengths)


@pytest.fixture(scope="module")
def explored(kernel):
    """explore.ipynb, run in the folder in which JupyterLab and VS Code start it."""
    return kernel.run(
        "notebooks/explore.ipynb", "notebooks", num_tsne_epochs=15, num_deep_epochs=6, num_few=100
    )


def test_prepare(copy):
    folder = copy
    table = pl.read_parquet(folder / "data/epochs.parquet")
    assert table.shape == (500 * N_EPOCHS, 5)
    assert table["epoch"].unique().to_list() == list(range(N_EPOCHS))
    metadata = read_metadata(folder / "data/epochs.parquet")
    assert metadata["seed"] == 7 and metadata["parameters"]["n_neighbors"] == 15
    digits = pl.read_parquet(folder / "data/digits.parquet")
    assert digits.shape == (30_000, 785), "committed digits are lost"
    assert table.filter(epoch=2)["digit"].equals(digits["digit"][:500])


def test_visualize(copy, visualized):
    folder = copy
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


@pytest.mark.slow
def test_compare(copy, compared):
    folder = copy
    films = {"compare": ((1200, 800), 4 + 60), "turn": ((1100, 800), 3), "tour": ((1100, 800), 73)}
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
    folder = copy
    header = Page(folder / "movies/explorer.html").header
    assert header["size"] == 500 and header["label"]["name"] == "digit"
    embeddings = {each["name"]: each for each in header["embeddings"]}
    assert list(embeddings) == ["UMAP", "t-SNE", "PCA", "UMAP 3-D"]
    assert embeddings["UMAP"]["epochs"] == list(range(N_EPOCHS))
    assert embeddings["UMAP 3-D"]["axes"] == 3 and len(embeddings["PCA"]["pictures"]) == 2
    views = json.loads((folder / "data/cache/views.json").read_text())
    assert {"explorer", "two", "six", "border", "tilt", "trail", "deep", "axes"} == set(views)
    digits = pl.read_parquet(folder / "data/digits.parquet")["digit"]
    for name, digit in (("two", "2"), ("six", "6")):
        assert digits[int(parse_qs(views[name])["pin"][0])] == digit
    text = json.dumps(explored)
    assert all(f"(../movies/explorer.html#{address})" in text for address in views.values())
    for name in views:
        assert name == "explorer" or f"(../images/explore-{name}.png)" in text


@pytest.mark.parametrize(
    "name", ["visualized", "explored", pytest.param("compared", marks=pytest.mark.slow)]
)
def test_no_warnings_and_no_errors(copy, request, name):
    check_outputs(request.getfixturevalue(name), copy)


def test_nothing_but_results_is_left(copy, visualized, explored):
    names = {path.name for path in (copy / "data").iterdir()}
    results = {"cache", "digits.parquet", "epochs.json", "epochs.parquet"}
    assert names - {"quality.parquet"} == results, "compare writes the quality"
    suffixes = {path.suffix for path in (copy / "data/cache").iterdir()}
    assert suffixes == {".npz", ".parquet", ".json", ".html"}
    assert {path.suffix for path in (copy / "notebooks").iterdir()} == {".ipynb"}


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
    done = run_python(PLAIN, cwd=copy)
    assert done.returncode == 0, done.stderr
    assert Image.open(copy / "images/plain.png").size == (1100, 800)
