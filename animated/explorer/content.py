"""What a page shows, as a header and blocks; both the page and the widget are made of it."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Unpack

import joblib
import numpy as np

from animated.explorer import blocks, header
from animated.explorer.checks import (
    Column,
    check_columns,
    check_components,
    check_images,
    check_labels,
    check_neighbors,
)
from animated.explorer.embeddings import Embedding, open_embeddings
from animated.explorer.options import PageOptions, check_options
from animated.palette import adapt, get_colormap
from animated.progress import track
from animated.validation import check_integer

VERSION = 1

Part = tuple[str, Callable[[], bytes]]


class Content:
    """Everything that a page shows.

    header: what the browser has to know before it reads a block, a dict that JSON can hold.
    """

    def __init__(self, embeddings: Mapping[str, Any], **options: Unpack[PageOptions]):
        """Check all arguments, which `animated.explorer.export.export` describes.

        The work is left to `pack`.
        """
        check_options(options)
        bits, title = options.get("bits", 10), options.get("title")
        check_integer("bits", bits, blocks.LEAST_BITS, blocks.MOST_BITS)
        if not isinstance(title, str | None):
            raise TypeError(f"title must be text or None, got {title!r}")
        self.step = 2 ** (16 - bits)
        self.embeddings = open_embeddings(embeddings, options.get("epochs"))
        self.size = self.embeddings[0].size
        self.labels = check_labels(options["labels"], self.size)
        self.images = check_images(options.get("images"), self.size)
        self.neighbors = check_neighbors(options.get("neighbors"), self.size)
        self.columns = check_columns(options.get("columns"), self.size)
        self.components = check_components(options.get("components"), self.embeddings)
        self.parts = list(self._list_parts())
        self.header = self._make_header(", ".join(embeddings) if title is None else title)

    def pack(self) -> dict[str, bytes]:
        """Return all blocks by name, deflated, in their order; a bar shows the progress."""
        made = (joblib.delayed(blocks.compress)(make()) for _, make in self.parts)
        parallel = joblib.Parallel(n_jobs=-1, prefer="threads", return_as="generator")
        packed = track(parallel(made), "Packing", len(self.parts), unit="block")
        return {name: block for (name, _), block in zip(self.parts, packed, strict=True)}

    def _list_parts(self) -> Iterator[Part]:
        """Yield the name of each block and a function that makes it, in the order of need."""
        first, *others = (
            (f"embedding-{i}", partial(_pack_last, one)) for i, one in enumerate(self.embeddings)
        )
        yield first
        if self.labels:
            yield "labels", partial(blocks.pack_numbers, self.labels.codes)
        if self.images is not None:
            yield from _list_images(self.images)
        yield from others
        for i, column in enumerate(self.columns):
            yield f"column-{i}", partial(_pack_column, column)
        if self.neighbors is not None:
            yield from self._list_neighbors(self.neighbors)
        for i, embedding in enumerate(self.embeddings):
            yield from _list_epochs(i, embedding, self.step)

    def _list_neighbors(self, neighbors: np.ndarray) -> Iterator[Part]:
        for i, embedding in enumerate(self.embeddings, len(self.columns)):
            yield f"column-{i}", partial(_pack_kept, embedding, neighbors)
        yield "neighbors", partial(blocks.pack_indices, neighbors)

    def _make_header(self, title: str) -> dict[str, Any]:
        n_neighbors = 0 if self.neighbors is None else self.neighbors.shape[1]
        n_kept = len(self.embeddings) if n_neighbors else 0
        return {
            "version": VERSION,
            "title": title,
            "size": self.size,
            "label": None if self.labels is None else header.describe_labels(self.labels),
            "images": None if self.images is None else header.describe_images(self.images),
            "neighbors": n_neighbors,
            "columns": list(header.describe_columns(self.columns, n_kept)),
            "colormap": adapt(get_colormap()),
            "embeddings": [self._describe(embedding) for embedding in self.embeddings],
            "blocks": [name for name, _ in self.parts],
        }

    def _describe(self, embedding: Embedding) -> dict[str, Any]:
        components = self.components.get(embedding.name)
        return header.describe_embedding(embedding, self.labels, components, self.step)


def _list_images(images: np.ndarray) -> Iterator[Part]:
    chunk = header.count_in_chunk(images)
    for i, start in enumerate(range(0, len(images), chunk)):
        yield f"images-{i}", partial(blocks.pack_images, images[start : start + chunk])


def _list_epochs(i: int, embedding: Embedding, step: int) -> Iterator[Part]:
    """Yield the blocks of all epochs except the last, from late to early.

    Each block continues from the one before, so they have to be made in this order.
    """
    frames = (blocks.to_places(embedding.read(epoch)) for epoch in reversed(embedding.epochs))
    moves = blocks.pack_moves(frames, step)
    for j in reversed(range(len(embedding.epochs) - 1)):
        yield f"epoch-{i}-{j}", partial(next, moves)


def _pack_last(embedding: Embedding) -> bytes:
    return blocks.pack_numbers(blocks.to_places(embedding.read_last()))


def _pack_column(column: Column) -> bytes:
    return blocks.pack_column(column.values, column.low, column.high)


def _pack_kept(embedding: Embedding, neighbors: np.ndarray) -> bytes:
    """Return the share of each point's neighbours that are still nearest to it, as a column."""
    # Imported here, as it loads numba.
    from animated.quality.measures import preserved_neighbors, search_embedding

    near = search_embedding(embedding.read_last(), neighbors.shape[1])
    return blocks.pack_column(preserved_neighbors(neighbors, near), 0, 1)
