"""Everything that can be wrong with what people bring, and the sentence that tells them."""

import io
import traceback
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
from PIL import EpsImagePlugin, Image
from umap import UMAP

from animated.datasets.columns import to_labels
from animated.datasets.load import load_dataset
from animated.datasets.readers import read_table
from animated.methods import graph, mds, pacmap, pca, pixels, sammon, tsne, umap
from animated.methods._umap import fit_umap
from animated.neighbors.search import PARAMETRIC_METRICS, find_neighbors
from animated.quality.epochs import Quality
from animated.quality.measures import label_accuracy, search_embedding, trustworthiness
from animated.runs.run import run
from animated.runs.store import read_epoch
from animated.runs.writer import EpochWriter
from animated.validation import check_features, check_sparse_features, to_enum, to_features
from animated.video.frames import Frames
from util import combine_plots

X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
CSR = sp.csr_matrix(np.where(X > 0, X, 0))
ABOUT = {"n_epochs": 1, "seed": 1}
METHODS = {
    "umap": lambda X, **about: umap(X, **ABOUT | {"n_neighbors": 4} | about),
    "tsne": lambda X, **about: tsne(X, **ABOUT | {"perplexity": 1} | about),
    "pacmap": lambda X, **about: pacmap(X, **ABOUT | about),
    "mds": lambda X, **about: mds(X, **ABOUT | about),
    "sammon": lambda X, **about: sammon(X, **ABOUT | about),
    "graph": lambda X, **about: graph(X, **ABOUT | about),
    "pca": lambda X, **about: pca(X, **ABOUT | about),
    "pixels": lambda X, **about: pixels(X, **ABOUT | about | {"n_epochs": 0}),
}
# All that takes features.
TAKERS = METHODS | {
    "fit_umap": lambda X: fit_umap(X, **ABOUT),
    "find_neighbors": find_neighbors,
    "Quality": Quality,
}


def put(value, dtype=np.float32):
    features = X.astype(dtype)
    features[3, 1] = value
    return features


NOT_FINITE = r"X must be finite, got {} in row 3, column 1: leave such rows out or fill them in"
NO_NUMBERS = "X must be an array of numbers, got "
NO_SHAPE = r"X must have shape \(n_samples, n_features\), got "

# What is no feature table: the table, the error and its sentence.
BAD_FEATURES = {
    "NaN": (put(np.nan), ValueError, NOT_FINITE.format("nan")),
    "infinity": (put(-np.inf), ValueError, NOT_FINITE.format("-inf")),
    "masked": (np.ma.masked_greater(X, 2), ValueError, "X must be finite, got nan in row"),
    "missing in pandas": (
        pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64")}),
        ValueError,
        "X must be finite, got nan in row 1, column 0",
    ),
    "beyond float32": (
        put(1e300, np.float64),
        ValueError,
        r"X must be between -1e\+15 and 1e\+15, got 1e\+300 in row 3, column 1: scale it",
    ),
    "beyond what can be squared": (put(1e30), ValueError, r"X must be between .* got 1\.0+.*e\+30"),
    "beyond any float": ([[10**400], [1]], ValueError, "X must be at most .* integer beyond 1e308"),
    "no rows": (X[:0], ValueError, NO_SHAPE + r"\(0, 5\), but each must be at least 1"),
    "no columns": (X[:, :0], ValueError, NO_SHAPE + r"\(60, 0\), but each must be at least 1"),
    "a vector": (
        X[:, 0],
        ValueError,
        NO_SHAPE + r"\(60,\): X.reshape\(-1, 1\) makes it one",
    ),
    "a cube": (X[:, :, None], ValueError, NO_SHAPE + r"\(60, 5, 1\)"),
    "nothing": (None, TypeError, NO_NUMBERS + "NoneType"),
    "a path": ("data.csv", TypeError, NO_NUMBERS + "str"),
    "a query": (pl.LazyFrame({"a": [1]}), TypeError, NO_NUMBERS + "LazyFrame"),
    "rows of any length": (
        [[1, 2], [3]],
        TypeError,
        NO_NUMBERS + "list of rows that differ",
    ),
    "text": (np.array([["1", "2"]]), TypeError, NO_NUMBERS + "ndarray of <U1"),
    "text among numbers": ([[1, "a"]], TypeError, NO_NUMBERS + "list of <U"),
    "objects": (np.array([[1.0, "a"]], object), TypeError, NO_NUMBERS + "ndarray with 'a'"),
    "complex numbers": (X.astype(complex), TypeError, NO_NUMBERS + "ndarray of complex128"),
    "dates": (np.zeros((9, 2), "datetime64[s]"), TypeError, NO_NUMBERS + "ndarray of datetime64"),
    "dates in pandas": (
        pd.DataFrame({"a": pd.date_range("2020", periods=3), "b": 1.0}),
        TypeError,
        NO_NUMBERS + "DataFrame with Timestamp",
    ),
    "words in Polars": (
        pl.DataFrame({"a": [1.0], "kind": ["x"]}),
        TypeError,
        "column 'kind' must be numeric, got String: leave it out",
    ),
    "dates in Polars": (
        pl.DataFrame({"day": pl.Series([1]).cast(pl.Date)}),
        TypeError,
        "column 'day' must be numeric, got Date",
    ),
    "records": (np.zeros(9, [("a", "f4")]), TypeError, r"got ndarray of \[\('a', '<f4'\)\]"),
}


@pytest.mark.parametrize("case", BAD_FEATURES)
@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.filterwarnings("error")
def test_what_is_no_feature_table_is_reported_by_all_that_take_one(taker, case):
    features, error, sentence = BAD_FEATURES[case]
    with pytest.raises(error, match=sentence) as caught:
        TAKERS[taker](features)
    assert "\n" not in str(caught.value)
    last = traceback.format_exception_only(caught.value)[-1]
    assert last == f"{error.__name__}: {caught.value}\n"


