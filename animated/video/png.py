"""PNGs that carry what they show as a fingerprint, and are read only when every bit is right."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from zlib_ng import zlib_ng

# Of compression: a frame of a million pixels takes a few milliseconds. What is faster, igzip, gives
# other bytes now and then.
LEVEL = 2
PNG_START = b"\x89PNG\r\n\x1a\n"


def read_frame(path: str | Path) -> np.ndarray:
    """Return a picture as a uint8 array (height, width, 3).

    Raises ValueError when it is damaged, and OSError when it cannot be read.
    """
    content = Path(path).read_bytes()
    with explaining_damage(path):
        if content.startswith(PNG_START):
            split_png(content)  # Pillow overlooks some damage
        with Image.open(BytesIO(content)) as image:
            return np.asarray(image.convert("RGB"))


def read_fingerprint(path: Path) -> str | None:
    """Return the fingerprint that a frame carries, or None when there is no whole frame."""
    try:
        chunks = split_png(path.read_bytes())
    except (OSError, ValueError):
        return None
    keyword, _, mark = chunks.get(b"tEXt", b"").partition(b"\0")
    return mark.decode("latin-1") if keyword == b"fingerprint" else None


@contextmanager
def explaining_damage(path: str | Path) -> Iterator[None]:
    """Turn what Pillow says of a damaged picture into one sentence that names `path`."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system could not read it, and says so
        raise ValueError(
            f"{str(path)!r} is damaged or no picture: run again what made it"
        ) from error


def split_png(content: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a PNG by their kinds, checked bit by bit.

    Raises ValueError when there is anything that the checksums do not vouch for.
    """
    if not content.startswith(PNG_START):
        raise ValueError("there is no PNG")
    chunks, kind, start = {}, b"", len(PNG_START)
    while kind != b"IEND":
        length, kind = content[start : start + 4], content[start + 4 : start + 8]
        chunks[kind] = content[start + 8 : start + 8 + int.from_bytes(length, "big")]
        whole = _chunk_png(kind, chunks[kind])
        if not content.startswith(whole, start):
            raise ValueError(f"chunk {kind!r} of the PNG is damaged")
        start += len(whole)
    return chunks


def encode_png(pixels: np.ndarray, mark: str) -> bytes:
    """Return uint8 pixels (height, width, 3) as a PNG that carries a fingerprint.

    Rows are not filtered: a frame is mostly one colour, and this takes a tenth of Pillow's time.

    Source: Portable Network Graphics Specification, third edition, W3C, 2025.
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    chunks = [
        _chunk_png(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        _chunk_png(b"tEXt", b"fingerprint\0" + mark.encode()),
        _chunk_png(b"IDAT", zlib_ng.compress(rows, LEVEL)),
    ]
    return PNG_START + b"".join(chunks) + PNG_END


def _chunk_png(kind: bytes, content: bytes) -> bytes:
    check = zlib_ng.crc32(content, zlib_ng.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


PNG_END = _chunk_png(b"IEND", b"")
