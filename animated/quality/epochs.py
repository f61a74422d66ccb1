"""Measure the embeddings of one data set, one at a time or every epoch of a run."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from animated.geometry import check_embedding, mean_displacement
from animated.neighbors.ranks import rank_samples
from animated.neighbors.search import Neighbors, cut_neighbors, find_neighbors
from animated.progress import track
from animated.quality.measures import (
    check_half,
    neighborhood_preservation,
    search_embedding,
    share_correct,
    to_codes,
    trustworthiness,
)
from animated.runs.store import list_epochs, read_embedding, read_metadata
from animated.validation import check_features, check_integer, check_seed

Cost = Callable[[np.ndarray], float | dict[str, float]]


class Quality:
    """The quality of embeddings of one data set: prepared once, then called with each embedding.

    quality = Quality(X, labels)
    quality(embedding)  # {"preservation": 0.36, "trustworthiness": 0.96, "accuracy": 0.95}

    neighbors: int32 (n_samples, n_neighbors), the neighbours in the data.
    queries: int (n_queries,), the samples for which trustworthiness is measured.
    ranks: (n_queries, n_samples), the ranks of all samples by distance to the queries in the data.
    """

    def __init__(
        self,
        X: np.ndarray,
        labels: Sequence | None = None,
        *,
        n_neighbors: int = 15,
        neighbors: Neighbors | None = None,
        n_queries: int = 2_000,
        seed: int = 0,
    ):
        """Find the neighbours of all samples in `X` and rank all samples for some of them.

        X: float32 array (n_samples, n_features), finite.
        labels: (n_samples,), a Polars Series or any sequence, none missing; None leaves out
            accuracy.
        n_neighbors: the number of neighbours to compare, not counting the sample itself.
        neighbors: the result of `find_neighbors` for `X`, with at least n_neighbors + 1 columns, as
            a sample's first neighbour there is itself; None searches them.
        n_queries: the number of samples, drawn with `seed`, for which trustworthiness is measured.
            Each takes 2 bytes per sample: 120 MB for 2,000 of 30,000 samples.

        Raises ValueError or TypeError for invalid arguments, before any search.
        """
        X = check_features(X)
        check_integer("n_neighbors", n_neighbors, 1)
        check_integer("n_queries", n_queries, 1)
        check_seed(seed)
        check_half(n_neighbors, len(X))
        self.codes = None if labels is None else to_codes(labels, len(X))
        if neighbors is None:
            neighbors = find_neighbors(X, n_neighbors + 1)
        self.neighbors = cut_neighbors(neighbors, len(X), n_neighbors + 1).indices[:, 1:]
        random = np.random.default_rng(seed)
        self.queries = np.sort(random.permutation(len(X))[:n_queries])
        self.ranks = rank_samples(X, self.queries)

    def __call__(self, embedding: np.ndarray) -> dict[str, float]:
        """Return the measures of an embedding.

        embedding: float array (n_samples, 2) or (n_samples, 3), finite.

        Returns `preservation`, `trustworthiness` and, with labels, `accuracy`. The number of
        threads does not change them.
        Raises ValueError if the embedding has another shape or is not finite.
        """
        embedding = check_embedding(embedding, len(self.neighbors))
        neighbors = search_embedding(embedding, self.neighbors.shape[1])
        measures = {
            "preservation": neighborhood_preservation(self.neighbors, neighbors),
            "trustworthiness": trustworthiness(self.ranks, neighbors[self.queries]),
        }
        if self.codes is not None:
            measures["accuracy"] = share_correct(self.codes, neighbors)
        return measures


def measure_epochs(
    path: str | Path,
    quality: Quality,
    epochs: Iterable[int] | None = None,
    *,
    cost: Cost | None = None,
) -> pl.DataFrame:
    """Return the quality of the epochs in the store at `path`, one row per epoch.

    epochs: which to measure, in this order; None measures all.
    cost: a function of an embedding in the units of the method, float64 (n_samples, n_components).
        It returns a number, which becomes the column `cost`, or a dictionary of columns.

        measure_epochs("data/epochs.parquet", Quality(X, labels), cost=UmapLoss(X, n_epochs=199))

    Returns a table of `epoch` (u16) and, all f64, the measures of `quality`, those of `cost`, and
    `displacement`: the mean distance moved since the epoch measured before, as a share of the width
    of the run, null for the first.
    Raises FileNotFoundError if there is no store, ValueError if epochs is empty or has one that is
    not in the store, and TypeError if cost is not callable.
    """
    if cost is not None and not callable(cost):
        raise TypeError(f"cost must be callable or None, got {type(cost).__name__}")
    stored = list_epochs(path)
    epochs = stored if epochs is None else _check_epochs(epochs, stored)
    scale = read_metadata(path)["scale"]
    rows: list[dict[str, float | None]] = []
    before: np.ndarray | None = None
    for epoch in track(epochs, "Quality", unit="epoch"):
        embedding = read_embedding(path, epoch)
        moved = None if before is None else mean_displacement(before, embedding) / scale
        costs = {} if cost is None else cost(embedding)
        costs = costs if isinstance(costs, dict) else {"cost": costs}
        rows.append({"epoch": epoch, **quality(embedding), **costs, "displacement": moved})
        before = embedding
    table = pl.DataFrame(rows, infer_schema_length=None).cast(pl.Float64)
    return table.with_columns(pl.col("epoch").cast(pl.UInt16))


def _check_epochs(epochs: Iterable[int], stored: list[int]) -> list[int]:
    epochs = list(epochs)
    unknown = set(epochs) - set(stored)
    if unknown or not epochs:
        got = min(unknown) if unknown else "none"
        raise ValueError(f"epochs must be among those in the store, 0 to {stored[-1]}, got {got}")
    return epochs