@pytest.mark.parametrize("taker", sorted(set(TAKERS) - {"umap", "fit_umap"}))
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.coo_matrix, sp.csr_array])
def test_sparse_matrices_are_told_to_be_made_dense(taker, kind):
    sentence = rf"X must be a dense array, got {kind.__name__}: X.toarray\(\) makes it one"
    with pytest.raises(TypeError, match=sentence):
        TAKERS[taker](kind(CSR))
    with pytest.raises(TypeError, match=r"data must be dense, got .*: data.toarray\(\) makes it"):
        read_table(kind(CSR))


@pytest.mark.slow  # umap-learn compiles its search of sparse samples
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.coo_matrix, sp.csr_array])
def test_umap_takes_sparse_matrices_as_umap_learn_does(kind):
    stock = UMAP(n_neighbors=4, n_epochs=5, random_state=1, n_jobs=1).fit(CSR)
    epochs = []
    model = fit_umap(
        kind(CSR), n_neighbors=4, n_epochs=5, seed=1, on_epoch=lambda *shown: epochs.append(shown)
    )
    assert np.array_equal(model.embedding_, stock.embedding_) and len(epochs) == 6
    assert np.array_equal(epochs[-1][1], stock.embedding_)
    assert np.array_equal(model.transform(CSR[:9] * 2), stock.transform(CSR[:9] * 2))
    again = umap(CSR, n_neighbors=4, n_epochs=5, seed=1, neighbors=model)
    assert np.array_equal(again, stock.embedding_)
    with pytest.raises(ValueError, match="fitted to the same X"):
        umap(CSR * 2, n_neighbors=4, **ABOUT, neighbors=model)
    with pytest.raises(ValueError, match="fitted to the same X"):
        umap(CSR.toarray(), n_neighbors=4, **ABOUT, neighbors=model)


def test_sparse_matrices_are_checked_and_never_written_to():
    assert np.shares_memory(check_sparse_features(CSR).data, CSR.data)
    backward = CSR[:, ::-1]
    backward.has_sorted_indices = False
    before = backward.indices.copy()
    features = check_sparse_features(backward)
    assert features.has_canonical_format and np.array_equal(backward.indices, before)
    assert np.array_equal(features.toarray(), X.clip(0)[:, ::-1])
    for value, sentence in {np.nan: NOT_FINITE.format("nan"), 1e30: "between .* got 1"}.items():
        bad = sp.lil_matrix(CSR, dtype=np.float64)
        bad[3, 1] = value
        with pytest.raises(ValueError, match=sentence):
            umap(bad, **ABOUT)
    with pytest.raises(TypeError, match="X must hold numbers, got csr_matrix of complex64"):
        umap(CSR.astype(np.complex64), **ABOUT)
    with pytest.raises(ValueError, match=NO_SHAPE + r"\(0, 3\)"):
        umap(sp.csr_matrix((0, 3)), **ABOUT)


# The same numbers in other clothes.
WHOLE = np.rint(X * 9)
CLOTHES = {
    "float64": (WHOLE.astype(np.float64), WHOLE),
    "float16": (WHOLE.astype(np.float16), WHOLE),
    "integers": (WHOLE.astype(np.int64), WHOLE),
    "truth values": (X > 0, (X > 0).astype(np.float32)),
    "big-endian": (WHOLE.astype(">f4"), WHOLE),
    "Fortran order": (np.asfortranarray(WHOLE), WHOLE),
    "every second column": (np.repeat(WHOLE, 2, axis=1)[:, ::2], WHOLE),
    "objects": (WHOLE.astype(object), WHOLE),
    "a list": (WHOLE.tolist(), WHOLE),
    "masked nowhere": (np.ma.masked_array(WHOLE, False), WHOLE),
    "pandas": (pd.DataFrame(WHOLE), WHOLE),
    "Polars": (pl.DataFrame(WHOLE).with_columns(pl.col("column_0").cast(pl.Int128)), WHOLE),
    "truth values in Polars": (pl.DataFrame(X > 0), (X > 0).astype(np.float32)),
}


@pytest.mark.parametrize("clothes", CLOTHES)
@pytest.mark.filterwarnings("error")
def test_other_numbers_become_float32(clothes):
    given, expected = CLOTHES[clothes]
    features = check_features(given)
    assert features.dtype == np.float32 and features.flags.c_contiguous
    assert type(features) is np.ndarray and np.array_equal(features, expected)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_given_is_never_written_to(method):
    expected = METHODS[method](X)
    for order in "CF":
        given = np.array(X, order=order)
        given.setflags(write=False)
        assert np.array_equal(METHODS[method](given), expected), order


# Valid data of which there is little to see.
DEGENERATE = {
    "all rows are the same": np.ones((40, 5)),
    "nothing but zeros": np.zeros((40, 5)),
    "most rows are the same": np.r_[X[:10], np.ones((30, 5))],
    "two kinds of rows": np.repeat(np.eye(2, 5), 20, axis=0),
    "a column is constant": np.c_[X, np.ones(60)],
    "one column": X[:, :1],
    "five rows": X[:5],
    "three rows": X[:3],
    "large numbers": X * np.float32(2e14),
    "small numbers": X * np.float32(1e-12),
}


@pytest.mark.parametrize("data", DEGENERATE)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_epochs", [0, 1, 5])
@pytest.mark.filterwarnings("error")
def test_of_degenerate_data_there_is_a_finite_layout_or_a_sentence(method, data, n_epochs):
    layouts = []
    try:
        METHODS[method](
            DEGENERATE[data], n_epochs=n_epochs, on_epoch=lambda _, layout: layouts.append(layout)
        )
    except ValueError as error:
        assert " must " in str(error) and "\n" not in str(error) and not layouts
    else:
        assert layouts and np.isfinite(layouts).all()


