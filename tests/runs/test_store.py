"""The epoch store: its schema, its numbers, and that no file is ever lost or half-written."""

import os
import signal

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from conftest import run_python

from animated.runs.journal import working_path
from animated.runs.store import find_label, read_epoch, read_metadata, scan
from animated.runs.writer import EpochWriter, recover
from animated.storage import checksums

LABELS = pl.Series("digit", ["7", "0", "9", "0", "3"])


def make_embeddings(n_epochs=6, n_samples=5, n_components=2, seed=0):
    rng = np.random.default_rng(seed)
    spread = np.array([8, 2, 5])[:n_components]
    embeddings = rng.normal(scale=spread, size=(n_epochs, n_samples, n_components))
    return embeddings.astype(np.float32)


def write(path, embeddings, labels=LABELS, **options):
    with EpochWriter(path, labels=labels, **options) as writer:
        for epoch, embedding in enumerate(embeddings):
            assert writer(epoch, embedding) is None
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "epochs.parquet"


def test_schema(path):
    table = pl.read_parquet(write(path, make_embeddings()))
    assert table.schema == {
        "index": pl.UInt32,
        "x": pl.Float32,
        "y": pl.Float32,
        "digit": pl.Enum(["0", "3", "7", "9"]),
        "epoch": pl.UInt16,
    }
    assert table.equals(table.sort("epoch", "index"))
    assert table.filter(epoch=3)["digit"].to_list() == LABELS.to_list()
    assert table.filter(epoch=3)["index"].to_list() == [0, 1, 2, 3, 4]


