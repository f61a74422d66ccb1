"""Which fonts the texts of a plot are drawn in, as that differs from machine to machine.

plotnine's own themes ask for Helvetica, which some machines have, and take DejaVu Sans elsewhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import product
from pathlib import Path

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from plotnine import theme_get

from animated.plots.fingerprints import join_hashes
from animated.plots.templates import Template

WEIGHTS = ("normal", "bold")
STYLES = ("normal", "italic")


@lru_cache(maxsize=16)
def hash_fonts(template: Template) -> str:
    """Return a digest that differs when matplotlib finds other fonts for the texts of a plot."""
    paths = {
        Path(findfont(FontProperties(family=names, weight=weight, style=style)))
        for names in _find_families(template)
        for weight, style in product(WEIGHTS, STYLES)
    }
    return join_hashes(sorted(map(_describe, paths)))


@contextmanager
def explaining_fonts() -> Iterator[None]:
    """Name the font when the block fails because one is damaged.

    Raises ValueError.
    """
    try:
        yield
    except RuntimeError as error:
        damaged = _find_damaged() if "FT_" in str(error) else []
        if not damaged:
            raise
        raise ValueError(f"{damaged[0]!r} is a damaged font: replace or remove it") from error


def _find_families(template: Template) -> list[list[str]]:
    """Return the families that a plot names, each as the names that matplotlib looks for."""
    theme = template.plot.theme or theme_get()
    settings = mpl.rcParams | theme.rcParams
    layers = [getattr(layer.geom, "aes_params", {}) for layer in template.plot.layers]
    texts = [getattr(part, "properties", {}) for part in theme.themeables.values()]
    named = [settings["font.family"], *(part.get("family") for part in (*layers, *texts))]
    families = {
        family for names in named for family in ([names] if isinstance(names, str) else names or [])
    }
    # A name such as "serif" stands for several.
    return [list(settings.get(f"font.{family}", [family])) for family in sorted(families)]


def _describe(path: Path) -> str:
    # Those that matplotlib brings are those of its version, which is known.
    return path.name if path.is_relative_to(mpl.get_data_path()) else _hash_file(path)


@lru_cache(maxsize=64)
def _hash_file(path: Path) -> str:
    return join_hashes([path.read_bytes()])


def _find_damaged() -> list[str]:
    """Return the paths of the fonts that matplotlib would use, but cannot read."""
    return [font.fname for font in fontManager.ttflist if not _is_readable(font.fname)]


def _is_readable(path: str) -> bool:
    try:
        FT2Font(path)
    except RuntimeError:
        return False
    except OSError:  # it is gone, and matplotlib takes another
        pass
    return True