@pytest.mark.parametrize("method", METHODS)
def test_no_epochs_and_no_seed(method):
    layouts = []
    METHODS[method](X, n_epochs=0, seed=None, on_epoch=lambda *shown: layouts.append(shown))
    ((epoch, layout),) = layouts
    assert epoch == 0 and layout.shape == (60, 2) and np.isfinite(layout).all()


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({"n_epochs": -1}, "n_epochs must be an integer of at least 0, got -1"),
        ({"n_epochs": 2.0}, "n_epochs must be an integer of at least 0, got 2.0"),
        ({"n_epochs": None}, "n_epochs must be an integer of at least 0, got None"),
        ({"n_components": 0}, "n_components must be an integer of at least 1, got 0"),
        ({"n_components": "2"}, "n_components must be an integer of at least 1, got '2'"),
        ({"n_components": True}, "n_components must be an integer of at least 1, got True"),
    ],
)
@pytest.mark.parametrize("method", sorted(set(METHODS) - {"pixels"}))
def test_numbers_of_a_method(method, about, sentence):
    with pytest.raises(ValueError, match=sentence):
        METHODS[method](X, **about)


@pytest.mark.parametrize("method", METHODS)
def test_one_component_or_four(method, tmp_path):
    assert METHODS[method](X, n_components=1).shape == (60, 1)
    if method in ("umap", "pacmap", "pca", "pixels"):
        assert METHODS[method](X, n_components=4).shape == (60, 4)
    else:
        with pytest.raises(ValueError, match=r"n_components must be .* from 1 to 3, got 4"):
            METHODS[method](X, n_components=4)


@pytest.mark.parametrize("n_components", [1, 4])
def test_pictures_have_two_or_three_components(tmp_path, n_components):
    path = tmp_path / "epochs.parquet"
    sentence = f"n_components must be an integer from 2 to 3, got {n_components}"
    with pytest.raises(ValueError, match=sentence):
        run(pca, X, path, n_components=n_components, **ABOUT)
    sentence = rf"embedding 0 must have shape .*, 2\) or .*, 3\), got \(60, {n_components}\)"
    with pytest.raises(ValueError, match=sentence), EpochWriter(path) as write:
        write(0, X[:, :n_components])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        *(
            ((X, n), ValueError, f"n_neighbors must be an integer from 2 to 59, got {n!r} for 60")
            for n in (0, 1, -3, 60, 10**30, 2.5, True, None, "5")
        ),
        ((X[:10],), ValueError, "n_neighbors must be .* from 2 to 9, got 15 for 10 samples"),
        ((X[:2],), ValueError, "X must have at least 3 samples to have neighbours, got 2"),
        ((X[:1],), ValueError, "X must have at least 3 samples to have neighbours, got 1"),
        *(
            ((X, 5, metric), ValueError, f"needs no parameters .*, got '{metric}'")
            for metric in PARAMETRIC_METRICS
        ),
        ((X, 5, "haversine"), ValueError, "'haversine' needs latitude and longitude, got 5 feat"),
        ((X, 5, len), ValueError, "metric must be one of .* by numba, got <built-in function len>"),
        ((X, 5, "euclidean", 3), TypeError, "folder must be a path or None, got int"),
    ],
)
def test_neighbors(arguments, error, sentence):
    names = ("X", "n_neighbors", "metric", "folder")
    with pytest.raises(error, match=sentence):
        find_neighbors(**dict(zip(names, arguments, strict=False)))


def test_metrics_that_are_not_defined_for_the_samples(monkeypatch):
    def search(X, n_neighbors, *_):
        distances = np.zeros((len(X), n_neighbors))
        distances[7] = np.nan
        return np.zeros((len(X), n_neighbors), int), distances, None

    monkeypatch.setattr("animated.neighbors.approximate.nearest_neighbors", search)
    sentence = "metric 'hellinger' must be defined for all samples, got 1 of 60 without 5 neigh"
    with pytest.raises(ValueError, match=sentence):
        find_neighbors(X, 5, metric="hellinger")


@pytest.mark.parametrize(
    ("neighbors", "error", "sentence"),
    [
        (3, TypeError, "neighbors must be what find_neighbors returned, got int"),
        ((X, X), TypeError, "must be integers and their distances numbers, got float32 and"),
        ((np.full((60, 9), 60), X[:, :1] * np.ones(9)), ValueError, "samples 0 to 59, got 60 to"),
        ((np.full((60, 9), -2), X[:, :1] * np.ones(9)), ValueError, "samples 0 to 59, got -2 to"),
        ((np.zeros((60, 9), int), -np.ones((60, 9))), ValueError, "must be at least 0, got -1"),
        ((np.zeros((60, 9), int), np.full((60, 9), np.nan)), ValueError, "at least 0, got nan"),
    ],
)
def test_neighbors_that_are_none(neighbors, error, sentence):
    with pytest.raises(error, match=sentence):
        umap(X, n_neighbors=5, **ABOUT, neighbors=neighbors)


def make_labels(*values, dtype=None, name="kind"):
    return pl.Series(name, values, dtype=dtype, strict=False)


