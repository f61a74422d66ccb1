"""Where the results of each data set are stored."""

import re
from pathlib import Path
from typing import NamedTuple


class Results(NamedTuple):
    """The paths of all results of one data set, from the root of the repository.

    table, epochs: what prepare.ipynb writes, the rows and the epoch store.
    movie, gif, poster, frame, intro: what visualize.ipynb writes.
    frames: how the numbered frames are called, in the folder frames/.
    """

    table: str
    epochs: str
    movie: str
    gif: str
    poster: str
    frame: str
    intro: str
    frames: str


# The digits are the story that the notebooks tell, so their files are called by what they show.
# Those of every other data set are called by its name.
DIGITS = "mnist"
DIGITS_RESULTS = Results(
    table="data/digits.parquet",
    epochs="data/epochs.parquet",
    movie="movies/umap.mp4",
    gif="images/umap.gif",
    poster="images/umap.png",
    frame="images/combined.png",
    intro="images/intro.png",
    frames="combined",
)
# Names in use: the examples of `load_dataset`, and the movies and pictures of the notebooks. Your
# own file of such a name is called my-... so that its movie does not overwrite one of these.
TAKEN = (
    *(DIGITS, "fashion", "digits-8x8", "penguins", "diamonds", "tree"),
    *("umap", "intro", "combined", "compare", "turn", "tour", "explorer"),
    *("both", "unseen", "labels", "mixed", "distances", "sweeps", "seeds"),
)


def name_results(name: str) -> Results:
    """Return the paths of the results of the data set `name`.

    The movie of "mnist" is movies/umap.mp4, that of "penguins" movies/penguins.mp4.

    Raises ValueError when the name has other characters than letters, digits, - and _.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise ValueError(f"name must be letters, digits, - and _ only, got {name!r}")
    if name == DIGITS:
        return DIGITS_RESULTS
    return Results(
        table=f"data/{name}-rows.parquet",
        epochs=f"data/{name}-epochs.parquet",
        movie=f"movies/{name}.mp4",
        gif=f"images/{name}.gif",
        poster=f"images/{name}.png",
        frame=f"images/{name}-combined.png",
        intro=f"images/{name}-intro.png",
        frames=name,
    )


def name_data(source: str | Path) -> str:
    """Return the name of a data set: an example's own, or one made from that of a file or folder.

    "penguins" stays penguins, "flowers 2024.csv" becomes flowers-2024, and umap.csv my-umap.
    """
    if not Path(source).suffix and not Path(source).is_dir():
        return str(source)
    name = re.sub(r"[^\w-]+", "-", Path(source).resolve().stem).strip("-") or "data"
    return f"my-{name}" if name in TAKEN else name
