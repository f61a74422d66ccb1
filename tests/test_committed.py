"""What a reader of the repository finds without running anything."""

import json
import re

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from conftest import PICTURES, ROOT, crop_legend, to_classes
from PIL import Image
from test_frames import find_line
from test_movie import decode

from animated.runs.store import read_epoch, read_metadata

DIGITS = ROOT / "data/digits.parquet"
EPOCHS = ROOT / "data/epochs.parquet"
MOVIE = ROOT / "movies/umap.mp4"
NOTEBOOKS = [
    *(ROOT / f"{name}.ipynb" for name in ("prepare", "visualize")),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
]
# A cell of code holds one idea, so it has no more lines than this, apart from imports.
MOST_LINES = 25
DIGIT = pl.Enum(list("0123456789"))
# Made by `make explorer`, and too large to be committed.
PAGE = "movies/explorer.html"


@pytest.fixture(scope="module")
def decoded():
    return decode(MOVIE)


def test_digits():
    table = pl.read_parquet(DIGITS)
    assert table.shape == (30_000, 785)
    assert set(table.dtypes) == {pl.UInt8, DIGIT}
    assert DIGITS.stat().st_size < 7_000_000


def test_epochs():
    file = pq.ParquetFile(EPOCHS)
    assert file.metadata.num_rows == 6_000_000 and file.num_row_groups == 200
    assert EPOCHS.stat().st_size < 30_000_000
    table = pl.scan_parquet(EPOCHS)
    assert dict(table.collect_schema()) == {
        "index": pl.UInt32,
        "x": pl.Float32,
        "y": pl.Float32,
        "digit": DIGIT,
        "epoch": pl.UInt16,
    }
    ranges = table.select(pl.col("x", "y").min().name.suffix("0"), pl.col("x", "y").max()).collect()
    assert min(ranges.row(0)) == 0 and max(ranges.row(0)) == 1
    assert read_epoch(EPOCHS, 0).drop("epoch").equals(read_epoch(EPOCHS, 1).drop("epoch"))
    assert read_epoch(EPOCHS, 199)["digit"].equals(pl.read_parquet(DIGITS)["digit"])
    metadata = read_metadata(EPOCHS)
    assert (metadata["method"], metadata["data"], metadata["seed"]) == ("UMAP", "MNIST", 42)


def test_movie(decoded):
    metadata, frames = decoded
    assert metadata["fps"] == 30 and metadata["size"] == (1100, 800)
    assert metadata["codec"] == "h264" and metadata["pix_fmt"].startswith("yuv420p")
    assert len(frames) == 200 + 60
    assert np.abs(frames[199] - frames[259]).mean() < 1
    assert np.abs(frames[0] - frames[199]).mean() > 5
    assert MOVIE.stat().st_size <= 10_000_000


@pytest.mark.parametrize("epoch", [0, 50, 120, 199])
def test_legend_and_points_of_the_movie_have_the_same_colours(decoded, epoch):
    frames = decoded[1]
    for digit in range(10):
        pixels = crop_legend(frames[epoch], digit).reshape(-1, 3)
        ink = pixels[pixels.sum(axis=1).argsort()[-80:]]
        # At the edge of a stroke the codec mixes its colour with the background's.
        assert (to_classes(ink) == digit).mean() > 0.6, f"the legend's {digit}"

    left, right, row = find_line(frames[199])
    unit = right - left + 1
    points = read_epoch(EPOCHS, epoch)
    x, y = points.select("x", "y").to_numpy().T
    columns = np.rint(left + unit * x).astype(int)
    rows = np.rint(row + unit * (1.05 - y)).astype(int)
    digits = points["digit"].to_physical().to_numpy()
    # Where all points of a neighbourhood are of one digit, that digit's colour is seen.
    owners = np.zeros((10, 100, 100), dtype=int)
    np.add.at(owners, (digits, rows // 8, columns // 8), 1)
    alone = (owners[digits, rows // 8, columns // 8] >= 5) & (
        (owners > 0).sum(axis=0)[rows // 8, columns // 8] == 1
    )
    assert alone.sum() > 1_000
    seen = to_classes(frames[epoch, rows[alone], columns[alone]])
    assert (seen == digits[alone]).mean() > 0.9


def test_pictures():
    with Image.open(ROOT / "images/umap.gif") as gif:
        assert 480 <= gif.width <= 600 and gif.n_frames >= 40
        gif.seek(gif.n_frames - 1)
        assert gif.info["duration"] >= 1000
    assert (ROOT / "images/umap.gif").stat().st_size <= 5_000_000
    for name, size in PICTURES.items():
        with Image.open(ROOT / f"images/{name}.png") as image:
            assert image.size == size


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_clean_runs(path):
    text = path.read_text()
    cells = json.loads(text)["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        for output in cell["outputs"]:
            assert output["output_type"] != "error" and output.get("name") != "stderr"
            assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})
    assert "widgets" not in json.loads(text)["metadata"]
    assert len(text) < 1_050_000
    assert not re.search(r"/(home|root|tmp|Users|usr|work)/", text)
    assert [cell["metadata"].get("tags") for cell in code].count(["parameters"]) == 1
    imports = [
        cell for cell in code if re.search(r"^(import|from) ", "".join(cell["source"]), re.M)
    ]
    assert imports == code[:1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_cell_of_code_is_short(path):
    cells = json.loads(path.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    long = [source for source in code[1:] if len(source.splitlines()) > MOST_LINES]
    assert not long, long[0]
    prose = [cell for cell in cells if cell["cell_type"] == "markdown"]
    assert len(prose) > len(code) / 2


def test_no_notebook_is_missing():
    names = ["compare", "explore", "metrics", "parameters", "transform"]
    assert [path.stem for path in NOTEBOOKS] == ["prepare", "visualize", *names]
    assert {path.stem for path in ROOT.glob("*.ipynb")} == {"prepare", "visualize"}


@pytest.mark.parametrize("path", [ROOT / "README.md", *NOTEBOOKS], ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    text = path.read_text()
    targets = re.findall(r"\]\(([^)#\s]+)", text) + re.findall(r'(?:src|href)=\\?"([^"\\]+)', text)
    local = [target for target in targets if not target.startswith(("http", "data:", "{"))]
    assert local
    for target in local:
        found = (path.parent / target).resolve()
        assert found.exists() or found == ROOT / PAGE, target


def test_readme_shows_the_animation_first():
    text = (ROOT / "README.md").read_text()
    assert re.search(r"^# .*\n+\[!\[[^]]+\]\(images/umap.gif\)\]\(movies/umap.mp4\)", text)


def test_figures_of_the_readme_are_measured():
    row = re.compile(r"^\| ([^|]+) \| ([^|]*\d[^|]*) \|", re.M)
    measured = row.findall((ROOT / "benchmarks/results.md").read_text())
    quoted = row.findall((ROOT / "README.md").read_text())
    assert len(measured) >= 15 and len(quoted) >= 5
    assert set(quoted) <= set(measured)


def test_frames_is_an_empty_folder_in_a_clone():
    assert (ROOT / "frames/.gitkeep").exists()
