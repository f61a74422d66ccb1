"""Properties of any table, array and figure, on random inputs that are the same in every run."""

from datetime import date

import numpy as np
import polars as pl
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from polars.testing import assert_frame_equal

from animated.datasets.columns import choose_features
from animated.datasets.load import load_dataset
from animated.datasets.readers import read_table
from animated.datasets.values import MISSING, SCALINGS
from animated.validation import LARGEST, check_features, to_enum, to_numbers
from util import combine_plots

settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=100,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("same")

# The types of columns, and values of each.
KINDS = {
    pl.Float64: st.floats(),
    pl.Float32: st.floats(width=32),
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.UInt8: st.integers(0, 255),
    pl.UInt64: st.integers(0, 2**64 - 1),
    pl.Boolean: st.booleans(),
    pl.String: st.text(max_size=8),
    pl.Date: st.dates(date(1900, 1, 1)),
    pl.Decimal(18, 2): st.decimals(-(10**9), 10**9, places=2),
    pl.Enum(["y", "x"]): st.sampled_from("xy"),
    pl.Array(pl.Int16, 2): st.tuples(*[st.integers(-9, 9)] * 2),
}
OURS = (
    "index",
    "x",
    "y",
    "epoch",
    "seen",
    "label_x",
    "pixel_0_0",
    "pixel_0_1",
    "pixel1",
    "a_1",
    "",
)
# Arrow has no names with a zero byte.
LETTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
NAMES = st.one_of(st.sampled_from(OURS), st.text(LETTERS, max_size=12))


@st.composite
def tables(draw, names=NAMES, kinds=tuple(KINDS), values=lambda kind: st.none() | KINDS[kind]):
    """Draw a table of any columns, with any values missing."""
    n_rows = draw(st.integers(1, 9))
    columns = {}
    for name in draw(st.lists(names, min_size=1, max_size=5, unique=True)):
        kind = draw(st.sampled_from(kinds))
        cells = draw(st.lists(values(kind), min_size=n_rows, max_size=n_rows))
        columns[name] = pl.Series(cells, dtype=kind, strict=False)
    return pl.DataFrame(columns)


@given(tables(), st.sampled_from(SCALINGS), st.sampled_from(MISSING), st.data())
def test_any_table_is_a_data_set_or_raises_one_sentence(table, scaling, missing, data):
    label = data.draw(st.sampled_from(["", *table.columns]))
    before = table.clone()
    options = {"label": label, "scaling": scaling, "missing": missing}
    try:
        dataset = load_dataset(table, **options)
    except ValueError as error:
        assert " must " in str(error) and "\n" not in str(error)
        return
    finally:
        assert_frame_equal(table, before)
    X, labels = dataset.X, dataset.labels
    assert X.dtype == np.float32 and X.flags.c_contiguous and np.isfinite(X).all()
    assert len(X) == dataset.table.height >= 3 and X.shape[1] >= 1
    again = load_dataset(table, **options)
    assert again.X.tobytes() == X.tobytes() and again.summary.equals(dataset.summary)
    assert_frame_equal(again.table, dataset.table)
    if label:
        assert len(labels) == len(X) and dataset.table[labels.name].equals(labels)
        if labels.dtype == pl.Enum:
            names = labels.dtype.categories.to_list()
            assert set(labels.drop_nulls()) <= set(names) and len(set(names)) == len(names)
        else:
            assert labels.dtype == pl.Float32 and labels.is_finite().all()


@given(tables(), st.integers(3, 9), st.integers(0, 9))
def test_rows_of_features_match_rows_of_the_table(table, n_rows, seed):
    try:
        dataset = load_dataset(table, label="", scaling="none", n_rows=n_rows, seed=seed)
    except ValueError:
        return
    features = choose_features(read_table(table), None, None)
    with np.errstate(over="ignore"):
        numbers = to_numbers(dataset.table.select(features)).astype(np.float32)
    assert np.array_equal(dataset.X, numbers) and len(numbers) <= n_rows


FLAT = tuple(kind for kind in KINDS if not kind.is_nested() and kind != pl.Enum)


