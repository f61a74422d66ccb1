"""Arrays come back as they were saved, with their fingerprint, or count as missing."""

import numpy as np
import pytest
from faults import damage

from animated.storage.arrays import load_arrays, save_arrays


@pytest.mark.parametrize("is_durable", [True, False])
def test_round_trip(tmp_path, is_durable):
    path = tmp_path / "a.npz"
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([True])}
    save_arrays(path, "umap, seed 42", is_durable=is_durable, **arrays)
    fingerprint, loaded = load_arrays(path)
    assert fingerprint == "umap, seed 42" and loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype and np.array_equal(loaded[name], array)


def test_missing_or_foreign(tmp_path):
    path = tmp_path / "a.npz"
    assert load_arrays(path) is None
    np.savez(path, a=np.arange(3))
    assert load_arrays(path) is None
    np.savez(path, mark=np.array("as an earlier version called it"), a=np.arange(3))
    assert load_arrays(path) is None


def test_damaged(tmp_path):
    """A flipped bit is either noticed or has changed nothing, such as a date in the file."""
    path = tmp_path / "a.npz"
    save_arrays(path, "one", a=np.arange(100.0))
    n_missing = 0
    for content in damage(path.read_bytes()):
        path.write_bytes(content)
        found = load_arrays(path)
        n_missing += found is None
        assert found is None or (found[0] == "one" and np.array_equal(found[1]["a"], range(100)))
    assert n_missing > 40


def test_every_flipped_bit_of_a_header_is_noticed(tmp_path):
    """np.load would believe another shape, such as (200,) instead of (2000,)."""
    path = tmp_path / "a.npz"
    array = np.arange(2000.0)
    save_arrays(path, "one", a=array)
    content = path.read_bytes()
    for position in range(content.index(b"NUMPY", 200), content.index(array[1:].tobytes())):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            assert load_arrays(path) is None, (position, bit)


class Trap:
    """Stops the process when it is unpickled."""

    def __reduce__(self):
        return exit, ("executed",)


def test_nothing_is_executed(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, fingerprint=np.array("one"), a=np.array([Trap()], dtype=object))
    assert load_arrays(path) is None
