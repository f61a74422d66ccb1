"""Reading tables from files, folders of images and other libraries, and refusing the rest."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from fuzz import FAULTS, run
from PIL import Image

from animated.datasets.readers import read_table

TABLE = pl.DataFrame({"width": [1.5, None, 3.0], "count": [1, 2, 3], "kind": ["a", "b", None]})
IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def write_csv(path, separator=","):
    path.write_text("width,count,kind\n1.5,1,a\nNA,2,b\n3.0,3,\n".replace(",", separator))


def write_stream(path):
    TABLE.write_ipc_stream(path)


WRITERS = {
    "a.parquet": TABLE.write_parquet,
    "a.csv": write_csv,
    "semicolons.csv": lambda path: write_csv(path, ";"),
    "a.tsv": lambda path: write_csv(path, "\t"),
    "a.arrow": TABLE.write_ipc,
    "a.feather": lambda path: TABLE.write_ipc(path, compression="lz4"),
    "stream.arrow": write_stream,
    "[1] *.CSV": write_csv,
}


@pytest.mark.parametrize("name", WRITERS)
def test_files(tmp_path, name):
    WRITERS[name](tmp_path / name)
    assert read_table(tmp_path / name).equals(TABLE)
    assert read_table(str(tmp_path / name)).equals(TABLE)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ('"kind of ""bird""","a,b",c', ['kind of "bird"', "a,b", "c"]),
        ('"two\nlines",b,c', ["two\nlines", "b", "c"]),
        ("\n\na,b,c", ["a", "b", "c"]),
        ("\ufeff$a,b'c, d ", ["$a", "b'c", " d "]),
        (",b,c", ["", "b", "c"]),
    ],
)
def test_names_of_a_text_file(tmp_path, header, names):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n1,x,3\n", encoding="utf-8")
    expected = dict(zip(names, ([1], ["x"], [3]), strict=True))
    assert read_table(path).to_dict(as_series=False) == expected
    path.write_text(f"{header}\n1,x,3\n".replace(",", ";"), encoding="utf-8")
    names = [name.replace(",", ";") for name in names]
    assert read_table(path).columns == names


@pytest.mark.parametrize(
    "table", [TABLE, TABLE.lazy(), TABLE.to_pandas(), TABLE.to_arrow()], ids=lambda t: type(t)
)
def test_tables_of_other_libraries(table):
    read = read_table(table)
    assert read.columns == TABLE.columns and read["count"].to_list() == [1, 2, 3]
    assert read["kind"].to_list() == ["a", "b", None]


def test_pandas_columns_may_be_numbers_and_categories():
    frame = pd.DataFrame({0: [1.0, 2.0], 1: pd.Categorical(["b", "a"])})
    table = read_table(frame)
    assert table.columns == ["0", "1"]
    assert table["1"].cast(pl.String).to_list() == ["b", "a"]


def test_matrices_and_records(tmp_path):
    matrix = np.arange(6.0).reshape(3, 2)
    np.save(tmp_path / "a.npy", matrix)
    for source in (matrix, tmp_path / "a.npy"):
        table = read_table(source)
        assert table.columns == ["column_1", "column_2"]
        assert np.array_equal(table.to_numpy(), matrix)
    records = np.array([(1, 2.5), (3, 4.5)], dtype=[("n", "i4"), ("x", "f8")])
    assert read_table(records).to_dict(as_series=False) == {"n": [1, 3], "x": [2.5, 4.5]}


def test_pixels_of_arrays_have_positions(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, target=[7, 8], more=np.eye(2))
    for source, n_others in ((IMAGES, 0), (tmp_path / "a.npz", 3)):
        table = read_table(source)
        assert table.width == 12 + n_others
        assert table["pixel_2_1"].to_list() == [9, 21] and table["pixel_0_0"].dtype == pl.UInt8
    assert table.columns[12:] == ["target", "more_1", "more_2"]


