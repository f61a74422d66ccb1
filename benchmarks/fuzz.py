"""Feed damaged files to the readers: does any of them end in a crash, a hang or wrong data?

    python benchmarks/fuzz.py [N_INPUTS [SEED]]

Small valid files of every format are cut, flipped, spliced and overwritten at random. A reader must
either refuse such a file, in one sentence that names it, or return a table: the original one if the
format has checksums, otherwise any. The readers run in processes with limited memory and limited
time per file, so that crashes, hangs and excessive allocations are caught.
"""

import io
import random
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import polars as pl
from PIL import Image
from tools import measure

from animated.datasets.readers import read_table
from animated.storage.checksums import PATTERN
from animated.storage.tables import write_table
from animated.video.png import encode_png, read_fingerprint, read_frame

MEMORY = 4 * 2**30
SECONDS = 20
N_WORKERS = 2
CHILD = "import fuzz, sys; fuzz.work(*map(int, sys.argv[1:]))"
OUTCOMES = ("refused", "unchanged", "another table", "wrong", "another error", "hang", "crash")
FAULTS = OUTCOMES[3:]

TABLE = pl.DataFrame(
    {
        "number": [1.5, -2.0, 1e10, None, 0.0, 7.25],
        "count": pl.Series([1, 2, 3, 4, 5, 6], dtype=pl.UInt8),
        "word": ["a", "ü", None, "a longer word, quoted", "", "b"],
        "truth": [True, False, None, True, True, False],
    }
)
NESTED = TABLE.with_columns(
    kind=pl.Series(["x", "y", "x", "x", "y", "y"], dtype=pl.Enum(["x", "y"])),
    vector=pl.Series([[1, 2]] * 6),
)
NUMBERS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
PIXELS = np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8)
EXTREMES = (b"\xff\xff\xff\x7f", b"\xff" * 8, b"\0\0\0\x80", b"\0" * 8, b"\x7f\xff\xff\xff")
TOKENS = (*(b'"', b",", b"\n", b"\r", b";", b"\0", b"\xff"), b"1e999", b"-inf", b"9" * 40, b'""')

# The checksums of these, and of the protected table, must detect every change of the data.
CHECKED = ("arrays.npz", "packed.npz", "picture.png", "frame.png")
PICTURES = ("png", "jpeg", "gif", "bmp", "tiff", "webp")


def make_files() -> dict[str, bytes]:
    """Return the content of a valid file of every format, by name."""
    picture, arrays = Image.fromarray(PIXELS), {"a": NUMBERS, "b": np.arange(6)}
    writers = {
        "plain.parquet": NESTED.write_parquet,
        "protected.parquet": lambda file: file.write(_add_checksum(NESTED)),
        "table.csv": TABLE.write_csv,
        "table.tsv": lambda file: TABLE.write_csv(file, separator="\t"),
        "file.arrow": NESTED.write_ipc,
        "packed.feather": lambda file: NESTED.write_ipc(file, compression="lz4"),
        "stream.arrow": NESTED.write_ipc_stream,
        "array.npy": lambda file: np.save(file, NUMBERS),
        "arrays.npz": lambda file: np.savez(file, **arrays),
        "packed.npz": lambda file: np.savez_compressed(file, **arrays),
        "frame.png": lambda file: file.write(encode_png(PIXELS, "fingerprint")),
    } | {
        f"{kind}/picture.{kind}": lambda file, kind=kind: picture.save(file, format=kind)
        for kind in PICTURES
    }
    return {name: _write(writer) for name, writer in writers.items()}


def _write(writer: Callable[[io.BytesIO], Any]) -> bytes:
    file = io.BytesIO()
    writer(file)
    return file.getvalue()


def _add_checksum(table: pl.DataFrame) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "protected.parquet")
        write_table(table, path)
        return path.read_bytes()