# What is no label, as a column of a table that is given to `load_dataset`.
BAD_LABELS = {
    "missing everywhere": (make_labels(None, None, None), "must have values, got none in 3 rows"),
    "NaN everywhere": (make_labels(*[np.nan] * 3), "must have values, got none in 3 rows"),
    "infinite everywhere": (make_labels(*[-np.inf] * 3), "must have values, got none in 3 rows"),
    "too many classes": (
        make_labels(*[f"name {i}" for i in range(101)]),
        "must have at most 100 classes, got 101; label_kind='numbers' colours a numeric label",
    ),
    "beyond float32": (
        make_labels(0.5, 1e300, 2.0),
        r"must hold numbers that fit float32, got 1e\+300",
    ),
    "lists": (make_labels([1], [1, 2], [3]), "must hold text or numbers, got List"),
    "structs": (
        make_labels({"a": 1}, {"a": 2}, {"a": 3}),
        "must hold text or numbers, got Struct",
    ),
    "bytes": (make_labels(b"a", b"b", b"c"), "must hold text or numbers, got Binary"),
    "durations": (
        make_labels(1, 2, 3).cast(pl.Duration),
        "must hold text or numbers, got Duration",
    ),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_what_is_no_label(case):
    labels, sentence = BAD_LABELS[case]
    table = pl.DataFrame({"length": np.arange(float(len(labels)))}).with_columns(labels)
    with pytest.raises(ValueError, match=f"^label 'kind' {sentence}") as caught:
        load_dataset(table, "kind")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "error", "sentence"),
    [
        (["a", "b"], TypeError, "labels must be a Polars Series, got list"),
        (np.array(["a", "b"]), TypeError, "labels must be a Polars Series, got ndarray"),
        (make_labels([1], [2]), TypeError, "labels must be text, numbers or dates, got List"),
        (
            make_labels(object(), dtype=pl.Object),
            TypeError,
            "must be text, numbers or dates, got Object",
        ),
    ],
)
def test_what_cannot_be_coloured(labels, error, sentence):
    with pytest.raises(error, match=sentence):
        to_enum(labels)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5, np.nan, np.inf, -np.inf, 2.5], [0.5, None, None, None, 2.5]),
        ([1.0, 2.0, np.inf], ["1", "2", None]),
        (["", "b", None], ["", "b", None]),
        ([True, None], ["true", None]),
    ],
)
def test_labels_that_are_strange_but_fine(values, expected):
    assert to_labels(pl.Series("a", values)).to_list() == expected
    assert to_labels(pl.Series("a", [1e30, 2.0])).n_unique() == 2


def test_labels_of_another_length(tmp_path):
    path, labels = tmp_path / "epochs.parquet", make_labels("a", "b")
    with pytest.raises(ValueError, match="labels must have 60 values, got 2"):
        run(pca, X, path, labels=labels, **ABOUT)
    with (
        pytest.raises(ValueError, match="labels must have 60 values, got 2"),
        EpochWriter(path, labels=labels) as write,
    ):
        write(0, X[:, :2])
    with pytest.raises(ValueError, match="y must have one label for each of the 60 samples, got 2"):
        umap(X, **ABOUT, y=["a", "b"])


def make_table(**columns):
    return pl.DataFrame({"length": [1.0, 2.0, 4.0], "weight": [1, 2, 3]} | columns)


# What is no data set: the table, how it is loaded, the error and its sentence.
BAD_TABLES = {
    "two rows": (make_table().head(2), {}, ValueError, "data must have at least 3 rows, got 2"),
    "no rows": (make_table().clear(), {}, ValueError, "data must have rows and .*, got 0 x 2"),
    "no columns": (pl.DataFrame(), {}, ValueError, "data must have rows and columns, got 0 x 0"),
    "no numbers": (
        pl.DataFrame({"kind": ["a", "b", "c"]}),
        {},
        ValueError,
        r"data must have numeric columns with values besides the label, got kind \(String\)",
    ),
    "objects": (
        make_table(place=pl.Series([object()] * 3, dtype=pl.Object)),
        {},
        ValueError,
        "column 'place' must hold text or numbers, got Python objects: leave it out",
    ),
    "dates as features": (
        make_table(day=pl.Series([1, 2, 3]).cast(pl.Date)),
        {"columns": ["day"]},
        ValueError,
        "column 'day' must be numeric, got Date",
    ),
    "vectors that take a name": (
        make_table(a=[[1, 2]] * 3, a_1=[1] * 3),
        {},
        ValueError,
        "data could not be read: columns must have different names, got 'a_1' twice",
    ),
    "large and unscaled": (
        make_table(size=[1.0, 1e300, 2.0]),
        {"scaling": "none"},
        ValueError,
        r"X must be between -1e\+15 and 1e\+15, got 1e\+300 in row 1, column 2: scale it",
    ),
    "a wrong name": (make_table(), {"label": "kind"}, ValueError, "there is no column 'kind'; .*"),
    "a long wrong name": (
        make_table(**{"n" * 9999: "a"}),
        {"label": "z" * 9999},
        ValueError,
        "there is no column 'z{12}...z{13}'; the columns are length, weight, n{39}…$",
    ),
    "a name that is a number": (
        make_table(),
        {"label": 0},
        TypeError,
        "the name of a column must be text, got 0",
    ),
    "one name for several": (
        make_table(),
        {"columns": "length"},
        TypeError,
        "columns must be a list of names, got 'length'",
    ),
    "a name twice": (
        make_table(),
        {"columns": ["length", "length"]},
        ValueError,
        "columns must differ, got 'length' more than once",
    ),
    "no name": (
        make_table(),
        {"columns": []},
        ValueError,
        "columns must name at least one column, got none",
    ),
    "numbers for names": (make_table(), {"columns": [0]}, TypeError, "must be text, got 0"),
    "names for numbers": (
        make_table(),
        {"n_rows": "3"},
        ValueError,
        "n_rows must be an integer of at least 3, got '3'",
    ),
    "missing numbers": (
        make_table(size=[1.0, None, 2.0]),
        {"missing": "error"},
        ValueError,
        "must be finite numbers, got 1 missing or infinite: missing='drop' leaves out their rows",
    ),
}


