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
    """Yield `items` while a bar shows how many of `total` units are done, `n_done` of them before.

    TQDM_DISABLE=1 hides it, as it does everywhere in tqdm but in notebooks.
    """
    about = {"desc": title, "total": total, "unit": unit, "initial": n_done}
    return iter(tqdm(items, **about, disable=is_hidden()))


def is_hidden() -> bool:
    """Return whether the environment asks for no progress bars."""
    return os.environ.get("TQDM_DISABLE", "0") not in ("", "0")


@contextmanager
def hide_bars() -> Iterator[None]:
    """Hide the bars that are made in the block, where one around them tells enough."""
    before = os.environ.get("TQDM_DISABLE")
    os.environ["TQDM_DISABLE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TQDM_DISABLE"]
        else:
            os.environ["TQDM_DISABLE"] = before