def damage(content: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Return `content` with one to three random faults; it always differs."""
    damaged = content
    while damaged == content:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            damaged = rng.choice(FAULTY)(bytearray(damaged), others, rng)
    return bytes(damaged)


def _flip(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 1, 4, 16)) if data else 0):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def _cut(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    start, stop = _choose_part(data, rng)
    del data[start : rng.choice((stop, len(data)))]
    return data


def _insert(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    start, stop = _choose_part(data, rng)
    news = (rng.choice(TOKENS), rng.randbytes(rng.randrange(1, 9)), bytes(data[start:stop]))
    place = rng.randint(0, len(data))
    data[place:place] = rng.choice(news)
    return data


def _overwrite(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    new = rng.choice((rng.choice(EXTREMES), rng.randbytes(rng.randrange(1, 9))))
    place = rng.randint(0, len(data))
    data[place : place + len(new)] = new
    return data


def _splice(data: bytearray, others: list[bytes], rng: random.Random) -> bytearray:
    other = rng.choice(others)
    return data[: rng.randint(0, len(data))] + other[rng.randint(0, len(other)) :]


FAULTY = (
    *(_flip, _flip, _flip, _cut, _cut, _insert, _overwrite, _overwrite, _splice),
    lambda data, others, rng: bytearray(rng.randbytes(rng.randrange(len(data) + 1))),
)


def _choose_part(data: bytearray, rng: random.Random) -> tuple[int, int]:
    start, stop = sorted(rng.randint(0, len(data)) for _ in range(2))
    return start, min(stop, start + 64)


def read(path: Path) -> Any:
    """Return what the reader of this kind of file returns."""
    if path.name == "frame.png":
        return read_frame(path), read_fingerprint(path)
    is_picture = path.stem == "picture"
    return read_table(path.parent if is_picture else path, image_side=9)


def judge(path: Path, expected: Any) -> str:
    """Return the outcome of reading a file, one of `OUTCOMES`."""
    try:
        got = read(path)
    except (ValueError, TypeError, FileNotFoundError) as error:
        is_explained = path.name in str(error) and "\n" not in str(error)
        return "refused" if is_explained else "another error"
    except BaseException:
        return "another error"
    if _is_same(got, expected):
        return "unchanged"
    # A table whose checksum itself was hit counts as one without.
    is_protected = path.name == "protected.parquet" and PATTERN.search(path.read_bytes())
    return "wrong" if is_protected or path.name in CHECKED else "another table"


def _is_same(got: Any, expected: Any) -> bool:
    if isinstance(got, tuple):
        return np.array_equal(got[0], expected[0]) and got[1] in (expected[1], None)
    # The names of the arrays are not covered by a checksum.
    known = [column.to_list() for column in expected]
    return got.height == expected.height and all(column.to_list() in known for column in got)


def work(first: int, last: int, step: int, seed: int) -> None:
    """Print the outcome of every `step`-th input from `first` to before `last`, in this process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    files = make_files()
    names = list(files)
    # Starting threads would take longer than reading a single picture.
    with tempfile.TemporaryDirectory() as folder, joblib.parallel_config("sequential"):
        expected = {name: read(_put(folder, name, files[name])) for name in names}
        for number in range(first, last, step):
            name = names[number % len(names)]
            rng = random.Random(f"{seed} {number}")
            path = _put(folder, name, damage(files[name], list(files.values()), rng))
            signal.alarm(SECONDS)
            print(judge(path, expected[name]), flush=True)
            signal.alarm(0)


def _put(folder: str, name: str, content: bytes) -> Path:
    path = Path(folder, name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def run_worker(first: int, last: int, step: int, seed: int) -> Iterator[tuple[int, str]]:
    """Yield the outcome of each input, from a process that is restarted whenever it dies."""
    while first < last:
        command = [sys.executable, "-c", CHILD, *map(str, (first, last, step, seed))]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        with subprocess.Popen(command, cwd=Path(__file__).parent, **options) as process:
            for line in process.stdout:
                yield first, line.strip()
                first += step
        if process.returncode != 0:
            yield first, "hang" if process.returncode == -signal.SIGALRM else "crash"
            first += step


def run(n_inputs: int, seed: int) -> pl.DataFrame:
    """Return a table of `number`, `file` and `outcome`, one row per input."""
    names = list(make_files())

    def collect(first: int) -> list[tuple[int, str]]:
        return list(run_worker(first, n_inputs, N_WORKERS, seed))

    with ThreadPoolExecutor() as pool:
        rows = list(chain.from_iterable(pool.map(collect, range(N_WORKERS))))
    table = pl.DataFrame(rows, schema={"number": pl.Int64, "outcome": pl.String}, orient="row")
    files = pl.Series("file", names)[table["number"] % len(names)]
    return table.with_columns(files).sort("number")


def main(n_inputs: int = 120_000, seed: int = 0) -> None:
    """Print the number of each outcome per file; exit with an error if there is any fault."""
    tables = []
    seconds = measure(lambda: tables.append(run(n_inputs, seed)))
    (table,) = tables
    counts = table.pivot("outcome", index="file", values="number", aggregate_function="len")
    with pl.Config(tbl_cols=-1, tbl_rows=-1, tbl_width_chars=200):
        print(counts.fill_null(0))
    print(f"damaged files given to the readers: {len(table)}, in {seconds / 60:.1f} minutes")
    for outcome in OUTCOMES:
        print(f"damaged files, {outcome}: {(table['outcome'] == outcome).sum()}")
    faults = table.filter(pl.col("outcome").is_in(FAULTS))
    if len(faults):
        sys.exit(f"inputs of seed {seed} at fault: {faults.rows()}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