def test_one_row_group_an_epoch(path):
    file = pq.ParquetFile(write(path, make_embeddings()))
    assert file.num_row_groups == 6
    for epoch in range(6):
        group = pl.from_arrow(file.read_row_group(epoch))
        assert len(group) == 5 and set(group["epoch"]) == {epoch}
    columns = {(c := file.metadata.row_group(0).column(i)).path_in_schema: c for i in range(5)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert "BYTE_STREAM_SPLIT" in columns["x"].encodings
    assert "BYTE_STREAM_SPLIT" in columns["y"].encodings


@pytest.mark.parametrize("n_components", [2, 3])
def test_positions(path, n_components):
    embeddings = make_embeddings(n_components=n_components)
    axes = ["x", "y", "z"][:n_components]
    table = pl.read_parquet(write(path, embeddings))
    stored = table.select(axes).to_numpy().reshape(embeddings.shape).astype(float)
    metadata = read_metadata(path)

    low, high = stored.min(axis=(0, 1)), stored.max(axis=(0, 1))
    extent = embeddings.max(axis=(0, 1)) - embeddings.min(axis=(0, 1))
    longest = extent.argmax()
    assert (low[longest], high[longest]) == (0, 1)
    # One scale for all axes, and the shorter ones are centred.
    np.testing.assert_allclose(high - low, extent / extent.max(), atol=1 / 16384)
    np.testing.assert_allclose((high + low) / 2, 0.5, atol=1 / 16384)
    assert (stored * 16384 == np.rint(stored * 16384)).all()
    restored = stored * metadata["scale"] + metadata["offset"]
    assert np.abs(restored - embeddings).max() <= 0.51 / 16384 * metadata["scale"]


def test_points_that_never_differ(path):
    write(path, np.full((3, 5, 2), 7.0))
    assert pl.read_parquet(path).select("x", "y").to_numpy().tolist() == [[0.5, 0.5]] * 15


def test_metadata(path):
    parameters = {"n_neighbors": 15, "metric": "cosine"}
    write(path, make_embeddings(), method="UMAP", data="MNIST", parameters=parameters, seed=42)
    metadata = read_metadata(path)
    assert metadata["method"] == "UMAP" and metadata["data"] == "MNIST"
    assert metadata["parameters"] == parameters and metadata["seed"] == 42
    assert metadata["versions"]["umap-learn"]
    assert metadata["scale"] > 0 and len(metadata["offset"]) == 2


def test_labels(path):
    write(path, make_embeddings(), labels=pl.Series("count", [10, 9, 2, 10, None]))
    digits = pl.read_parquet(path)["count"]
    assert digits.dtype == pl.Enum(["2", "9", "10"])
    assert digits[:5].to_list() == ["10", "9", "2", "10", None]
    write(path, make_embeddings(), labels=None)
    assert pl.read_parquet(path).columns == ["index", "x", "y", "epoch"]
    assert find_label(path) is None


def test_floats_as_labels_stay_numbers(path):
    prices = pl.Series("price", [10.5, 9.0, 1e9, float("nan"), None])
    write(path, make_embeddings(), labels=prices)
    assert find_label(path) == "price"
    assert pl.read_parquet(path).schema["price"] == pl.Float32
    assert read_epoch(path, 2)["price"].to_list() == [10.5, 9.0, 1e9, None, None]


def test_seen(path):
    seen = np.array([True, True, False, True, False])
    write(path, make_embeddings(), seen=seen)
    table = read_epoch(path, 4)
    assert table.columns == ["index", "x", "y", "digit", "seen", "epoch"]
    assert table["seen"].to_numpy().tolist() == seen.tolist() and find_label(path) == "digit"
    write(path, make_embeddings(), labels=None, seen=seen)
    assert find_label(path) is None


def test_labels_in_several_chunks_are_still_one_row_group(path):
    write(path, make_embeddings(), labels=pl.concat([LABELS[:2], LABELS[2:]], rechunk=False))
    assert pq.ParquetFile(path).num_row_groups == 6


def test_read_epoch_reads_nothing_else(path, monkeypatch):
    write(path, make_embeddings(n_samples=3_000), labels=None)
    expected = scan(path).filter(epoch=4).collect()
    metadata = pq.ParquetFile(path).metadata
    with path.open("r+b") as file:
        for group in (0, 1, 2, 3, 5):
            column = metadata.row_group(group).column(1)
            file.seek(column.data_page_offset)
            file.write(b"\xff" * column.total_compressed_size)
    monkeypatch.setattr(checksums, "check_checksum", lambda *args, **options: None)
    assert read_epoch(path, 4).equals(expected)
    with pytest.raises(ValueError, match="is damaged"):
        read_epoch(path, 2)


def test_read_epoch_of_a_file_by_another_program(path):
    write(path, make_embeddings(), labels=LABELS)
    expected = [read_epoch(path, epoch) for epoch in range(6)]
    scan(path).collect().write_parquet(path, row_group_size=7)
    assert all(read_epoch(path, epoch).equals(expected[epoch]) for epoch in range(6))
    scan(path).filter(pl.col("epoch") > 3).collect().write_parquet(path)
    assert read_epoch(path, 5).equals(expected[5])
    with pytest.raises(ValueError, match="got 2"):
        read_epoch(path, 2)


def test_missing_epoch_and_missing_file(path):
    with pytest.raises(FileNotFoundError, match="there is no epoch store at"):
        read_epoch(path, 0)
    write(path, make_embeddings())
    with pytest.raises(ValueError, match="0 to 5, got 6"):
        read_epoch(path, 6)


def test_same_run_same_bytes_and_the_file_is_left_alone(path):
    write(path, make_embeddings())
    content = path.read_bytes()
    os.utime(path, (1, 1))
    write(path, make_embeddings())
    assert path.read_bytes() == content
    assert path.stat().st_mtime == 1
    write(path, make_embeddings(seed=1))
    assert path.read_bytes() != content
    assert list(path.parent.iterdir()) == [path]


def test_an_exception_preserves_the_old_file_and_the_epochs_so_far(path):
    write(path, make_embeddings(seed=1))
    content = path.read_bytes()
    embeddings = make_embeddings()
    with pytest.raises(KeyboardInterrupt) as caught, EpochWriter(path, labels=LABELS) as writer:
        for epoch in range(4):
            writer(epoch, embeddings[epoch])
        raise KeyboardInterrupt
    assert path.read_bytes() == content
    assert "4 epochs are saved in" in caught.value.__notes__[0]
    assert recover(path) == 4
    assert scan(path).select(pl.col("epoch").max()).collect().item() == 3
    assert not working_path(path).exists()


def test_kill_9_in_the_middle(path):
    embeddings = make_embeddings(n_epochs=9, n_samples=2_000)
    np.save(path.with_name("embeddings.npy"), embeddings)
    killed = run_python(
        """
        import os, signal, sys
        import numpy as np
        from animated.runs.writer import EpochWriter

        with EpochWriter(sys.argv[1], method="UMAP") as write:
            for epoch, embedding in enumerate(np.load(sys.argv[2])):
                write(epoch, embedding)
                if epoch == 6:
                    os.kill(os.getpid(), signal.SIGKILL)
        """,
        path,
        path.with_name("embeddings.npy"),
    )
    assert killed.returncode == -signal.SIGKILL
    assert not path.exists()
    # As if the kill had come in the middle of writing the last epoch.
    working = working_path(path)
    os.truncate(working, working.stat().st_size - 5_000)
    assert recover(path) == 6
    metadata = read_metadata(path)
    stored = read_epoch(path, 5).select("x", "y").to_numpy() * metadata["scale"]
    np.testing.assert_allclose(stored + metadata["offset"], embeddings[5], atol=1e-3 * 8)
    assert metadata["method"] == "UMAP"


def test_memory_does_not_grow_with_the_epochs(path):
    # 100 epochs of 100,000 points are 140 MB.
    run = run_python(
        """
        import resource, sys
        import numpy as np
        from animated.runs.writer import EpochWriter

        embedding = np.random.default_rng(0).normal(size=(100_000, 2)).astype(np.float32)
        peaks = []
        for n_epochs in (5, 100):
            with EpochWriter(sys.argv[1]) as write:
                for epoch in range(n_epochs):
                    write(epoch, embedding)
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        print(peaks[1] - peaks[0])
        """,
        path,
    )
    assert int(run.stdout) < 40_000, run.stdout + run.stderr


def test_a_working_file_that_is_damaged_during_the_run(path):
    write(path, make_embeddings(seed=1))
    content = path.read_bytes()
    message = "epochs.arrow is damaged: [0-5] of 6 epochs can be read"
    with pytest.raises(RuntimeError, match=message), EpochWriter(path, labels=LABELS) as writer:
        for epoch, embedding in enumerate(make_embeddings()):
            writer(epoch, embedding)
        size = working_path(path).stat().st_size
        with working_path(path).open("r+b") as file:
            file.seek(size * 2 // 3)
            file.write(b"\xff" * 20)
    assert path.read_bytes() == content


def test_recover_without_a_run(path):
    with pytest.raises(FileNotFoundError, match="there is no run to recover"):
        recover(path)


def test_recover_a_run_that_was_killed_before_its_first_epoch(path):
    working_path(path).write_bytes(b"")
    with pytest.raises(ValueError, match="has no complete epoch"):
        recover(path)


def test_no_epochs(path):
    with pytest.raises(ValueError, match="no epoch was written"), EpochWriter(path):
        pass


@pytest.mark.parametrize(
    ("epoch", "embedding", "message"),
    [
        (0, np.zeros((5, 2)), "epochs must increase, up to 65535, got 0 after 0"),
        (70_000, np.zeros((5, 2)), "got 70000 after 0"),
        (1, np.zeros((5, 3)), r"must have shape \(5, 2\), got \(5, 3\)"),
        (1, np.zeros((4, 2)), r"must have shape \(5, 2\), got \(4, 2\)"),
        (1, np.full((5, 2), np.inf), "embedding 1 must be finite, got 5 rows that are not"),
    ],
)
def test_bad_epoch_is_refused(path, epoch, embedding, message):
    with pytest.raises(ValueError, match=message), EpochWriter(path, labels=LABELS) as writer:
        writer(0, np.ones((5, 2)))
        writer(epoch, embedding)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"labels": LABELS.alias("seen")},
            ValueError,
            "name of another column, got 'seen'",
        ),
        (
            {"seen": [0, 1]},
            TypeError,
            r"seen must be a bool array \(n_samples,\), got int64 of shape \(2,\)",
        ),
        ({"labels": LABELS.alias("x")}, ValueError, "name of another column, got 'x'"),
        ({"parameters": {"metric": len}}, TypeError, "JSON"),
        ({"output_path": "epochs.arrow"}, ValueError, "end in .parquet, got 'epochs.arrow'"),
        ({"output_path": "nowhere/epochs.parquet"}, FileNotFoundError, "does not exist"),
    ],
)
def test_bad_arguments_are_refused_before_the_run(path, change, error, message):
    arguments = {"output_path": path} | change
    with pytest.raises(error, match=message):
        EpochWriter(arguments.pop("output_path"), **arguments)


def test_wrong_number_of_labels(path):
    with pytest.raises(ValueError, match="labels must have 4 values, got 5"):
        write(path, make_embeddings(n_samples=4))
    with pytest.raises(ValueError, match="seen must have 5 values, got 4"):
        write(path, make_embeddings(), seen=np.ones(4, bool))


def test_exact_positions(tmp_path):
    """A dot that grows a thousandfold has the right shape from the start, unlike a rounded one."""
    cloud = np.random.default_rng(0).normal(size=(50, 2))
    errors = []
    for is_exact in (True, False):
        path = tmp_path / f"{is_exact}.parquet"
        with EpochWriter(path, is_exact=is_exact) as write:
            write(0, cloud / 1e3)
            write(1, cloud)
        metadata = read_metadata(path)
        first = read_epoch(path, 0).select("x", "y").to_numpy()
        restored = first * metadata["scale"] + metadata["offset"]
        errors.append(np.abs(restored * 1e3 - cloud).max())
        assert (first >= 0).all() and (first <= 1).all()
    assert errors[0] < 1e-3 < 0.05 < errors[1]