@pytest.mark.parametrize("case", BAD_TABLES)
@pytest.mark.filterwarnings("error")
def test_what_is_no_data_set(case):
    table, options, error, sentence = BAD_TABLES[case]
    with pytest.raises(error, match=sentence) as caught:
        load_dataset(table, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("error")
def test_data_sets_that_are_strange_but_fine():
    huge = make_table(size=[1.7e308, -1.7e308, 5e-324])
    for scaling, reach in {"standard": np.sqrt(1.5), "range": 1}.items():
        assert np.abs(load_dataset(huge, scaling=scaling).X[:, 2]).max() == pytest.approx(reach)
    tiny = load_dataset(make_table(size=[0.0, 5e-324, 1e-323]), scaling="range")
    assert tiny.X[:, 2].tolist() == [0, 0.5, 1]
    filled = load_dataset(make_table(size=[1.7e308, 1.7e308, None]), missing="mean")
    assert not filled.X[:, 2].any()
    truths = load_dataset(pl.DataFrame({"a": [True, False, True]}), scaling="none")
    assert truths.X.ravel().tolist() == [1, 0, 1]
    whole = load_dataset(make_table(size=pl.Series([2**100, 0, 0], dtype=pl.Int128)))
    assert whole.X.shape == (3, 3)
    named = make_table(x=["a", "b", "a"], label_x=[7, 8, 9])
    dataset = load_dataset(named, "x", scaling="none")
    assert dataset.labels.name == "label_label_x" and dataset.X[:, 2].tolist() == [7, 8, 9]
    assert dataset.table["label_x"].to_list() == [7, 8, 9]


def test_no_seed_draws_other_rows_each_time():
    table = pl.DataFrame({"a": np.arange(500.0)})
    drawn = [load_dataset(table, n_rows=50, seed=None).table for _ in range(2)]
    assert not drawn[0].equals(drawn[1])


@pytest.mark.parametrize(
    ("table", "error", "sentence"),
    [
        (pd.DataFrame({"a": [1]}), TypeError, "must be a Polars DataFrame, got pandas.DataFrame"),
        (X, TypeError, "table must be a Polars DataFrame, got numpy.ndarray"),
        (make_table(kind=["a"] * 3), TypeError, "column 'kind' must be numeric, got String: leave"),
        (make_table(kind=["1"] * 3), TypeError, "column 'kind' must be numeric, got String: leave"),
        (make_table(size=[1, None, 3]), ValueError, "must be finite, got nan in row 1, column 2"),
        (pl.DataFrame({"digit": [1]}), ValueError, NO_SHAPE + r"\(1, 0\), but each must be"),
    ],
)
def test_features_of_a_table(table, error, sentence):
    with pytest.raises(error, match=sentence):
        to_features(table, label="digit")


# What is no table in memory: the source, the error and its sentence.
UNREAD = "^data could not be read: "
BAD_SOURCES = {
    "nothing": (None, TypeError, "data must be a path or a table of .* NumPy, got NoneType"),
    "a list": ([[1, 2]], TypeError, "data must be a path or a table of .* NumPy, got list"),
    "a series": (pl.Series([1]), TypeError, "data must be a path or a table .*, got Series"),
    "no path": ("", ValueError, "data must be a path on this machine, got ''"),
    "an address": (
        "s3://bucket/a.parquet",
        ValueError,
        "must be a path on this machine, got 's3://bucket/a.parquet': read .* polars.scan_parquet",
    ),
    "a name too long": ("a" * 5000 + ".csv", FileNotFoundError, "there is no file 'aaa"),
    "a number": (np.array(3.0), ValueError, UNREAD + r"arrays must have 1 to 3 dim.*float64 \(\)"),
    "empty": (
        np.zeros((0, 3)),
        ValueError,
        UNREAD + r"arrays must .* of them 0, got .*\(0, 3\)",
    ),
    "complex": (X.astype(complex), ValueError, UNREAD + "arrays must hold real .*, got complex128"),
    "objects": (
        np.array([[1, "a"]], dtype=object),
        ValueError,
        UNREAD + "arrays must hold real numbers or text, got object: make a table of it",
    ),
    "names twice": (
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        ValueError,
        UNREAD + "columns must have different names, got 'a' twice",
    ),
    "1 and '1'": (pd.DataFrame([[1, 2]], columns=[1, "1"]), ValueError, "names, got '1' twice"),
    "names twice in Arrow": (
        pl.DataFrame({"a": [1], "b": [2]}).to_arrow().rename_columns(["a", "a"]),
        ValueError,
        UNREAD + "columns must have different names, got 'a' twice",
    ),
    "sparse columns": (
        pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}),
        ValueError,
        UNREAD + r"its columns must be dense: data.sparse.to_dense\(\) makes them so",
    ),
    "words among numbers": (
        pd.DataFrame({"a": [1, "x", None]}),
        ValueError,
        UNREAD + "Could not convert 'x' .*; the values of each column must be of one kind",
    ),
    "a query that fails": (
        pl.LazyFrame({"a": ["x"]}).select(pl.col("a").cast(pl.Int8)),
        ValueError,
        UNREAD + "conversion from `str` to `i8` failed",
    ),
    "a query of no file": (
        pl.scan_csv("/none.csv"),
        ValueError,
        UNREAD + "No such file .*none",
    ),
}


@pytest.mark.parametrize("case", BAD_SOURCES)
def test_what_is_no_table(case):
    source, error, sentence = BAD_SOURCES[case]
    with pytest.raises(error, match=sentence) as caught:
        read_table(source)
    assert "\n" not in str(caught.value)


def test_tables_that_are_strange_but_fine():
    levels = pd.DataFrame(np.eye(4), columns=pd.MultiIndex.from_product([["u", "v"], [1, 2]]))
    assert read_table(levels).columns == ["u_1", "u_2", "v_1", "v_2"]
    index = pd.MultiIndex.from_product([["u", "v"], [1, 2]])
    assert read_table(pd.DataFrame({"a": range(4)}, index=index)).columns == ["a"]
    masked = np.ma.masked_array([[1, 2], [3, 4]], [[0, 1], [0, 0]])
    assert read_table(masked)["column_2"].fill_nan(None).to_list() == [None, 4]
    assert read_table(np.array([True, False]))["column"].to_list() == [1, 0]
    assert read_table(np.zeros(3, "datetime64[D]"))["column"].dtype == pl.Datetime("us")
    assert read_table(np.ones((2, 2), np.longdouble))["column_1"].to_list() == [1, 1]
    nested = np.array([(1, (2, 3)), (4, (5, 6))], dtype=[("a", "i4"), ("b", "f4", 2)])
    assert read_table(nested).rows() == [(1, 2, 3), (4, 5, 6)]
    assert read_table(np.array(["a", None], object))["column"].to_list() == ["a", None]


