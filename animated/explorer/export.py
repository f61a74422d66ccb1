"""Write embeddings, labels and images as one HTML file, with everything needed to explore them."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from animated.explorer.blocks import compress
from animated.explorer.bundle import bundle
from animated.explorer.content import Content
from animated.explorer.options import PageOptions
from animated.storage.atomic import check_folder, replacing

FOLDER = Path(__file__).parent / "static"
# The blocks that a page needs before it can draw anything.
FIRST = ("embedding-0", "labels")
PLACEHOLDER = re.compile(r"<!-- \{\{(\w+)\}\} -->|\{\{(\w+)\}\}")


def export(
    embeddings: Mapping[str, Any], *, output_path: str | Path, **options: Unpack[PageOptions]
) -> Path:
    """Write an interactive page of one or several embeddings of the same points; return its path.

        export({"UMAP": "data/epochs.parquet", "PCA": X_pca}, labels=labels, output_path="p.html")

    The page is one HTML file that a browser opens from disk, without any request to a network.

    embeddings: maps names to the path of an epoch store, an `animated.runs.run.Run`, an array
        (n, 2) or (n, 3) of real numbers, or a Polars table with columns x, y and optionally z. The
        page opens with the first. Stores are shown as they are; everything else is moved and
        scaled into the unit square, by one scale for all axes.
    output_path: where to write the page; it ends in .html or .htm.

    The options, of which only `labels` is required:

    labels: (n,), a Polars Series or any sequence of text, numbers or dates, or None. Categories are
        sorted as by `animated.validation.to_enum`; missing labels become a category of their own.
    images: uint8 (n, height, width), where 0 is paper and 255 is ink, or (n, height, width, 3) for
        RGB, with sides of at most 128 pixels. The page shows 16 levels per channel.
    epochs: which epochs of the stores to include: None for all, k for every k-th, or a sequence of
        epochs. The last epoch is always included.
    neighbors: the result of `animated.find_neighbors`, or an int array (n, k), nearest first, of
        which up to ten are used. The page draws them, and shows for each point the share of them
        that the embedding preserves.
    columns: a Polars or pandas table, or a mapping of names to (n,) numbers, to colour points by;
        null and NaN count as missing.
    components: maps names of embeddings to float arrays (n_axes, height, width), shown as images at
        the ends of the axes.
    title: the title of the page; by default the names of the embeddings.
    bits: the precision of positions before the last epoch, from 7 to 15, by default 10, which is
        right to a 2000th of the width. Each additional bit takes about a sixth more space.

    The same arguments give the same bytes. If an error occurs, a file that was at `output_path`
    stays as it was.

    Raises FileNotFoundError for a missing folder or store, and ValueError or TypeError for
    arguments that are not as described, before any work starts.
    """
    check_folder(output_path)
    if Path(output_path).suffix not in (".html", ".htm"):
        raise ValueError(f"output_path must end in .html or .htm, got {str(output_path)!r}")
    page = make_page(Content(embeddings, **options), FOLDER)
    with replacing(output_path) as temporary:
        temporary.write_bytes(page.encode(errors="xmlcharrefreplace"))
    return Path(output_path)


def make_page(content: Content, folder: Path) -> str:
    """Return the page of `content`: page.html of `folder` with its placeholders filled.

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
    # All at once, so that a title that looks like a placeholder is not filled.
    return PLACEHOLDER.sub(lambda match: parts[match[1] or match[2]], template)


def pack_header(header: dict[str, Any]) -> str:
    """Return the header as an element of the page: a block like others, so it has a checksum."""
    text = json.dumps(header, allow_nan=False, separators=(",", ":"))
    return to_tag("header", compress(text.encode()))


def to_tag(name: str, block: bytes) -> str:
    """Return a block as an element of the page, in base85 with commas for <: it holds no tag."""
    text = base64.b85encode(block).decode().replace("<", ",")
    return f'<script type="text/plain" data-block="{name}">{text}</script>'


def make_policy(script: str, style: str) -> str:
    """Return a Content-Security-Policy that allows this script and this style, and no request."""
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
    """Return the text between <style> and </style>."""
    return _find(r"<style>(.*?)</style>", template)


def find_fragment(template: str) -> str:
    """Return the explorer without the page around it: the text between {{begin}} and {{end}}."""
    return _find(r"<!-- \{\{begin\}\} -->(.*)<!-- \{\{end\}\} -->", template).strip()


def _find(pattern: str, template: str) -> str:
    match = re.search(pattern, template, re.S)
    if match is None:
        raise ValueError(f"page.html must contain {pattern}, got a template without it")
    return match[1]


def read_part(name: str, folder: Path = FOLDER) -> str:
    """Return the text of one of the files that the page is made of."""
    return (folder / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
