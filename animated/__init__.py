"""Watch dimensionality reduction happen.

A table becomes features, a method embeds them, and every epoch on the way is stored, drawn,
filmed, or explored on a page:

    from animated import export, load_dataset, run, umap

    penguins = load_dataset("penguins")
    run(umap, penguins.X, "penguins.parquet", n_epochs=200, seed=42, labels=penguins.labels)
    export({"UMAP": "penguins.parquet"}, labels=penguins.labels, output_path="penguins.html")

Data
    load_dataset     any table, or an example, as features and labels
    find_neighbors   the nearest neighbours of every sample

Methods, all called alike: umap(X, n_epochs=200, seed=42, on_epoch=print)
    pixels, pca, mds, sammon, graph, tsne, umap, pacmap

Epochs
    run              run a method and store every epoch, resumable
    sweep            one embedding for each value of a parameter
    EpochWriter      an `on_epoch` that writes a store
    read_epoch       one epoch of a store, as a table
    Quality          measure how much of the data an embedding preserves

Pictures
    Template         a plotnine plot, drawn once and filled with each epoch
    Frames           the numbered pictures of a movie
    write_movie      frames as MP4
    export           one offline page to explore embeddings
    Explorer         the same page as a notebook widget
"""

from importlib import import_module
from typing import Any

# Where each name lives. A module is loaded when its name is first used, so that importing the
# package costs nothing.
FACE = {
    "load_dataset": "datasets.load",
    "find_neighbors": "neighbors.search",
    **dict.fromkeys(
        ("pixels", "pca", "mds", "sammon", "graph", "tsne", "umap", "pacmap"), "methods"
    ),
    "run": "runs.run",
    "sweep": "runs.sweep",
    "EpochWriter": "runs.writer",
    "read_epoch": "runs.store",
    "Quality": "quality.epochs",
    "Template": "plots.templates",
    "Frames": "video.frames",
    "write_movie": "video.movie",
    "export": "explorer.export",
    "Explorer": "explorer.widget",
}

__all__ = list(FACE)


def __getattr__(name: str) -> Any:
    """Load a public name on first use.

    Raises AttributeError for a name that the package does not have.
    """
    if name not in FACE:
        raise AttributeError(f"module 'animated' has no attribute {name!r}")
    value = getattr(import_module(f"animated.{FACE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted(FACE)
