"""What a page shows, as a header and blocks; the page and the widget both are made of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl

from animated.explorer import blocks
from animated.explorer.checks import (
    Column,
    check_columns,
    check_components,
    check_images,
    check_labels,
    check_neighbors,
)
from animated.explorer.layouts import Layout, open_layouts
from animated.explorer.pictures import draw_components, draw_ink
from animated.neighbors.search import Neighbors
from animated.palette import adapt, get_colormap
from animated.progress import track
from animated.quality.measures import kept_neighbors, search_embedding
from animated.validation import check_integer

VERSION = 1
# So large is a block of images at most, so that the first are there soon.
CHUNK_BYTES = 1_960_000

Part = tuple[str, Callable[[], bytes]]


class Content:
    """All that a page shows.

    header: what the page has to know before it reads a block, as JSON can keep it.
    """

    def __init__(
        self,
        layouts: Mapping[str, Any],
        *,
        labels: Iterable | None,
        images: np.ndarray | None,
        epochs: int | Iterable[int] | None,
        neighbors: Neighbors | np.ndarray | None,
        columns: pl.DataFrame | pd.DataFrame | Mapping[str, Any] | None,
        components: Mapping[str, np.ndarray] | None,
        title: str | None,
        bits: int,
    ):
        """Check all arguments, which `animated.explorer.export` describes; `pack` does the work."""
        check_integer("bits", bits, blocks.LEAST_BITS, blocks.MOST_BITS)
        if not isinstance(title, str | None):
            raise TypeError(f"title must be text or None, got {title!r}")
        self.step = 2 ** (16 - bits)
        self.layouts = open_layouts(layouts, epochs)
        self.size = self.layouts[0].size
        self.labels = check_labels(labels, self.size)
        self.images = check_images(images, self.size)
        self.neighbors = check_neighbors(neighbors, self.size)
        self.columns = check_columns(columns, self.size)
        self.components = check_components(components, self.layouts)
        self.parts = list(self._list_parts())
        self.header = self._make_header(", ".join(layouts) if title is None else title)

    def pack(self) -> dict[str, bytes]:
        """Return all blocks, deflated, in their order, while a bar shows how many are done."""
        made = (joblib.delayed(blocks.compress)(make()) for _, make in self.parts)
        parallel = joblib.Parallel(n_jobs=-1, prefer="threads", return_as="generator")
        packed = track(parallel(made), "Packing", len(self.parts), unit="block")
        return {name: block for (name, _), block in zip(self.parts, packed, strict=True)}

    def _list_parts(self) -> Iterator[Part]:
        """Yield the name of each block and what makes it, in the order in which they are needed."""
        places = [
            (f"layout-{i}", partial(_pack_last, layout)) for i, layout in enumerate(self.layouts)
        ]
        yield places[0]
        if self.labels:
            yield "labels", partial(blocks.pack_numbers, self.labels.codes)
        yield from self._list_images()
        yield from places[1:]
        yield from self._list_columns()
        if self.neighbors is not None:
            yield "neighbors", partial(blocks.pack_indices, self.neighbors)
        for i, layout in enumerate(self.layouts):
            yield from _list_epochs(i, layout, self.step)

    def _list_images(self) -> Iterator[Part]:
        if self.images is not None:
            for i, start in enumerate(range(0, self.size, self._chunk)):
                chunk = self.images[start : start + self._chunk]
                yield f"images-{i}", partial(blocks.pack_images, chunk)

    def _list_columns(self) -> Iterator[Part]:
        for i, column in enumerate(self.columns):
            yield f"column-{i}", partial(_pack_column, column)
        if self.neighbors is not None:
            for i, layout in enumerate(self.layouts, len(self.columns)):
                yield f"column-{i}", partial(_pack_kept, layout, self.neighbors)

    @cached_property
    def _mean(self) -> np.ndarray:
        """The mean of all images, of their first channel, uint8 (height, width)."""
        first = self.images[..., 0]
        mean = first.mean(axis=0) if self.size else np.zeros(first.shape[1:])
        return np.rint(mean).astype(np.uint8)

    @property
    def _chunk(self) -> int:
        """How many images are in a block."""
        n_values = int(np.prod(self.images.shape[1:]))
        return max(1, CHUNK_BYTES // ((n_values + 1) // 2))

    def _make_header(self, title: str) -> dict[str, Any]:
        return {
            "version": VERSION,
            "title": title,
            "size": self.size,
            "label": self._describe_labels(),
            "images": self._describe_images(),
            "neighbors": 0 if self.neighbors is None else self.neighbors.shape[1],
            "columns": list(self._describe_columns()),
            "colormap": adapt(get_colormap()),
            "layouts": [self._describe_layout(layout) for layout in self.layouts],
            "blocks": [name for name, _ in self.parts],
        }

    def _describe_labels(self) -> dict[str, Any] | None:
        if self.labels is None:
            return None
        name, categories, colors, codes = self.labels
        counts = np.bincount(codes, minlength=len(categories))
        # One of each class to show: the middle one in the order of points.
        places = np.cumsum(counts) - counts + counts // 2
        samples = np.append(codes.argsort(kind="stable"), -1)[np.minimum(places, len(codes))]
        return {
            "name": name,
            "categories": categories,
            "colors": adapt(colors),
            "counts": counts.tolist(),
            "samples": np.where(counts > 0, samples, -1).tolist(),
        }

    def _describe_images(self) -> dict[str, Any] | None:
        if self.images is None:
            return None
        height, width, channels = self.images.shape[1:]
        count = -(-self.size // self._chunk)
        return {
            "width": width,
            "height": height,
            "channels": channels,
            "chunk": self._chunk,
            "count": count,
            "footprint": blocks.measure_footprint(self._mean),
            "mean": draw_ink(self._mean),
            "pixels": [height * part // 20 * width + width // 2 for part in (8, 13)],
        }

    def _describe_columns(self) -> Iterator[dict[str, Any]]:
        for column in self.columns:
            yield {"name": column.name, "min": column.low, "max": column.high, "layout": None}
        if self.neighbors is not None:
            for i in range(len(self.layouts)):
                yield {"name": "neighbors kept", "min": 0, "max": 1, "layout": i}

    def _find_middles(self, positions: np.ndarray) -> list[list[int]] | None:
        if self.labels is None:
            return None
        return blocks.find_middles(positions, self.labels.codes, len(self.labels.categories))

    def _describe_layout(self, layout: Layout) -> dict[str, Any]:
        components = self.components.get(layout.name)
        last = layout.read_last()
        return {
            "name": layout.name,
            "axes": layout.n_axes,
            "epochs": layout.epochs,
            "isThinned": layout.is_thinned,
            "step": self.step,
            "bounds": blocks.measure_bounds(last),
            "middles": self._find_middles(last),
            "pictures": None if components is None else draw_components(components),
        }


def _list_epochs(i: int, layout: Layout, step: int) -> Iterator[Part]:
    """Yield the blocks of all epochs but the last, the later first.

    Each leads on from the one before, so they have to be made in this order.
    """
    frames = (blocks.to_places(layout.read(epoch)) for epoch in reversed(layout.epochs))
    moves = blocks.pack_moves(frames, step)
    for j in reversed(range(len(layout.epochs) - 1)):
        yield f"epoch-{i}-{j}", partial(next, moves)


def _pack_last(layout: Layout) -> bytes:
    return blocks.pack_numbers(blocks.to_places(layout.read_last()))


def _pack_column(column: Column) -> bytes:
    return blocks.pack_column(column.values, column.low, column.high)


def _pack_kept(layout: Layout, neighbors: np.ndarray) -> bytes:
    """Return which share of its neighbours in the data each point has beside it in the layout."""
    near = search_embedding(layout.read_last(), neighbors.shape[1])
    return blocks.pack_column(kept_neighbors(neighbors, near), 0, 1)
