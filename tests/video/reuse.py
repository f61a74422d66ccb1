"""Which frames are reused: those planted here, which only drawing would undo."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from animated.video.png import encode_png, read_fingerprint, read_frame


def plant(paths: Iterable[Path]) -> None:
    """Blacken frames, but let them carry the fingerprints of what they should show."""
    for path in paths:
        fingerprint = read_fingerprint(path)
        assert fingerprint is not None
        path.write_bytes(encode_png(np.zeros_like(read_frame(path)), fingerprint))


def list_planted(folder: Path) -> list[str]:
    """Return the names of the frames in a folder that are still black."""
    return sorted(path.name for path in folder.glob("*.png") if not read_frame(path).any())