def test_columns_of_vectors_are_spread():
    table = pl.DataFrame(
        {
            "name": ["a", "b"],
            "vector": [[1.0, 2.0], [3.0, 4.0]],
            "ragged": [[1.0], [1.0, 2.0]],
            "words": [["a"], ["b"]],
            "image": pl.Series(IMAGES.tolist(), dtype=pl.Array(pl.UInt8, (3, 4))),
        }
    )
    spread = read_table(table)
    assert spread.columns[:5] == ["name", "vector_1", "vector_2", "ragged", "words"]
    assert spread["vector_2"].to_list() == [2.0, 4.0]
    assert np.array_equal(spread[:, 5:].to_numpy().reshape(2, 3, 4), IMAGES)


@pytest.fixture
def folder(tmp_path):
    """Images of two classes: a wide white one, a tall one with a transparent half, a grey one."""
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
    Image.new("RGB", (40, 20), "white").save(tmp_path / "pets/cats/1.png")
    half = Image.new("RGBA", (10, 20), (255, 255, 255, 0))
    half.paste((255, 255, 255, 255), (0, 0, 10, 10))
    half.save(tmp_path / "pets/dogs/2.PNG")
    Image.new("L", (8, 8), 100).save(tmp_path / "pets/dogs/10.jpg")
    (tmp_path / "pets/readme.txt").write_text("not an image")
    return tmp_path / "pets"


def test_a_folder_of_images(folder):
    table = read_table(folder, image_side=8)
    assert table["class"].to_list() == ["cats", "dogs", "dogs"]
    assert table["file"].to_list() == ["cats/1.png", "dogs/10.jpg", "dogs/2.PNG"]
    wide, grey, half = table[:, :64].to_numpy().reshape(3, 8, 8)
    assert (wide[2:6] == 255).all() and not wide[[0, 1, 6, 7]].any()
    assert np.abs(grey.astype(int) - 100).max() <= 2
    assert half[:3, 2:6].min() > 250 and half[5:].max() < 5


def test_a_flat_folder_has_no_classes(folder):
    table = read_table(folder / "dogs", image_side=8)
    assert table.columns[-1] == "file" and table.height == 2


def test_a_broken_image_is_named(folder):
    (folder / "cats/broken.png").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"broken.png' could not be read"):
        read_table(folder)


def test_unreadable_sources(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    np.savez(tmp_path / "a.npz", x_train=np.zeros((3, 2)), x_test=np.zeros((2, 2)))
    np.save(tmp_path / "deep.npy", np.zeros((2, 2, 2, 2)))
    np.save(tmp_path / "objects.npy", np.array([{}, {}]), allow_pickle=True)
    (tmp_path / "empty.csv").write_text("a,b\n")
    (tmp_path / "folder").mkdir()
    for name, words in {
        "a.parquet": "a.parquet' could not be read: ",
        "a.npz": "arrays must have the same number of rows, got x_train 3, x_test 2",
        "deep.npy": r"1 to 3 dimensions, .*, got float64 \(2, 2, 2, 2\)",
        "objects.npy": "objects.npy' could not be read: ",
        "empty.csv": "must have rows and columns, got 0 x 2",
        "folder": "folder' must hold images, got none",
        "a.xlsx": "must end in one of .parquet, .*, got",
    }.items():
        with pytest.raises(ValueError, match=words):
            read_table(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"there is no file '.*none.csv'"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(TypeError, match=r"must be a path or a table of .*, got list"):
        read_table([[1, 2]])
    with pytest.raises(ValueError, match="image_side must be an integer from 4 to 128, got 0"):
        read_table(IMAGES, image_side=0)


@pytest.mark.parametrize("n_inputs", [510, pytest.param(8_500, marks=pytest.mark.slow)])
def test_damaged_files_are_refused_or_read_unchanged(n_inputs):
    """A seeded sample of the inputs of benchmarks/fuzz.py."""
    found = run(n_inputs, seed=1)
    assert len(found) == n_inputs and not set(found["outcome"]) & set(FAULTS)
    assert (found["outcome"] == "refused").mean() > 0.7
    assert "unchanged" in found["outcome"] and "another table" in found["outcome"]
