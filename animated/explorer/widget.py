"""The explorer in a notebook, where Python reads and sets what is selected."""

from collections.abc import Iterable, Mapping
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import polars as pl
import traitlets

from animated.explorer.bundle import bundle
from animated.explorer.content import Content
from animated.explorer.export import FOLDER, find_fragment, read_part
from animated.neighbors.search import Neighbors
from animated.validation import check_integer


class Explorer(anywidget.AnyWidget):
    """The page of `animated.explorer.export` as a widget.

        explorer = Explorer({"UMAP": "data/epochs.parquet"}, labels=digits["digit"])
        explorer

    What is selected there, a filter finds in a table, and the other way round:

        digits = digits.with_row_index()
        digits.filter(pl.col("index").is_in(explorer.selection))
        explorer.selection = digits.filter(pl.col("digit") == "4")["index"]

    selection: the numbers of the selected points, ascending; any sequence of integers sets it.
        `explorer.observe(function, "selection")` calls a function when it changes.
    epoch: the epoch that is shown, the last one at first; 0 for layouts without epochs.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    template = traitlets.Unicode().tag(sync=True)
    style_sheet = traitlets.Unicode().tag(sync=True)
    header = traitlets.Dict().tag(sync=True)
    blocks = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(640).tag(sync=True)
    selection = traitlets.Any(()).tag(sync=True)
    epoch = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        layouts: Mapping[str, Any],
        *,
        labels: Iterable | None,
        images: np.ndarray | None = None,
        epochs: int | Iterable[int] | None = None,
        neighbors: Neighbors | np.ndarray | None = None,
        columns: pl.DataFrame | pd.DataFrame | Mapping[str, Any] | None = None,
        components: Mapping[str, np.ndarray] | None = None,
        title: str | None = None,
        bits: int = 10,
        height: int = 640,
    ):
        """Make the widget.

        height: of the widget, in CSS pixels, at least 200.
        All other arguments, and what is raised, are those of `animated.explorer.export`.
        """
        check_integer("height", height, 200)
        content = Content(
            layouts,
            labels=labels,
            images=images,
            epochs=epochs,
            neighbors=neighbors,
            columns=columns,
            components=components,
            title=title,
            bits=bits,
        )
        # All is set here, as one message opens the widget; only what changes is sent later.
        super().__init__(
            _esm=bundle(FOLDER / "widget.js"),
            template=find_fragment(read_part("page.html")),
            style_sheet=read_part("explorer.css"),
            header=content.header,
            blocks=content.pack(),
            height=int(height),
            selection=[],
            epoch=(content.layouts[0].epochs or [0])[-1],
        )

    @traitlets.validate("selection")
    def _check_selection(self, proposal: dict[str, Any]) -> list[int]:
        """Return the proposed points in order, each once, as JSON can keep them."""
        size = self.header["size"]
        selection = np.unique(np.asarray(proposal["value"]))
        if selection.size and selection.dtype.kind not in "iu":
            raise ValueError(f"selection must be numbers of points, got {selection.dtype}")
        if selection.size and not (selection[0] >= 0 and selection[-1] < size):
            got = f"{selection[0]} to {selection[-1]}"
            raise ValueError(f"selection must be numbers of points, 0 to {size - 1}, got {got}")
        return selection.tolist()
