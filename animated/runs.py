"""Runs: a method on some data, with every epoch in a store, and not repeated when it is there."""

import json
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import polars as pl

from animated.epochs import VERSIONS, EpochWriter
from animated.files import replacing
from animated.methods.arguments import check_integer

# What the layouts of some methods depend on besides `animated.epochs.LIBRARIES`.
LIBRARIES = {"tsne": ("openTSNE",), "pacmap": ("pacmap", "faiss-cpu")}
PLAIN = (bool, int, float, str, type(None))


class Run(NamedTuple):
    """A finished run.

    path: its epoch store.
    seconds: how long it took, writing included, when it was made.
    """

    path: Path
    seconds: float


def run(
    method: Callable[..., np.ndarray],
    X: np.ndarray,
    path: str | Path,
    *,
    n_epochs: int,
    seed: int | None,
    n_components: int = 2,
    labels: pl.Series | None = None,
    data: str | None = None,
    every: int = 1,
    **parameters: Any,
) -> Run:
    """Return a run of `method` on `X`, whose epochs are in the store at `path`.

    A run that is there is not repeated, if it was of the same method, data and parameters, by the
    same versions of the libraries; a file beside it, ending in .json, tells. An interrupted run
    starts anew.

    labels, data: see `animated.epochs.EpochWriter`.
    every: how many epochs to go on from one that is kept to the next; the last is always kept.
    parameters: those of the method alone.

    Raises ValueError for numbers that a store does not hold and for another number of labels than
    samples, and what the method and `EpochWriter` raise.
    """
    check_integer("every", every, 1)
    check_integer("n_components", n_components, 2, 3)
    check_integer("n_epochs", n_epochs, 0, 65_535)
    if labels is not None and len(labels) != len(X):
        raise ValueError(f"there must be {len(X)} labels, got {len(labels)}")
    path = Path(path)
    arguments = {"n_components": n_components, "n_epochs": n_epochs, "seed": seed} | parameters
    arguments = {key: _to_plain(value) for key, value in arguments.items()}
    name = method.__name__
    libraries = LIBRARIES.get(name, ())
    versions = [VERSIONS, *map(version, libraries)]
    mark = joblib.hash([name, X, arguments, labels, data, every, versions])
    known = _read(path)
    if known.get("mark") == mark:
        return Run(path, known["seconds"])
    start = time.perf_counter()
    told = {key: _describe(value) for key, value in arguments.items() if key != "seed"}
    about = {"method": name, "data": data, "parameters": told, "seed": arguments["seed"]}
    about |= {"labels": labels, "libraries": libraries, "is_exact": True}

    with EpochWriter(path, **about) as write:

        def keep(epoch: int, embedding: np.ndarray) -> None:
            if epoch == 0:  # from now on the store may become another run's, as by `recover`
                _note_path(path).unlink(missing_ok=True)
            if epoch % every == 0 or epoch == n_epochs:
                write(epoch, embedding)

        method(X, on_epoch=keep, **arguments)
    done = {"mark": mark, "seconds": round(time.perf_counter() - start, 3)}
    with replacing(_note_path(path)) as temporary:
        temporary.write_text(json.dumps(done))
    return Run(path, done["seconds"])


def _note_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _read(path: Path) -> dict[str, Any]:
    """Return what is known of the run at `path`, nothing when its store is not there."""
    try:
        return json.loads(_note_path(path).read_text()) if path.is_file() else {}
    except (OSError, ValueError):
        return {}


def _to_plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python, which JSON can keep, and else the value."""
    return value.item() if isinstance(value, np.generic) else value


def _describe(value: Any) -> Any:
    """Return a parameter as JSON can keep it; of tables and arrays, that they were given."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, Sequence) and all(isinstance(item, PLAIN) for item in value):
        return list(value)
    return "given"
