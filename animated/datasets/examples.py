"""The examples: data sets that `load_dataset` finds by name."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from animated.datasets.mnist import N_DIGITS, load_fashion, read_digits

TREE_SIZE, N_BRANCHES, N_DIMENSIONS = 100_000, 40, 30


class Source(NamedTuple):
    """Where a table comes from, and what is known about it.

    title: its name in plots.
    item: what a row is, with an article.
    read: a function of the number of rows that are needed, None for all, that returns at least
        these.
    label: the column to colour by.
    columns: the features; None selects the pixels of images, or else all numeric columns.
    has_order: whether the first rows may differ from the rest, so that a sample must be drawn.
    """

    title: str
    item: str
    read: Callable[[int | None], pl.DataFrame]
    label: str | None = None
    columns: list[str] | None = None
    has_order: bool = True


def _read_mnist(n_rows: int | None) -> pl.DataFrame:
    return read_digits(n_digits=min(n_rows or N_DIGITS, N_DIGITS))


def _read_fashion(n_rows: int | None) -> pl.DataFrame:
    return load_fashion()


def _read_penguins(n_rows: int | None) -> pl.DataFrame:
    from plotnine.data import penguins  # plotnine takes a second to load

    return pl.from_pandas(penguins)


def _read_diamonds(n_rows: int | None) -> pl.DataFrame:
    from plotnine.data import diamonds

    return pl.from_pandas(diamonds)


def _read_small_digits(n_rows: int | None) -> pl.DataFrame:
    from sklearn.datasets import load_digits

    return pl.from_pandas(load_digits(as_frame=True).frame).rename({"target": "digit"})


def _grow_tree(n_rows: int | None) -> pl.DataFrame:
    """Return noisy points along the branches of a tree that grows at random in 30 dimensions."""
    random = np.random.default_rng(0)
    size = TREE_SIZE // N_BRANCHES
    branches: list[np.ndarray] = []
    for i in range(N_BRANCHES):
        start = branches[random.integers(i)][-1] if i else np.zeros(N_DIMENSIONS)
        direction = random.normal(size=N_DIMENSIONS)
        steps = direction + random.normal(scale=3, size=(size, N_DIMENSIONS))
        branches.append(start + steps.cumsum(axis=0) / 100)
    points = np.concatenate(branches) + random.normal(scale=3, size=(TREE_SIZE, N_DIMENSIONS))
    table = pl.DataFrame(points.astype(np.float32), [f"axis{i}" for i in range(N_DIMENSIONS)])
    names = [f"{i + 1:02}" for i in range(N_BRANCHES)]
    return table.with_columns(branch=pl.Series(np.repeat(names, size)))


def name_item(name: str, has_images: bool) -> str:
    """Return what a row of the data set `name` is, with an article.

    >>> name_item("penguins", False), name_item("flowers", False), name_item("flowers", True)
    ('a penguin', 'a row', 'an image')
    """
    if name in EXAMPLES:
        return EXAMPLES[name].item
    return "an image" if has_images else "a row"


EXAMPLES: dict[str, Source] = {
    "mnist": Source("MNIST", "a handwritten digit", _read_mnist, "digit", has_order=False),
    "fashion": Source("Fashion-MNIST", "an article of clothing", _read_fashion, "article"),
    "digits-8x8": Source("Optical digits", "a handwritten digit", _read_small_digits, "digit"),
    "penguins": Source(
        "Palmer penguins",
        "a penguin",
        _read_penguins,
        "species",
        ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"],
    ),
    "diamonds": Source("Diamonds", "a diamond", _read_diamonds, "price"),
    "tree": Source("A random tree", "a place on a branch", _grow_tree, "branch"),
}
