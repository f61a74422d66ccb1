"""Progress bars, in a terminal and in a notebook."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm.auto import tqdm


def track(
    items: Iterable[Any],
    title: str,
    total: int | None = None,
    unit: str = "frame",
    n_done: int = 0,
) -> Iterator[Any]:
    """Yield `items` while a progress bar counts them.

        for epoch in track(range(200), "Drawing", unit="epoch"):
            draw(epoch)

    total: how many there are in the end, None for as many as `items` has.
    n_done: how many of them were done before.

    The environment variable TQDM_DISABLE=1 hides the bar. (tqdm itself ignores it in notebooks.)
    """
    is_off = is_hidden()
    return iter(tqdm(items, desc=title, total=total, unit=unit, initial=n_done, disable=is_off))


def is_hidden() -> bool:
    """Return whether the environment asks for no progress bars."""
    return os.environ.get("TQDM_DISABLE", "0") not in ("", "0")


@contextmanager
def hide_bars() -> Iterator[None]:
    """Hide the progress bars that start in the block, because one around them is enough."""
    before = os.environ.get("TQDM_DISABLE")
    os.environ["TQDM_DISABLE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TQDM_DISABLE"]
        else:
            os.environ["TQDM_DISABLE"] = before