def write_npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def write_parquet(table):
    file = io.BytesIO()
    table.write_parquet(file)
    return file.getvalue()


PARQUET = write_parquet(make_table())
CSV_HINT = "a CSV file must be UTF-8 text with as many values in every row as in the first"
DAMAGE = "it may be damaged, or of another kind than its name says"
LIE = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000, 100), }\n"

# What is no file of a table: its name, its content and the end of the sentence.
BAD_FILES = {
    "nothing.csv": (b"", "could not be read: it is empty"),
    "nothing.parquet": (b"", "could not be read: it is empty"),
    "nothing.npz": (b"", "could not be read: it is empty"),
    "header.csv": (b"a,b\n", "must have rows and columns, got 0 x 2"),
    "blank.csv": (b"\n\n\n", "could not be read: .*; " + CSV_HINT),
    "latin.csv": ("a,café\n1,2\n".encode("latin-1"), "can't decode byte 0xe9 .*; " + CSV_HINT),
    "latin-rows.csv": ("a,b\n1,café\n".encode("latin-1"), "could not be read: .*; " + CSV_HINT),
    "utf-16.csv": ("a,b\n1,2\n".encode("utf-16"), "can't decode byte 0xff .*; " + CSV_HINT),
    "utf-16-le.csv": ("a,b\n1,2\n".encode("utf-16-le"), "UTF-8 text in lines, got UTF-16 or bin"),
    "macintosh.csv": (b"a,b\r1,2\r3,4\r", "in lines, got lines that end in carriage returns"),
    "longer-row.csv": (b"a,b\n1,2,3\n4,5\n", "more fields than defined .*; " + CSV_HINT),
    "open-quote.csv": (b'a,b\n"1,2\n3,4\n', "could not be read: .*; " + CSV_HINT),
    "twins.csv": (b"a,b,a\n1,2,3\n", "columns must have different names, got 'a' twice"),
    "no-names.csv": (b"5.1,3.5,1\n4.9,3.0,1\n", "must name the columns, got '5.1,3.5,1'"),
    "a-table.csv": (PARQUET, "could not be read: .*; " + CSV_HINT),
    "text.parquet": (b"a,b\n1,2\n3,4\n", "could not be read: Parquet magic bytes not found"),
    "cut.parquet": (
        PARQUET[:-20],
        "could not be read: Parquet magic bytes .*; " + DAMAGE,
    ),
    "a-table.arrow": (PARQUET, "could not be read: .*; " + DAMAGE),
    "a-table.npy": (PARQUET, "could not be read: the magic string is not correct; .*; " + DAMAGE),
    "a-table.npz": (PARQUET, "could not be read: File is not a zip file; " + DAMAGE),
    "objects.npy": (
        write_npy(np.array([{}], object), allow_pickle=True),
        "could not be read: Object arrays cannot be loaded when allow_pickle=False; " + DAMAGE,
    ),
    "liar.npy": (
        b"\x93NUMPY\1\0" + len(LIE).to_bytes(2, "little") + LIE + bytes(64),
        r"claims to hold \(100000000000, 100\) values of float64, but has 14\d bytes",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_no_file_of_a_table(tmp_path, name):
    content, sentence = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"^'{tmp_path / name}' .*{sentence}") as caught:
        read_table(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_archives_that_claim_to_be_huge(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "zeros.npz", a=np.zeros(200_000))
    assert read_table(tmp_path / "zeros.npz").height == 200_000
    monkeypatch.setattr("animated.datasets.readers.LARGE_ARCHIVE", 10**6)
    with pytest.raises(ValueError, match="claims to hold 1,600,128 bytes, far too many for its"):
        read_table(tmp_path / "zeros.npz")


@pytest.mark.parametrize(("name", "content"), [("a.png", b"no picture"), ("a.jpg", b"")])
def test_pictures_that_are_none(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"image '.*{name}' could not be read: .*; {DAMAGE}"):
        read_table(tmp_path)


def test_no_program_is_run_for_a_picture(tmp_path, monkeypatch):
    """PostScript is a language, and Pillow would have another program run what is in the file."""
    content = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(a) run\n"
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: pytest.fail("it was run"))
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"a.png' could not be read: cannot identify image file"):
        read_table(tmp_path)
    (tmp_path / "a.png").rename(tmp_path / "a.eps")
    with pytest.raises(ValueError, match="must hold images, got none"):
        read_table(tmp_path)


def test_any_flipped_bit_of_the_pixels_of_a_picture_is_seen(tmp_path):
    """Pillow does not look at the checksums of a PNG when it loads it."""
    file = io.BytesIO()
    Image.fromarray(np.tile(np.arange(30, dtype=np.uint8), (30, 1))).save(file, format="png")
    content = file.getvalue()
    start = content.index(b"IDAT") + 4
    for place in range(start, content.index(b"IEND") - 4):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            (tmp_path / "a.png").write_bytes(damaged)
            with (
                joblib.parallel_config("sequential"),
                pytest.raises(ValueError, match=r"a.png' could not be read: "),
            ):
                read_table(tmp_path)


def test_what_only_a_closer_look_finds_in_tables(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"a": np.arange(1000.0)})
    checked = {"write_page_checksum": True, "compression": "none", "use_dictionary": False}
    pq.write_table(table, path, **checked)
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a.parquet' could not be read: .*CRC checksum verif"):
        read_table(path)
    offsets, words = np.array([0, 2], np.int32), b"\xff\xfe"
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(words)]
    wrong = pa.table({"word": pa.Array.from_buffers(pa.string(), 1, buffers)})
    with pytest.raises(ValueError, match=r"data could not be read: .*UTF8"):
        read_table(wrong)
    # Where a value is missing, a view of it may say anything.
    views = np.array([1, ord("a"), 0, 0, -1, -1, -1, -1], np.int32)
    buffers = [pa.py_buffer(b"\1"), pa.py_buffer(views)]
    strange = pa.table({"word": pa.Array.from_buffers(pa.string_view(), 2, buffers)})
    assert read_table(strange)["word"].to_list() == ["a", None]


