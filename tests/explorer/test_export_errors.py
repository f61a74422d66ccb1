"""Bad arguments are refused in one sentence, before any work."""

import numpy as np
import polars as pl
import pytest
from conftest import ROOT

from animated import export

pytest_plugins = ["explorer_fixtures"]

BAD = [
    ({"embeddings": {}}, ValueError, "at least one embedding, got none"),
    ({"embeddings": np.zeros((3, 2))}, TypeError, "must map names to embeddings, got ndarray"),
    ({"embeddings": {1: np.zeros((3, 2))}}, TypeError, "name of an embedding must be text, got 1"),
    ({"embeddings": {"a": np.zeros((3, 4))}}, ValueError, r"'a' must have shape .*got \(3, 4\)"),
    ({"embeddings": {"a": 5}}, ValueError, r"'a' must have shape .*got \(\)"),
    ({"embeddings": {"a": np.zeros((3, 2), complex)}}, TypeError, "real numbers, got complex128"),
    ({"embeddings": {"a": [["x", "y"]]}}, TypeError, "real numbers, got <U1"),
    ({"embeddings": {"a": pl.DataFrame({"x": [1]})}}, ValueError, "columns x, y .*got x"),
    (
        {"embeddings": {"a": np.array([[0, 0], [0, np.nan], [np.inf, 1]])}},
        ValueError,
        "got 2 rows with NaN or inf",
    ),
    ({"embeddings": {"a": "nowhere.parquet"}}, FileNotFoundError, "no epoch store at 'nowhere"),
    (
        {"embeddings": {"a": np.zeros((3, 2)), "b": np.zeros((4, 2))}},
        ValueError,
        "'b' must have 3 points like 'a', got 4",
    ),
    ({"labels": ["a"]}, ValueError, "labels must have 3 values, one per point, got 1"),
    ({"labels": [[1], [2], [3]]}, TypeError, "must be text, numbers or dates, got List"),
    ({"labels": [object()] * 3}, TypeError, "must be text, numbers or dates, got Object"),
    ({"images": np.zeros((3, 4, 4))}, ValueError, "images must be uint8, got float64"),
    ({"images": np.zeros((3, 4), np.uint8)}, ValueError, r"must have shape .*got \(3, 4\)"),
    ({"images": np.zeros((3, 4, 4, 4), np.uint8)}, ValueError, r"got \(3, 4, 4, 4\)"),
    (
        {"images": np.zeros((2, 4, 4), np.uint8)},
        ValueError,
        "must be 3, one per point, got 2",
    ),
    ({"images": np.zeros((3, 4, 129), np.uint8)}, ValueError, "1 to 128 .*got 4 x 129"),
    ({"images": np.zeros((3, 0, 4), np.uint8)}, ValueError, "1 to 128 .*got 0 x 4"),
    ({"epochs": 0}, ValueError, "epochs must be an integer of at least 1, got 0"),
    ({"epochs": 1.5}, TypeError, "epochs must be None, an integer .*got 1.5"),
    ({"epochs": "all"}, TypeError, "epochs must be None, an integer .*got 'all'"),
    ({"epochs": [True]}, TypeError, "epochs must be None, an integer"),
    ({"epochs": [3]}, ValueError, "epochs must be in one of the stores, got 3"),
    ({"neighbors": np.zeros((2, 1), int)}, ValueError, r"shape \(3, k\), got \(2, 1\)"),
    ({"neighbors": np.zeros((3, 1))}, ValueError, "must be integers, got float64"),
    ({"neighbors": np.full((3, 1), 3)}, ValueError, "indices of points, from 0 to 2, got 3 to 3"),
    (
        {"neighbors": np.full((3, 1), -1)},
        ValueError,
        "of points, from 0 to 2, got -1 to -1",
    ),
    ({"embeddings": {"a": [[1, 2], [3], [4, 5]]}}, ValueError, "'a' must have rows of 2 or of 3"),
    ({"columns": {"c": [1, 2]}}, ValueError, "'c' must have 3 numbers, got 2"),
    ({"columns": {"c": ["x", "y", "z"]}}, TypeError, "'c' must hold numbers, got String"),
    ({"columns": {"c": [1, 2, np.inf]}}, ValueError, "'c' must be finite, got 1 infinite numbers"),
    ({"columns": [1, 2, 3]}, TypeError, "columns must be .*got list"),
    (
        {"components": {"q": np.zeros((2, 2, 2))}},
        ValueError,
        "to an embedding, 'a', got 'q'",
    ),
    (
        {"components": {"a": np.zeros((3, 2, 2))}},
        ValueError,
        r"shape \(2, height, width\), got \(3, 2, 2\)",
    ),
    (
        {"components": {"a": np.full((2, 2, 2), np.nan)}},
        ValueError,
        "'a' must be finite, got 8 values that are not",
    ),
    ({"components": np.zeros((2, 2, 2))}, TypeError, "must map names .*got ndarray"),
    ({"lables": None}, TypeError, "options must be among labels, images, .*, got 'lables'"),
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
    with pytest.raises(ValueError, match=r"must end in \.html or \.htm, got '.*page\.txt'"):
        export({"a": np.eye(3)}, labels=None, output_path=tmp_path / "page.txt")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x": pl.lit(2.0)}, r"store 'a' must be in \[0, 1\], got .* to 2.0"),
        (
            {"x": pl.when(pl.col("index") < 7).then(float("nan")).otherwise("x")},
            "28 rows with NaN or inf",
        ),
        ({"y": pl.when(pl.col("index") < 7).then(None).otherwise("y")}, "28 rows with NaN or inf"),
        (
            {"epoch": pl.col("epoch") + (pl.col("index") == 0)},
            "the same number of points at every epoch, got 1 to 600",
        ),
    ],
)
def test_bad_stores_are_refused(make, store, tmp_path, change, sentence):
    pl.read_parquet(store).with_columns(**change).write_parquet(tmp_path / "bad.parquet")
    with pytest.raises(ValueError, match=sentence):
        make({"a": tmp_path / "bad.parquet"})


def test_other_parquet_files_are_refused(make, store, tmp_path):
    with pytest.raises(ValueError, match="columns x, y and optionally z, got pixel1, pixel2"):
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
