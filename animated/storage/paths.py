"""Where the notebooks keep what they make of a data set."""

import re
from pathlib import Path
from typing import NamedTuple

# The digits are the example that this repository begins with.
DIGITS = "mnist"
# What the movies and pictures of this repository are called, whose place no others may take.
TAKEN = (
    *(DIGITS, "fashion", "digits-8x8", "penguins", "diamonds", "tree"),
    *("umap", "intro", "combined", "compare", "turn", "tour", "explorer"),
    *("both", "unseen", "labels", "mixed", "distances", "sweeps", "seeds"),
)


class Results(NamedTuple):
    """The paths of all results of one data set.

    table, epochs: what prepare.ipynb writes, the rows and their positions at every epoch.
    movie, gif, poster, frame, intro: what visualize.ipynb writes.
    frames: the name of the numbered frames.
    """

    table: str
    epochs: str
    movie: str
    gif: str
    poster: str
    frame: str
    intro: str
    frames: str


def name_results(name: str) -> Results:
    """Return where the results of the data set `name` are kept.

    Those of "mnist" are data/digits.parquet, data/epochs.parquet, movies/umap.mp4 and so on. Those
    of others bear their name, such as data/penguins-epochs.parquet and movies/penguins.mp4.

    Raises ValueError when the name is not made of letters, digits, hyphens and underscores.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise ValueError(f"name must be letters, digits, - and _ only, got {name!r}")
    if name == DIGITS:
        table, epochs, made, others = "digits", "epochs", "umap", ""
    else:
        table, epochs, made, others = f"{name}-rows", f"{name}-epochs", name, f"{name}-"
    return Results(
        table=f"data/{table}.parquet",
        epochs=f"data/{epochs}.parquet",
        movie=f"movies/{made}.mp4",
        gif=f"images/{made}.gif",
        poster=f"images/{made}.png",
        frame=f"images/{others}combined.png",
        intro=f"images/{others}intro.png",
        frames="combined" if name == DIGITS else name,
    )


def name_data(source: str | Path) -> str:
    """Return the name of the results of an example, which is its own, or of a file or folder.

    "flowers 2024.csv" becomes flowers-2024, and my-mnist what would be taken for an example.
    """
    if not Path(source).suffix and not Path(source).is_dir():
        return str(source)
    name = re.sub(r"[^\w-]+", "-", Path(source).resolve().stem).strip("-") or "data"
    return f"my-{name}" if name in TAKEN else name