def test_pictures_that_are_too_large(tmp_path, monkeypatch):
    Image.new("L", (400, 400)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    with pytest.raises(ValueError, match=r"a.png' could not be read: Image size .* exceeds limit"):
        read_table(tmp_path)
    with warnings.catch_warnings(action="error"):
        monkeypatch.undo()
        assert read_table(tmp_path).height == 1


SQUARE = Image.new("RGB", (4, 4))
NO_FIGURE = r"figures\[0\] must be .*, an 8-bit PIL image .*, got "


@pytest.mark.parametrize(
    ("figures", "options", "error", "sentence"),
    [
        ("ab", {}, TypeError, "figures must be a list of figures, got 'ab'"),
        ({"a": SQUARE}, {}, TypeError, "figures must be a list of figures, got dict"),
        ([Image.new("RGB", (0, 4))], {}, TypeError, NO_FIGURE + r"a PIL .* RGB and size \(0, 4\)"),
        ([Image.new("F", (4, 4))], {}, TypeError, NO_FIGURE + "a PIL image of mode F"),
        ([Image.new("I;16", (4, 4))], {}, TypeError, NO_FIGURE + "a PIL image of mode I;16"),
        ([Image.Image], {}, TypeError, NO_FIGURE + "type"),
        ([SQUARE], {"background": 3}, ValueError, "background must be a colour such .*, got 3"),
        ([SQUARE], {"background": (1, 2)}, ValueError, r"background must .*, got \(1, 2\)"),
        ([SQUARE], {"background": (300, 0, 0)}, ValueError, r"background must .*, got \(300, 0, 0"),
        ([SQUARE], {"background": "blurple"}, ValueError, "background must .*, got 'blurple'"),
        ([SQUARE], {"output_path": io.StringIO()}, TypeError, "a path, file or None, got StringIO"),
    ],
)
def test_what_is_no_figure(figures, options, error, sentence):
    with pytest.raises(error, match=sentence):
        combine_plots(figures, **options)


# Parameters that a library would not refuse in words, or not before the work.
BAD_PARAMETERS = [
    ("umap", X[:3], {}, ValueError, "X must have at least 4 samples for 2 components, got 3"),
    ("umap", X, {"n_components": 59}, ValueError, "at least 61 samples for 59 components, got 60"),
    ("umap", X[:10], {"n_neighbors": 15}, ValueError, "n_neighbors must be .* 2 to 9, got 15"),
    ("umap", X, {"n_neighbors": "5"}, ValueError, "n_neighbors must be .* 2 to 59, got '5'"),
    ("umap", X, {"n_neighbors": 5.0}, ValueError, "n_neighbors must be .* 2 to 59, got 5.0"),
    ("umap", X, {"seed": "a"}, ValueError, "seed must be an integer from 0 to 4294967295, got 'a'"),
    ("umap", X, {"seed": -1}, ValueError, "seed must be an integer from 0 to 4294967295, got -1"),
    ("umap", X, {"min_dist": 2}, ValueError, "min_dist must be from 0 to spread 1.0, got 2"),
    ("umap", X, {"min_dist": np.nan}, ValueError, "min_dist must be from 0 to .*, got nan"),
    ("umap", X, {"metric": "mahalanobis"}, ValueError, "'mahalanobis' must be given parameters"),
    ("umap", X, {"init": X[:, :3]}, ValueError, r"init must have shape \(60, 2\), got .*\(60, 3\)"),
    ("umap", X, {"init": np.ones((60, 2))}, ValueError, "init must be finite and vary along"),
    (
        "umap",
        X,
        {"y": [1, None] * 30},
        ValueError,
        "y must be finite, and -1 where .*, got 30 values",
    ),
    ("umap", X, {"y": [1.0, np.nan] * 30}, ValueError, "y must be finite, and -1 where .*, got 30"),
    (
        "umap",
        X,
        {"y": [1, "a"] * 30},
        TypeError,
        "y must hold numbers or strings, not both, got l",
    ),
    ("umap", X, {"y": "kind"}, TypeError, "y must hold numbers or strings, got Null"),
    ("umap", X, {"y": pl.Series([0] * 60).cast(pl.Date)}, TypeError, "or strings, got Date"),
    ("tsne", X[:3], {}, ValueError, "X must have at least 4 samples for t-SNE, got 3"),
    ("tsne", X, {"perplexity": 30}, ValueError, "perplexity must be a number from 1 to 19.67, got"),
    (
        "tsne",
        X[:, :1],
        {},
        ValueError,
        r"2 samples and features .*, got \(60, 1\); initialization=",
    ),
    ("tsne", np.ones((60, 5)), {}, ValueError, "samples that differ .*, got 60 that do not; init"),
    ("pacmap", X[:4], {}, ValueError, "X must have at least 5 samples for PaCMAP, got 4"),
    ("pacmap", X[:, :1], {}, ValueError, r"2 samples and features .* by PCA, got \(60, 1\)$"),
    (
        "pacmap",
        np.ones((60, 5)),
        {},
        ValueError,
        "samples that differ .* by PCA, got 60 that do no",
    ),
    ("pacmap", X, {"n_neighbors": 60}, ValueError, "n_neighbors must be .* from 1 to 59, got 60"),
    ("pacmap", X, {"n_neighbors": "5"}, ValueError, "n_neighbors must be .* from 1 to 59, got '5'"),
    ("pacmap", X, {"init": X[:3, :2]}, ValueError, r"of shape \(60, 2\), got float32 \(3, 2\)"),
    ("pacmap", X, {"init": "a"}, ValueError, "init must be 'pca', 'random' or an array, got 'a'"),
]


@pytest.mark.parametrize(("method", "features", "about", "error", "sentence"), BAD_PARAMETERS)
@pytest.mark.filterwarnings("error")
def test_parameters_are_reported_before_any_work(method, features, about, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        METHODS[method](features, on_epoch=lambda *_: pytest.fail("work has begun"), **about)
    assert "\n" not in str(caught.value)


def test_a_callback_may_be_false():
    class Shown(list):
        def __call__(self, *shown):
            self.append(shown)

    shown = Shown()
    umap(X, n_neighbors=5, n_epochs=3, seed=1, on_epoch=shown)
    assert [epoch for epoch, _ in shown] == [0, 1, 2, 3]


def test_unseen_points():
    models = [fit_umap(data, n_neighbors=5, n_epochs=5, seed=1) for data in (X, CSR)]
    for points, error, sentence in [
        (put(np.nan), ValueError, NOT_FINITE.format("nan")),
        (put(1e30), ValueError, "X must be between"),
        (X[:0], ValueError, NO_SHAPE + r"\(0, 5\)"),
        (X[:, :4], ValueError, r"X must have shape \(n_points, 5\), got \(60, 4\)"),
        (X.astype(complex), TypeError, NO_NUMBERS + "ndarray of complex128"),
        (CSR, TypeError, "X must be dense, as in the fit, got csr_matrix"),
        (None, ValueError, r"X must have shape \(n_points, 5\), got \(\)"),
    ]:
        with pytest.raises(error, match=sentence):
            models[0].transform(points)
    with pytest.raises(TypeError, match="X must be sparse, as in the fit, got ndarray"):
        models[1].transform(X)


NEIGHBORS = np.zeros((60, 5), int)


@pytest.mark.parametrize(
    ("measure", "error", "sentence"),
    [
        (
            lambda: label_accuracy([1] * 60, NEIGHBORS + 60),
            ValueError,
            "samples 0 to 59, got 60 to",
        ),
        (lambda: label_accuracy([1] * 60, NEIGHBORS - 1), ValueError, "samples 0 to 59, got -1 to"),
        (
            lambda: label_accuracy([1] * 60, NEIGHBORS * 1.0),
            ValueError,
            "must be integers .*float64",
        ),
        (lambda: label_accuracy([1] * 60, NEIGHBORS[:, :0]), ValueError, r"integers .* \(60, 0\)"),
        (
            lambda: label_accuracy([1, "a"] * 30, NEIGHBORS),
            TypeError,
            "text, numbers or dates, not mixed, got list",
        ),
        (
            lambda: label_accuracy([np.nan, 1.0] * 30, NEIGHBORS),
            ValueError,
            "missing, got 30 missin",
        ),
        (
            lambda: label_accuracy([object()] * 60, NEIGHBORS),
            TypeError,
            "text, numbers or dates, got Obje",
        ),
        (
            lambda: trustworthiness([1], NEIGHBORS),
            ValueError,
            r"ranks must have shape .*, got \(1,\)",
        ),
        (lambda: search_embedding(put(np.nan), 5), ValueError, "embedding must be finite"),
        (lambda: search_embedding(X[:, 0], 5), ValueError, r"must have shape .*, got \(60,\)"),
        (lambda: Quality(X, seed="a"), ValueError, "seed must be an integer .*, got 'a'"),
        (lambda: Quality(X)(X[:, :2].astype(str)), TypeError, "embedding must be an array of num"),
    ],
)
def test_measures(measure, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        measure()
    assert "\n" not in str(caught.value)


LAYOUT = X[:, :2]


@pytest.mark.parametrize(
    ("epoch", "layout", "error", "sentence"),
    [
        (0.5, LAYOUT, ValueError, "epochs must increase, up to 65535, got 0.5 after -1"),
        ("a", LAYOUT, ValueError, "epochs must increase, up to 65535, got 'a' after -1"),
        (0, LAYOUT[:0], ValueError, r"embedding 0 must have shape .*, got \(0, 2\)"),
        (
            0,
            LAYOUT.astype(float) * 1e39,
            ValueError,
            "embedding 0 must be finite, got .* rows that are not",
        ),
        (0, LAYOUT.astype(complex), TypeError, "must be an array of numbers, got complex128"),
        (0, LAYOUT.astype(str), TypeError, "must be an array of numbers, got <U"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_no_epoch(tmp_path, epoch, layout, error, sentence):
    with (
        pytest.raises(error, match=sentence),
        EpochWriter(tmp_path / "epochs.parquet") as write,
    ):
        write(epoch, layout)
    assert not list(tmp_path.iterdir())


def test_runs_and_stores(tmp_path):
    path, labels = tmp_path / "epochs.parquet", make_labels(*[1.5, np.inf, np.nan] * 20)
    for error, sentence, options in [
        (TypeError, "labels must be a Polars Series, got list", {"labels": ["a"] * 60}),
        (TypeError, "method must be a function, got str", {"method": "pca"}),
    ]:
        with pytest.raises(error, match=sentence):
            run(**{"method": pca, "X": X, "path": path} | ABOUT | options)
    with pytest.raises(TypeError, match="labels must be a Polars Series, got list"):
        EpochWriter(path, labels=["a"] * 60)
    run(pca, X, path, labels=labels, **ABOUT)
    assert read_epoch(path, 0)["kind"].to_list() == [1.5, None, None] * 20
    for epoch in ("a", None, 0.0):
        with pytest.raises(ValueError, match=f"epoch must be an integer, got {epoch!r}"):
            read_epoch(path, epoch)


@pytest.mark.parametrize(
    ("epochs", "error", "sentence"),
    [
        (3, TypeError, "epochs must be a list of numbers, got int"),
        (None, TypeError, "epochs must be a list of numbers, got NoneType"),
        ([-1], ValueError, "epochs must be integers of at least 0, got -1"),
        ([0.5], ValueError, "epochs must be integers of at least 0, got 0.5"),
        ("ab", ValueError, "epochs must be integers of at least 0, got 'a'"),
    ],
)
def test_epochs_of_frames(epochs, error, sentence):
    with pytest.raises(error, match=sentence):
        Frames(lambda epoch: [SQUARE], epochs, None)
