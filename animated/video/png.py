"""PNGs that carry the fingerprint of what they show, and are read only if every bit is intact."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from zlib_ng import zlib_ng

# The compression level, at which a frame of a million pixels takes a few milliseconds. igzip is
# faster, but does not always produce the same bytes.
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
    """Return the fingerprint that a frame carries, or None if there is no intact frame."""
    try:
        chunks = split_png(path.read_bytes())
    except (OSError, ValueError):
        return None
    keyword, _, fingerprint = chunks.get(b"tEXt", b"").partition(b"\0")
    return fingerprint.decode("latin-1") if keyword == b"fingerprint" else None


@contextmanager
def explaining_damage(path: str | Path) -> Iterator[None]:
    """Raise a ValueError that names `path` when Pillow fails because of what is in the file."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the system could not read the file, and the error says so
        raise ValueError(
            f"{str(path)!r} is damaged or not a picture: run again what made it"
        ) from error


def split_png(content: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a PNG by their types, having verified all checksums.

    Raises ValueError when the content is not a PNG, or differs from its checksums in a single bit.
    """
    if not content.startswith(PNG_START):
        raise ValueError("the content is not a PNG")
    chunks, kind, start = {}, b"", len(PNG_START)
    while kind != b"IEND":
        length, kind = content[start : start + 4], content[start + 4 : start + 8]
        chunks[kind] = content[start + 8 : start + 8 + int.from_bytes(length, "big")]
        chunk = _make_chunk(kind, chunks[kind])
        if not content.startswith(chunk, start):
            raise ValueError(f"chunk {kind!r} of the PNG is damaged")
        start += len(chunk)
    return chunks


def encode_png(pixels: np.ndarray, fingerprint: str) -> bytes:
    """Return uint8 pixels (height, width, 3) as a PNG that carries a fingerprint.

    Rows are not filtered. As a frame is mostly of one colour, this takes a tenth of Pillow's time.

    Source: Portable Network Graphics Specification, third edition, W3C, 2025.
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    chunks = [
        _make_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        _make_chunk(b"tEXt", b"fingerprint\0" + fingerprint.encode()),
        _make_chunk(b"IDAT", zlib_ng.compress(rows, LEVEL)),
    ]
    return PNG_START + b"".join(chunks) + PNG_END


def _make_chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib_ng.crc32(content, zlib_ng.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


PNG_END = _make_chunk(b"IEND", b"")
