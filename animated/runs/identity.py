"""What identifies a run, so that it can be recognised later: its parameters, its data, its machine.

Two runs with the same identity produce the same epochs, bit for bit.
"""

import platform
from collections.abc import Sequence
from typing import Any

import joblib
import numpy as np
import polars as pl
from joblib.hashing import NumpyHasher

PLAIN = (bool, int, float, str, type(None))
# What a store's metadata records in place of a table or an array.
GIVEN = "given"


def describe_machine() -> str:
    """Return the system and the processor, such as "Linux x86_64 znver4".

    The last digits of a result depend on them, so one machine never resumes the run of another.
    """
    import llvmlite.binding as llvm  # only a run needs it, not everyone who imports one

    return f"{platform.system()} {platform.machine()} {llvm.get_host_cpu_name()}"


def to_plain(value: Any) -> Any:
    """Return a NumPy number as a Python number, which JSON accepts; return other values as is."""
    return value.item() if isinstance(value, np.generic) else value


def describe_parameter(value: Any) -> Any:
    """Return a parameter in a form that JSON accepts; a table or an array becomes `GIVEN`."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, Sequence) and all(isinstance(item, PLAIN) for item in value):
        return list(value)
    return GIVEN


def hash_inputs(X: Any, labels: pl.Series | None, parameters: dict[str, Any]) -> str:
    """Return a hash of the data, the labels, and the parameters that JSON cannot describe."""
    others = [value for value in parameters.values() if describe_parameter(value) == GIVEN]
    hasher = _Hasher(hash_name="md5")
    return hasher.hash([X, None if labels is None else labels.to_list(), others])


def hash_facts(facts: dict[str, Any]) -> str:
    """Return a hash of the description of a run."""
    return joblib.hash(facts)


def compare(now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """Return the differences between two descriptions, such as "seed is 43, was 42".

    now, before: dictionaries whose values may be dictionaries in turn.
    """
    now, before = _flatten(now), _flatten(before)
    return [
        f"{name} is {now.get(name)!r}, was {before.get(name)!r}"
        for name in now | before
        if now.get(name) != before.get(name)
    ]


def summarise(differences: list[str]) -> str:
    """Return the first three of the differences that `compare` found, in one phrase."""
    # A hash means nothing to a reader.
    readable = [one for one in differences if not one.startswith("inputs is")]
    readable += ["the data differ"] * (len(readable) < len(differences))
    return ", ".join(readable[:3]) + (", ..." if len(readable) > 3 else "")


def _flatten(facts: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        flat |= _flatten(value) if isinstance(value, dict) else {name: value}
    return flat


class _Hasher(NumpyHasher):
    """The hash of joblib, but independent of the modules that define our classes.

    joblib hashes the pickle of an object, which includes the full name of its class. Our classes
    are hashed by their wing and their name, as `animated.neighbors.Neighbors`, so that a class may
    move to another module of its wing and the runs that were made before are still recognised.
    """

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Write the name of a class or a function to the stream that is hashed."""
        package, *path = (getattr(obj, "__module__", None) or "").split(".")
        if package != "animated" or not path:
            super().save_global(obj, name)
            return
        self.write(f"c{package}.{path[0]}\n{name or obj.__qualname__}\n".encode())
        self.memoize(obj)

    dispatch = NumpyHasher.dispatch.copy()
    dispatch[type] = save_global
    dispatch[type(to_plain)] = save_global
