"""Put plots and images side by side: two functions to copy into your own project.

They need Pillow and NumPy, and plotnine or matplotlib only if you draw with these.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import BytesIO, TextIOBase
from pathlib import Path
from threading import get_ident
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageColor

ORIENTATIONS = ("horizontal", "vertical")


def combine_plots(
    figures: Iterable[Any],
    output_path: str | os.PathLike | BinaryIO | None = None,
    orientation: str = "horizontal",
    background: Any = None,
) -> Image.Image:
    """Put figures next to each other, or below each other, and save the picture.

        combine_plots([plot, Image.open("photo.png")], "both.png")

    figures: any mixture of plotnine plots, matplotlib figures, PIL images of up to 8 bits per
        channel and uint8 arrays (height, width) or (height, width, 3 or 4). Their sizes in pixels
        do not change, and smaller figures are centred.
    output_path: a path, whose suffix determines the format, or a binary file object, which
        receives a PNG, or None to save nothing. An existing file is replaced atomically.
    orientation: "horizontal" or "vertical".
    background: the colour around smaller figures and behind transparent ones, as a name that PIL
        knows or as (red, green, blue). None picks the most frequent colour along the edges of the
        figures.

    Returns the combined RGB image.
    Raises ValueError when there are no figures or when the orientation, the colour or the format is
    unknown; TypeError when something is not a figure; FileNotFoundError when the folder does not
    exist; PermissionError when it cannot be written to; IsADirectoryError when the path is a
    folder; and OSError when the picture cannot be written, for example to a full disk.
    """
    figures = _check_figures(figures)
    if orientation not in ORIENTATIONS:
        raise ValueError(f"orientation must be 'horizontal' or 'vertical', got {orientation!r}")
    color = _check_background(background)
    _check_output(output_path)
    images = [_to_image(figure) for figure in figures]
    combined = _paste(images, orientation, _pick_background(images) if color is None else color)
    if output_path is not None:
        _save(combined, output_path)
    return combined


def plotnine_to_image(plot: Any) -> Image.Image:
    """Return a plotnine plot as a PIL image, exactly as its `save` draws it."""
    buffer = BytesIO()
    plot.save(buffer, format="png", verbose=False)
    return _load(buffer)


def _matplotlib_to_image(figure: Any) -> Image.Image:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi="figure")
    return _load(buffer)


def _load(buffer: BytesIO) -> Image.Image:
    buffer.seek(0)
    image = Image.open(buffer)
    image.load()
    return image


def _to_image(figure: Any) -> Image.Image:
    if isinstance(figure, Image.Image):
        image = figure
    elif isinstance(figure, np.ndarray):
        image = Image.fromarray(figure)
    elif hasattr(figure, "savefig"):
        image = _matplotlib_to_image(figure)
    else:
        image = plotnine_to_image(figure)
    return image.convert("RGBA")


def _check_figures(figures: Iterable[Any]) -> list[Any]:
    is_one = isinstance(figures, np.ndarray | Image.Image | str | bytes | Mapping)
    if is_one or not isinstance(figures, Iterable):
        raise TypeError(f"figures must be a list of figures, got {_describe(figures)}")
    figures = list(figures)
    if not figures:
        raise ValueError("figures must hold at least one figure, got none")
    for position, figure in enumerate(figures):
        if not _is_figure(figure):
            raise TypeError(
                f"figures[{position}] must be a plotnine plot, a matplotlib figure, an 8-bit PIL "
                f"image or a uint8 array (height, width[, 3 or 4]), got {_describe(figure)}"
            )
    return figures


def _is_figure(figure: Any) -> bool:
    if isinstance(figure, np.ndarray):
        shape = figure.shape
        is_picture = len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))
        return figure.dtype == np.uint8 and is_picture and 0 not in shape
    if isinstance(figure, Image.Image):
        # PIL would turn the larger numbers of modes I and F into white.
        return 0 not in figure.size and not figure.mode.startswith(("I", "F"))
    # Plots are recognised by their methods, so that neither library needs to be installed.
    is_plot = hasattr(figure, "save") and hasattr(figure, "draw")
    return not isinstance(figure, type) and (hasattr(figure, "savefig") or is_plot)


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"a {value.dtype} array of shape {value.shape}"
    if isinstance(value, Image.Image):
        return f"a PIL image of mode {value.mode} and size {value.size}"
    return (
        repr(value) if isinstance(value, str | int | float | tuple | None) else type(value).__name__
    )


def _check_background(background: Any) -> tuple[int, ...] | None:
    """Return a colour as red, green and blue, or None for None."""
    if background is None:
        return None
    with suppress(ValueError, TypeError):
        color = ImageColor.getrgb(background) if isinstance(background, str) else background
        if len(color) in (3, 4) and all(value in range(256) for value in color):
            return tuple(int(value) for value in color[:3])
    raise ValueError(
        f"background must be a colour such as 'black' or (0, 0, 0), got {_describe(background)}"
    )


def _pick_background(images: list[Image.Image]) -> tuple[int, ...]:
    colors, counts = np.unique(
        np.vstack([_edges(image) for image in images]), axis=0, return_counts=True
    )
    opaque = colors[:, 3] == 255
    if not opaque.any():
        return (255, 255, 255)
    return tuple(int(value) for value in colors[opaque][counts[opaque].argmax()][:3])


def _edges(image: Image.Image) -> np.ndarray:
    """Return the pixels along the four edges, slightly inside, as some themes draw a hairline."""
    inset = min(2, (min(image.size) - 1) // 2)
    pixels = np.asarray(image)[inset : image.height - inset, inset : image.width - inset]
    return np.vstack([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _paste(images: list[Image.Image], orientation: str, background: Any) -> Image.Image:
    along, across = (0, 1) if orientation == "horizontal" else (1, 0)
    size = [0, 0]
    size[along] = sum(image.size[along] for image in images)
    size[across] = max(image.size[across] for image in images)
    combined = Image.new("RGB", (size[0], size[1]), background)
    corner = [0, 0]
    for image in images:
        corner[across] = (size[across] - image.size[across]) // 2
        combined.paste(image, (corner[0], corner[1]), mask=image)
        corner[along] += image.size[along]
    return combined


def _check_output(output_path: Any) -> None:
    is_text = isinstance(output_path, TextIOBase)
    if output_path is None or (hasattr(output_path, "write") and not is_text):
        return
    if not isinstance(output_path, str | os.PathLike):
        raise TypeError(f"output_path must be a path, file or None, got {_describe(output_path)}")
    path = Path(output_path)
    if Image.registered_extensions().get(path.suffix.lower()) not in Image.SAVE:
        raise ValueError(f"output_path must end like a picture, as .png does, got {str(path)!r}")
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"the folder of output_path does not exist, got {str(path)!r}")
    if not os.access(path.absolute().parent, os.W_OK):
        raise PermissionError(
            f"the folder of output_path cannot be written to, got {str(path)!r}: choose another"
        )
    if path.is_dir():
        raise IsADirectoryError(f"output_path must name a file, got the folder {str(path)!r}")


def _save(image: Image.Image, output_path: str | os.PathLike | BinaryIO) -> None:
    if hasattr(output_path, "write"):
        image.save(output_path, format="PNG")
        return
    path, buffer = Path(output_path), BytesIO()
    image.save(buffer, format=Image.registered_extensions()[path.suffix.lower()])
    # A save that fails halfway must leave the existing file intact.
    name = f".{path.stem[:40]}-{os.getpid()}-{get_ident()}.partial{path.suffix}"
    temporary = path.with_name(name)
    try:
        temporary.write_bytes(buffer.getbuffer())
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{str(path)!r} could not be written: {reason}") from error
    finally:
        temporary.unlink(missing_ok=True)
