"""Draw the pictures of a page that are not images of points, as PNG in data URIs."""

import base64
from io import BytesIO

import numpy as np
from PIL import Image

# Positive parts of a component are warm, negative parts cold.
WARM, COLD = (255, 150, 60), (80, 160, 255)
GREY = (128, 128, 128)


def draw_components(components: np.ndarray) -> list[str]:
    """Return float images (count, height, width) as pictures; 0 is transparent."""
    largest = np.abs(components).max(axis=(1, 2), keepdims=True)
    shares = components / np.where(largest > 0, largest, 1)
    colors = np.where(shares[..., None] > 0, WARM, COLD)
    return [_to_uri(*pair) for pair in zip(colors, np.abs(shares), strict=True)]


def draw_ink(ink: np.ndarray) -> str:
    """Return an image, uint8 (height, width), in a grey that shows on black and on white."""
    return _to_uri(np.broadcast_to(GREY, (*ink.shape, 3)), ink / 255)


def _to_uri(colors: np.ndarray, opacity: np.ndarray) -> str:
    """Return a PNG of colours (height, width, 3), 0 to 255, with their opacity, 0 to 1."""
    pixels = np.dstack([colors, np.rint(opacity * 255)]).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
