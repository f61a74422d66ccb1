"""The page as a notebook widget, whose selection and epoch Python can read and set."""

from collections.abc import Mapping
from typing import Any, Unpack

import anywidget
import numpy as np
import traitlets

from animated.explorer.bundle import bundle
from animated.explorer.content import Content
from animated.explorer.export import FOLDER, find_fragment, read_part
from animated.explorer.options import PageOptions
from animated.validation import check_integer


class Explorer(anywidget.AnyWidget):
    """The page of `animated.export` as a widget.

        explorer = Explorer({"UMAP": "data/epochs.parquet"}, labels=digits["digit"])
        explorer

    A filter turns the selection into rows of a table, and rows into the selection:

        digits = digits.with_row_index()
        digits.filter(pl.col("index").is_in(explorer.selection))
        explorer.selection = digits.filter(pl.col("digit") == "4")["index"]

    selection: the indices of the selected points, ascending; set it to any sequence of integers.
        `explorer.observe(function, "selection")` calls a function whenever it changes.
    epoch: the epoch shown, at first the last one; 0 for embeddings without epochs.
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
        self, embeddings: Mapping[str, Any], *, height: int = 640, **options: Unpack[PageOptions]
    ):
        """Make the widget.

        height: the height of the widget in CSS pixels, at least 200.

        All other arguments, and the errors raised, are those of `animated.export`.
        """
        check_integer("height", height, 200)
        content = Content(embeddings, **options)
        # One message opens the widget, so everything is set here; later only changes are sent.
        super().__init__(
            _esm=bundle(FOLDER / "widget.js"),
            template=find_fragment(read_part("page.html")),
            style_sheet=read_part("explorer.css"),
            header=content.header,
            blocks=content.pack(),
            height=int(height),
            selection=[],
            epoch=(content.embeddings[0].epochs or [0])[-1],
        )

    @traitlets.validate("selection")
    def _check_selection(self, proposal: dict[str, Any]) -> list[int]:
        """Return the proposed indices, sorted and without duplicates, as a list for JSON."""
        size = self.header["size"]
        selection = np.unique(np.asarray(proposal["value"]))
        if selection.size and selection.dtype.kind not in "iu":
            raise ValueError(f"selection must be indices of points, got {selection.dtype}")
        if selection.size and not (selection[0] >= 0 and selection[-1] < size):
            allowed, got = f"from 0 to {size - 1}", f"{selection[0]} to {selection[-1]}"
            raise ValueError(f"selection must be indices of points, {allowed}, got {got}")
        return selection.tolist()
