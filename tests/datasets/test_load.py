"""Loading data: columns, labels, missing values, scaling, samples, and the names of results."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import ROOT

from animated.datasets.columns import choose_features, find_images, to_labels
from animated.datasets.examples import EXAMPLES, name_item
from animated.datasets.load import load_dataset
from animated.datasets.mnist import read_digits
from animated.storage.paths import TAKEN, name_data, name_results

N_ROWS = 40


@pytest.fixture
def table():
    """Numeric columns of different scales, with missing values, beside columns of other kinds."""
    random = np.random.default_rng(0)
    length = [None if i in (3, 7) else float(i) for i in range(N_ROWS)]
    weight = [float("inf") if i == 7 else 1000.0 + i**2 for i in range(N_ROWS)]
    return pl.DataFrame(
        {
            "id": [f"row {i}" for i in range(N_ROWS)],
            "length": length,
            "weight": weight,
            "constant": [0.1] * N_ROWS,
            "empty": pl.Series([None] * N_ROWS, dtype=pl.Float64),
            "kind": [None if i == 5 else "cba"[i % 3] for i in range(N_ROWS)],
            "score": random.random(N_ROWS),
        }
    )


def summarise(dataset):
    return dict(dataset.summary.rows())


def test_numeric_columns_are_features_and_the_others_are_reported(table):
    dataset = load_dataset(table, "kind")
    assert dataset.X.dtype == np.float32 and dataset.X.flags.c_contiguous
    assert dataset.X.shape == (38, 4)
    summary = summarise(dataset)
    assert summary["features"] == "4 columns: length, weight, constant, score"
    assert summary["not used"] == "2 columns: id, empty"
    assert summary["label"] == "kind, 3 classes, 1 missing"
    assert summary["missing"] == "3 values, 2 rows dropped"
    assert summary["rows"] == "38 of 38" and summary["read"] == "40 rows, 7 columns"
    assert summary["scaling"].endswith("mean 0 and standard deviation 1; 1 column is constant")
    assert dataset.changes == {"missing": "drop", "scaling": "standard"}


def test_rows_of_table_features_and_labels_are_the_same(table):
    dataset = load_dataset(table, "kind", scaling="none", n_rows=20, seed=3)
    assert dataset.table.height == len(dataset.X) == len(dataset.labels) == 20
    assert np.array_equal(dataset.table["weight"], dataset.X[:, 1])
    assert dataset.table["kind"].equals(dataset.labels)
    rows = dataset.table["id"].str.strip_prefix("row ").cast(pl.Int64)
    assert rows.is_sorted() and rows.n_unique() == 20 and not {3, 7} & set(rows)
    assert not rows.equals(pl.Series("id", range(20)))
    again, other = (load_dataset(table, "kind", n_rows=20, seed=seed) for seed in (3, 4))
    assert again.table.equals(dataset.table) and not other.table.equals(dataset.table)


def test_scaling(table):
    plain, standard, unit = (
        load_dataset(table, scaling=scaling).X for scaling in ("none", "standard", "range")
    )
    assert plain[0, 1] == 1000 and plain[-1, 1] == 1000 + 39**2
    changing = [0, 1, 3]
    assert np.allclose(standard[:, changing].mean(axis=0), 0, atol=1e-6)
    assert np.allclose(standard[:, changing].std(axis=0), 1, atol=1e-6)
    assert np.array_equal(unit[:, changing].min(axis=0), [0, 0, 0])
    assert np.array_equal(unit[:, changing].max(axis=0), [1, 1, 1])
    for X in (standard, unit):
        assert not X[:, 2].any()
    assert np.array_equal(load_dataset(table).X, standard)


def test_means_fill_missing_values(table):
    dataset = load_dataset(table, missing="mean", scaling="none")
    known = [i for i in range(N_ROWS) if i not in (3, 7)]
    assert dataset.X.shape[0] == N_ROWS
    assert dataset.X[3, 0] == dataset.X[7, 0] == pytest.approx(np.mean(known))
    others = [1000.0 + i**2 for i in range(N_ROWS) if i != 7]
    assert dataset.X[7, 1] == pytest.approx(np.mean(others))
    assert summarise(dataset)["missing"] == "3 values, filled with the mean of the column"
    with pytest.raises(ValueError, match="must be finite numbers, got 3 missing or infinite"):
        load_dataset(table, missing="error")


def test_chosen_columns_and_no_label(table):
    dataset = load_dataset(table, columns=["weight", "score"])
    assert dataset.X.shape == (39, 2) and dataset.labels is None
    assert summarise(dataset)["label"] == "none"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"label": "knid"}, "no column 'knid'; did you mean 'kind'?"),
        ({"columns": ["lenght"]}, "no column 'lenght'; did you mean 'length'?"),
        ({"columns": ["id"]}, "column 'id' must be numeric, got String"),
        (
            {"columns": ["empty"]},
            r"must have numeric columns .*, got empty \(Float64\)",
        ),
        ({"label": "empty"}, "label 'empty' must have values, got none in 40 rows"),
        ({"label": "id", "label_kind": "numbers"}, "label 'id' must hold numbers, got String"),
        ({"scaling": "log"}, "scaling must be 'auto', 'none', 'standard' or 'range', got 'log'"),
        ({"missing": None}, "missing must be 'drop', 'mean' or 'error', got None"),
        ({"label_kind": "x"}, "label_kind must be 'auto', 'classes' or 'numbers', got 'x'"),
        ({"n_rows": 2}, "n_rows must be an integer of at least 3, got 2"),
        ({"seed": -1}, "seed must be an integer from 0"),
    ],
)
def test_bad_arguments(table, arguments, words):
    with pytest.raises(ValueError, match=words):
        load_dataset(table, **arguments)


def test_too_few_rows_remain():
    holes = pl.DataFrame({"a": [1.0, None, None, None], "b": [None, 1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="at least 3 rows must have all features, got 0; missing="):
        load_dataset(holes)
    with pytest.raises(ValueError, match=r"must end in one of .*; examples are mnist, fashion"):
        load_dataset("penguin")


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([10, 9, 2], pl.Enum, ["2", "9", "10"]),
        ([2.0, 1.0, None], pl.Enum, ["1", "2"]),
        ([True, False], pl.Enum, ["false", "true"]),
        (["b", "a", "b"], pl.Enum, ["a", "b"]),
        (list(range(21)), pl.Float32, None),
        ([0.5, 1.0, float("nan")], pl.Float32, None),
    ],
)
def test_kinds_of_labels(values, dtype, expected):
    column = pl.Series("a", values)
    labels = to_labels(column)
    assert labels.dtype == dtype
    assert expected is None or labels.dtype.categories.to_list() == expected
    assert labels.null_count() == sum(value is None or value != value for value in values)
    asked = to_labels(column, "classes")
    assert asked.dtype == pl.Enum and asked.null_count() == labels.null_count()


def test_labels_of_too_many_classes():
    names = pl.Series("name", [f"n{i}" for i in range(101)])
    assert len(to_labels(names[:100]).dtype.categories) == 100
    with pytest.raises(ValueError, match="label 'name' must have at most 100 classes, got 101"):
        to_labels(names)
    with pytest.raises(ValueError, match=r"must hold text or numbers, got List"):
        to_labels(pl.Series("a", [[1], [2]]))


def test_a_label_may_have_the_name_of_a_column_of_the_store():
    table = pl.DataFrame({"x": [1.0, 2.0, 4.0], "y": ["a", "b", "a"]})
    dataset = load_dataset(table, "y")
    assert dataset.labels.name == "label_y" and dataset.X.shape == (3, 1)
    assert dataset.table["label_y"].to_list() == ["a", "b", "a"]


def test_images_are_found():
    places = pl.DataFrame({f"pixel_{r}_{c}": [r, c] for c in range(3) for r in range(2)})
    images = find_images(places.with_columns(other=1))
    assert (images.height, images.width) == (2, 3)
    assert images.columns[:4] == ["pixel_0_0", "pixel_0_1", "pixel_0_2", "pixel_1_0"]
    numbers = pl.DataFrame({f"pixel{i}": [i] for i in (10, 1, 2, 3, 4, 5, 6, 7, 8)})
    assert find_images(numbers).columns[-1] == "pixel10" and find_images(numbers).width == 3
    assert find_images(numbers.drop("pixel1")) is None
    assert find_images(places.drop("pixel_0_0")) is None
    assert find_images(places.cast(pl.String)) is None
    assert find_images(pl.DataFrame({"a": [1]})) is None


def test_pixels_alone_are_features_of_images():
    table = pl.DataFrame({f"pixel_{r}_{c}": [r, c, 9] for c in range(2) for r in range(2)})
    table = table.with_columns(number=pl.Series([5, 6, 7]), kind=pl.Series(["a", "b", "a"]))
    assert choose_features(table, "kind", None) == [
        f"pixel_{r}_{c}" for r in (0, 1) for c in (0, 1)
    ]
    dataset = load_dataset(table, "kind")
    summary = summarise(dataset)
    assert summary["images"] == "2 x 2 pixels" and summary["scaling"] == "none"
    assert summary["not used"] == "1 column: number"


def test_mnist_is_the_committed_file(digits):
    dataset = load_dataset("mnist", n_rows=2_000)
    assert dataset.table.equals(read_digits(n_digits=2_000)) and dataset.changes == {}
    assert np.array_equal(dataset.X, digits.drop("digit").to_numpy())
    assert dataset.labels.equals(digits["digit"])


def test_penguins_and_diamonds_and_small_digits():
    penguins = load_dataset("penguins")
    assert penguins.X.shape == (342, 4)
    assert penguins.labels.dtype.categories.to_list() == ["Adelie", "Chinstrap", "Gentoo"]
    diamonds = load_dataset("diamonds", n_rows=1_000)
    assert diamonds.labels.dtype == pl.Float32 and diamonds.X.shape == (1_000, 6)
    assert summarise(diamonds)["rows"] == "1,000 of 53,940"
    small = load_dataset("digits-8x8")
    assert small.X.shape == (1_797, 64) and summarise(small)["images"] == "8 x 8 pixels"
    colored = load_dataset("penguins", "body_mass_g")
    assert colored.X.shape == (342, 3) and colored.labels.max() == 6300


def test_save_keeps_a_longer_file(tmp_path, table):
    path = tmp_path / "rows.parquet"
    dataset, few = load_dataset(table, "kind"), load_dataset(table[:20], "kind")
    dataset.save(path)
    assert pl.read_parquet(path).equals(dataset.table)
    load_dataset(pl.read_parquet(path).head(10), "kind").save(path)
    assert pl.read_parquet(path).height == 38
    other = load_dataset(table.reverse(), "kind")
    other.save(path)
    assert pl.read_parquet(path).equals(other.table) and few.table.height == 18
    with pytest.raises(FileNotFoundError, match="create"):
        dataset.save(tmp_path / "none" / "rows.parquet")


def test_save_replaces_a_damaged_file(tmp_path, table):
    path = tmp_path / "[1] *.parquet"
    path.write_bytes(b"PAR1 and no more")
    dataset = load_dataset(table, "kind")
    dataset.save(path)
    assert pl.read_parquet(path, glob=False).equals(dataset.table)


def test_titles(tmp_path):
    path = tmp_path / "my flowers.csv"
    pd.DataFrame({"a": [1, 2, 3]}).to_csv(path, index=False)
    assert load_dataset(path).title == "my flowers"
    assert load_dataset(path, title="Flowers").title == "Flowers"
    assert load_dataset(np.eye(3)).title == "Data"
    assert name_item("flowers", False) == "a row" and name_item("flowers", True) == "an image"
    assert name_item("penguins", False) == "a penguin"


def test_names_of_results():
    results = name_results("mnist")
    assert results[:4] == (
        *("data/digits.parquet", "data/epochs.parquet", "movies/umap.mp4", "images/umap.gif"),
    )
    others = name_results("flowers")
    assert others.movie == "movies/flowers.mp4" and others.epochs == "data/flowers-epochs.parquet"
    assert not set(results) & set(others)
    with pytest.raises(ValueError, match=r"name must be letters, .* only, got '../x'"):
        name_results("../x")


def test_all_movies_of_the_repository_are_taken():
    assert set(EXAMPLES) | {path.stem for path in (ROOT / "movies").glob("*.mp4")} <= set(TAKEN)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        *((name, name) for name in EXAMPLES),
        ("data/flowers 2024.csv", "flowers-2024"),
        ("umap.parquet", "my-umap"),
        ("mnist.npz", "my-mnist"),
        ("***.csv", "data"),
    ],
)
def test_names_of_data(source, name):
    assert name_data(source) == name
    name_results(name)


def test_a_folder_gives_its_name(tmp_path):
    (tmp_path / "my pets").mkdir()
    assert name_data(tmp_path / "my pets") == name_data(f"{tmp_path}/my pets/") == "my-pets"
