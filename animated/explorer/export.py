"""A page that holds layouts, labels and images, and everything to look at them: one HTML file."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from animated.explorer.blocks import compress
from animated.explorer.bundle import bundle
from animated.explorer.content import Content
from animated.neighbors.search import Neighbors
from animated.storage.atomic import check_folder, replacing

FOLDER = Path(__file__).parent / "static"
# What a page needs before it can draw anything.
FIRST = ("layout-0", "labels")
PLACEHOLDER = re.compile(r"<!-- \{\{(\w+)\}\} -->|\{\{(\w+)\}\}")


def export(
    layouts: Mapping[str, Any],
    *,
    labels: Iterable | None,
    images: np.ndarray | None = None,
    epochs: int | Iterable[int] | None = None,
    output_path: str | Path,
    neighbors: Neighbors | np.ndarray | None = None,
    columns: pl.DataFrame | pd.DataFrame | Mapping[str, Any] | None = None,
    components: Mapping[str, np.ndarray] | None = None,
    title: str | None = None,
    bits: int = 10,
) -> Path:
    """Write an interactive page of the same points in one or several layouts; return its path.

        export({"UMAP": "data/epochs.parquet", "PCA": layout}, labels=labels, output_path="p.html")

    The page is one file, which a browser opens from disk; it never asks the network for anything.

    layouts: maps names to the path of an epoch store, an `animated.runs.run.Run`, an array (n, 2) or
        (n, 3) of real numbers, or a Polars table with columns x, y and perhaps z; the page shows
        the first at first.
        Stores are shown as they are, others moved and scaled, by one scale, into the unit square.
    labels: (n,), a Polars Series or any sequence, or None; see `animated.validation.to_enum`.
        Missing ones become a category of their own.
    images: uint8 (n, height, width), where 0 is paper and 255 ink, or (n, height, width, 3), RGB;
        at most 128 pixels a side. The page has 16 shades of them.
    epochs: which epochs of the stores to keep: None for all, k for every k-th, or those epochs;
        the last one is always kept.
    neighbors: what `animated.neighbors.search.find_neighbors` returns, or an int array (n, k), nearest
        first; up to ten are kept. Then each point also tells how many of them are nearest to it
        in the layout, too.
    columns: a table of Polars or pandas, or a mapping of names to (n,) numbers; null and NaN are
        missing.
    components: maps names of layouts to float arrays (n_axes, height, width), which the page shows
        beside the axes.
    title: that of the page; None takes the names of the layouts.
    bits: how finely positions before the last epoch are kept, 7 to 15. With ten they are right to
        a 2000th of the layout's side; each bit more takes a sixth more space.

    The same arguments give the same bytes. After an error what was at `output_path` is still there.

    Raises FileNotFoundError when the folder or a store does not exist, and ValueError or TypeError
    for arguments that are not as described, before any work starts.
    """
    check_folder(output_path)
    if Path(output_path).suffix not in (".html", ".htm"):
        raise ValueError(f"output_path must end in .html, got {str(output_path)!r}")
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
    page = make_page(content, FOLDER)
    with replacing(output_path) as temporary:
        temporary.write_bytes(page.encode(errors="xmlcharrefreplace"))
    return Path(output_path)


def make_page(content: Content, folder: Path) -> str:
    """Return the page: page.html of `folder`, its placeholders filled.

    Raises what `animated.explorer.bundle.bundle` raises.
    """
    script, style = bundle(folder / "start.js"), read_part("explorer.css", folder)
    template = read_part("page.html", folder).replace("/* {{css}} */", style)
    packed = {name: to_tag(name, block) for name, block in content.pack().items()}
    first = [packed.pop(name) for name in FIRST if name in packed]
    parts = {
        "csp": make_policy(script, find_style(template)),
        "title": html.escape(content.header["title"]),
        "head": "\n".join([pack_header(content.header), *first]),
        "script": f'<script type="module" async>{script}</script>',
        "blocks": "\n".join(packed.values()),
        "begin": "",
        "end": "",
    }
    # In one go, so that a title which looks like a placeholder stays a title.
    return PLACEHOLDER.sub(lambda match: parts[match[match.lastindex]], template)


def pack_header(header: dict[str, Any]) -> str:
    """Return the header as an element of the page: a block, too, so that its checksum is known."""
    text = json.dumps(header, allow_nan=False, separators=(",", ":"))
    return to_tag("header", compress(text.encode()))


def to_tag(name: str, block: bytes) -> str:
    """Return a block as an element of the page: base85 with commas for <, so no tag can occur."""
    text = base64.b85encode(block).decode().replace("<", ",")
    return f'<script type="text/plain" data-block="{name}">{text}</script>'


def make_policy(script: str, style: str) -> str:
    """Return a policy that lets a browser run this script and this style, and load nothing."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def find_style(template: str) -> str:
    """Return what is between <style> and </style>."""
    return re.search(r"<style>(.*?)</style>", template, re.S)[1]


def find_fragment(template: str) -> str:
    """Return what is between the marks begin and end: the application without the page."""
    return re.search(r"<!-- \{\{begin\}\} -->(.*)<!-- \{\{end\}\} -->", template, re.S)[1].strip()


def read_part(name: str, folder: Path = FOLDER) -> str:
    """Return the text of a file that the page is made of."""
    return (folder / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