@given(tables(kinds=FLAT))
def test_tables_survive_files_and_libraries(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("files")
    table.write_parquet(folder / "a.parquet")
    table.write_ipc(folder / "a.arrow")
    table.write_ipc(folder / "a.feather", compression="zstd")
    table.write_ipc_stream(folder / "stream.arrow")
    for source in (*folder.iterdir(), table.to_arrow(), table.lazy()):
        assert_frame_equal(read_table(source), table)


NAMES = st.text('abc_ "\n$ü', min_size=1, max_size=6).filter(str.strip)
WORDS = st.text('ab ,;\t"|\nü', max_size=6).map(lambda text: f"a{text}")
NUMERIC = (pl.Float64, pl.Int64, pl.UInt8)


@given(
    tables(
        names=NAMES,
        kinds=(*NUMERIC, pl.String),
        values=lambda kind: WORDS if kind == pl.String else KINDS[kind],
    ),
    st.sampled_from(",;\t|"),
)
def test_text_files_preserve_all_but_missing_values(tmp_path_factory, table, separator):
    # The header of a single column does not reveal the separator.
    separator = separator if table.width > 1 else ","
    path = tmp_path_factory.mktemp("files") / "a.csv"
    table.write_csv(path, separator=separator)
    found = read_table(path)
    expected = table.with_columns(pl.col(pl.Float64).fill_nan(None))
    assert found.columns == table.columns
    for column, other in zip(expected, found, strict=True):
        assert column.to_list() == other.to_list()


@given(
    hnp.arrays(
        st.sampled_from(["f4", "f8", "i8", "u1", "?"]), hnp.array_shapes(min_dims=1, max_dims=3)
    )
)
def test_any_array_is_features_or_raises_one_sentence(array):
    before = array.copy()
    for given_ in (array, np.asfortranarray(array), array[::-1][::-1]):
        try:
            features = check_features(given_)
        except ValueError as error:
            assert " must " in str(error) and "\n" not in str(error)
            is_moderate = (np.abs(array.astype(np.float64)) <= LARGEST).all()
            assert array.ndim != 2 or not is_moderate
        else:
            assert features.dtype == np.float32 and features.flags.c_contiguous
            assert np.array_equal(features, array.astype(np.float32))
        assert before.tobytes() == array.tobytes()


@given(st.lists(st.none() | st.integers() | st.text(max_size=4), max_size=12), st.randoms())
def test_classes_are_sorted_whatever_their_order(values, rng):
    for kind in (int, str):
        chosen = [value for value in values if value is None or isinstance(value, kind)]
        dtype = pl.String if kind is str else pl.Int128
        labels = to_enum(pl.Series(chosen, dtype=dtype, strict=False))
        known = [value for value in labels.cast(pl.String) if value is not None]
        assert labels.dtype.categories.to_list() == [
            str(value) for value in sorted({kind(value) for value in known})
        ]
        rng.shuffle(chosen)
        assert to_enum(pl.Series(chosen, dtype=dtype, strict=False)).dtype == labels.dtype


MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")


@st.composite
def figures(draw):
    """Draw an image or array of up to 9 by 9 pixels, each opaque or transparent."""
    height, width = draw(st.tuples(*[st.integers(1, 9)] * 2))
    colors = draw(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    pixels = np.array(colors, np.uint8)[rng.integers(len(colors), size=(height, width))]
    mode = draw(st.sampled_from(MODES))
    if mode in ("RGBA", "LA"):
        clear = rng.random((height, width)) < draw(st.sampled_from([0, 0.3, 1]))
        image = Image.fromarray(np.dstack([pixels, np.where(clear, 0, 255).astype(np.uint8)]))
    else:
        image = Image.fromarray(pixels)
    image = image.convert(mode)
    return np.asarray(image) if mode in ("L", "RGB", "RGBA") and draw(st.booleans()) else image


def to_rgba(figure):
    image = figure if isinstance(figure, Image.Image) else Image.fromarray(figure)
    return np.asarray(image.convert("RGBA"))


@given(
    st.lists(figures(), min_size=1, max_size=4),
    st.sampled_from(["horizontal", "vertical"]),
    st.none() | st.tuples(*[st.integers(0, 255)] * 3),
)
@example([Image.new("RGB", (1, 1), "red")], "vertical", None)
def test_figures_are_placed_side_by_side(parts, orientation, background):
    arrays = [to_rgba(part) for part in parts]
    combined = np.asarray(
        combine_plots(iter(parts), orientation=orientation, background=background)
    )
    # Transposed, a vertical arrangement is a horizontal one.
    axes = (0, 1, 2) if orientation == "horizontal" else (1, 0, 2)
    seen, *arrays = (array.transpose(axes) for array in (combined, *arrays))
    assert seen.shape == (max(map(len, arrays)), sum(array.shape[1] for array in arrays), 3)
    left, around = 0, []
    for array in arrays:
        top, strip = (len(seen) - len(array)) // 2, seen[:, left : left + array.shape[1]]
        opaque = array[..., 3] == 255
        middle = strip[top : top + len(array)]
        assert np.array_equal(middle[opaque], array[opaque][:, :3])
        around += [
            *middle[~opaque],
            *np.delete(strip, np.s_[top : top + len(array)], 0).reshape(-1, 3),
        ]
        left += array.shape[1]
    colors = {tuple(color.tolist()) for color in around}
    known = {
        tuple(color[:3].tolist()) for array in arrays for color in array.reshape(-1, 4) if color[3]
    }
    if background is not None:
        assert colors <= {background}
    else:
        assert len(colors) <= 1 and colors <= known | {(255, 255, 255)}
    for part, array in zip(parts, arrays, strict=True):
        assert np.array_equal(to_rgba(part).transpose(axes), array)
    again = combine_plots(parts, orientation=orientation, background=background)
    assert again.tobytes() == combined.tobytes()
