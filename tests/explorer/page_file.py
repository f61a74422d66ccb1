"""Read a page again, as a browser would."""

import base64
import json
import zlib
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image


class Elements(HTMLParser):
    """Collects the text of all elements of a kind, as a browser would."""

    def __init__(self, text: str):
        super().__init__()
        self.scripts: list[tuple[dict, str]] = []
        self.texts: dict[str, str] = {}
        self.tag = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tag = tag
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_data(self, data):
        if self.tag == "script" and self.scripts:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        else:
            self.texts[self.tag] = self.texts.get(self.tag, "") + data

    def handle_endtag(self, tag):
        self.tag = ""


class Page:
    """A page read again: its header and its blocks, inflated."""

    def __init__(self, path: Path):
        self.text = path.read_text(encoding="utf-8")
        self.elements = Elements(self.text)
        scripts = self.elements.scripts
        self.blocks = {
            made["data-block"]: zlib.decompress(base64.b85decode(text.replace(",", "<")))
            for made, text in scripts
            if "data-block" in made
        }
        self.header = json.loads(self.blocks.pop("header"))
        # Without < no byte of a block can be taken for a tag.
        assert not any("<" in text for made, text in scripts if "data-block" in made)
        self.size = self.header["size"]

    def read_numbers(self, name: str) -> np.ndarray:
        """Return 16-bit numbers (n, n_axes)."""
        planes = np.frombuffer(self.blocks[name], np.uint8).astype(int)
        if not self.size:
            return planes.reshape(0, self.header["embeddings"][int(name[-1])]["axes"])
        low, high = planes.reshape(-1, 2, self.size).transpose(1, 2, 0)
        return low + 256 * high

    def read_embedding(self, embedding: int) -> dict[int | None, np.ndarray]:
        """Return the positions at every epoch, followed from the last to the first."""
        about = self.header["embeddings"][embedding]
        codes = self.read_numbers(f"embedding-{embedding}")
        assert codes.shape == (self.size, about["axes"])
        epochs = about["epochs"] or [None]
        positions = {epochs[-1]: (codes - 256) / 65_000}
        for j in reversed(range(len(epochs) - 1)):
            zigzag = self.read_numbers(f"epoch-{embedding}-{j}")
            codes = codes + ((zigzag >> 1) ^ -(zigzag & 1)) * about["step"]
            assert codes.min() >= 0 and codes.max() <= 65_535
            positions[epochs[j]] = (codes - 256) / 65_000
        return positions

    def read_images(self) -> np.ndarray:
        """Return 4-bit values (n, height, width, n_channels)."""
        about = self.header["images"]
        shape = [about[key] for key in ("height", "width", "channels")]
        packed = b"".join(self.blocks[f"images-{i}"] for i in range(about["count"]))
        bytes_ = np.frombuffer(packed, np.uint8).reshape(self.size, -1)
        values = np.stack([bytes_ & 15, bytes_ >> 4], axis=-1).reshape(self.size, -1)
        return values[:, : np.prod(shape)].reshape(self.size, *shape)

    def read_neighbors(self) -> np.ndarray:
        planes = np.frombuffer(self.blocks["neighbors"], np.uint8).reshape(3, self.size, -1)
        return (planes * np.array([1, 256, 65_536])[:, None, None]).sum(axis=0)

    def read_column(self, column: int) -> np.ndarray:
        about = self.header["columns"][column]
        codes = np.frombuffer(self.blocks[f"column-{column}"], np.uint8)
        values = about["min"] + codes / 254 * (about["max"] - about["min"])
        return np.where(codes == 255, np.nan, values)


def read_uri(uri: str) -> np.ndarray:
    """Return a picture of the header, uint8 (height, width, 4)."""
    kind, text = uri.split(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(BytesIO(base64.b64decode(text))).convert("RGBA"))
