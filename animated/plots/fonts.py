"""The fonts in which the texts of a plot are drawn, which differ from machine to machine.

plotnine's own themes ask for Helvetica, which some machines have, and fall back to DejaVu Sans.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from plotnine import theme_get

from animated.plots.fingerprints import join_hashes
from animated.plots.templates import Template

WEIGHTS = ("normal", "bold")
STYLES: tuple[Literal["normal", "italic"], ...] = ("normal", "italic")


@lru_cache(maxsize=16)
def hash_fonts(template: Template) -> str:
    """Return a fingerprint of the fonts that matplotlib finds for the texts of a plot."""
    paths = {
        Path(findfont(FontProperties(family=names, weight=weight, style=style)))
        for names in _find_families(template)
        for weight, style in product(WEIGHTS, STYLES)
    }
    return join_hashes(sorted(map(_describe, paths)))


@contextmanager
def explaining_fonts() -> Iterator[None]:
    """Raise a ValueError that names the font when the block fails because of a damaged one."""
    try:
        yield
    except RuntimeError as error:
        damaged = _find_damaged() if "FT_" in str(error) else []
        if not damaged:
            raise
        raise ValueError(f"{damaged[0]!r} is a damaged font: replace or remove it") from error


def _find_families(template: Template) -> list[list[str]]:
    """Return the families that a plot names, each as the names that matplotlib looks for."""
    theme: Any = template.plot.theme or theme_get()
    settings = mpl.rcParams | theme.rcParams
    layers = [getattr(layer.geom, "aes_params", {}) for layer in template.plot.layers]
    texts = [getattr(part, "properties", {}) for part in theme.themeables.values()]
    named = [settings["font.family"], *(part.get("family") for part in (*layers, *texts))]
    families = {
        family for names in named for family in ([names] if isinstance(names, str) else names or [])
    }
    # A generic name such as "serif" stands for several families.
    return [list(settings.get(f"font.{family}", [family])) for family in sorted(families)]


def _describe(path: Path) -> str:
    """Return the name of a font that comes with matplotlib, whose version is known, else a hash."""
    return path.name if path.is_relative_to(mpl.get_data_path()) else _hash_file(path)


@lru_cache(maxsize=64)
def _hash_file(path: Path) -> str:
    return join_hashes([path.read_bytes()])


def _find_damaged() -> list[str]:
    """Return the paths of the fonts that matplotlib knows but cannot read."""
    return [font.fname for font in fontManager.ttflist if not _is_readable(font.fname)]


def _is_readable(path: str) -> bool:
    try:
        FT2Font(path)
    except RuntimeError:
        return False
    except OSError:  # the file is gone, and matplotlib falls back to another font
        pass
    return True
