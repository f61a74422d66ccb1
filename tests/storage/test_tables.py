"""What a feature table must be."""

import numpy as np
import polars as pl

from animated.storage import tables


def test_features(digits):
    X = tables.to_features(digits, label="digit")
    assert X.dtype == np.float32 and X.shape == (2_000, 784) and X.flags.c_contiguous
    assert X.max() == 255
    assert tables.check_features(X) is X


def test_enum_is_sorted():
    labels = pl.Series(["b", "a", None, "b"])
    for series in (labels, labels.cast(pl.Categorical), labels.cast(pl.Enum(["b", "a"]))):
        enum = tables.to_enum(series)
        assert enum.dtype == pl.Enum(["a", "b"])
        assert enum.to_list() == ["b", "a", None, "b"]
