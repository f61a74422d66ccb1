"""From a library's loop to `on_epoch`: the count of the epochs, the copies, the progress bar.

A loop that lets us see the layout *before* every step shows epochs 0 to n_epochs - 1, and the
layout that it returns is the last one.
"""

from typing import Self

import numpy as np
from tqdm.auto import tqdm

from animated.progress import is_hidden
from animated.validation import OnEpoch


class Layouts:
    """The layouts of one run, shown to `on_epoch` within a `with` statement, which ends the bar."""

    def __init__(self, title: str, n_epochs: int, on_epoch: OnEpoch | None, first: int = 0):
        """Expect `n_epochs` steps; the progress bar calls the run `title`.

        first: the epoch that is shown first; a run that is gone on with shows none before it.
        """
        self.title, self.n_epochs, self.on_epoch = title, n_epochs, on_epoch
        self.first = self.n_shown = first
        self.stopped = False

    def __enter__(self) -> Self:
        """Open the progress bar."""
        self.bar = tqdm(
            total=self.n_epochs,
            initial=self.first,
            desc=self.title,
            unit="epoch",
            disable=is_hidden(),
        )
        return self

    def __exit__(self, *error: object) -> None:
        """Close the progress bar."""
        self.bar.close()

    def show(self, layout: np.ndarray) -> bool:
        """Show a copy of `layout` as the next epoch; return whether the run shall stop."""
        if self.n_shown > self.first:
            self.bar.update()
        if self.on_epoch is not None:
            self.stopped = bool(self.on_epoch(self.n_shown, np.array(layout)))
        self.n_shown += 1
        return self.stopped

    def finish(self, layout: np.ndarray) -> np.ndarray:
        """Show the last layout, unless the run was stopped, and return it as a plain array.

        Raises RuntimeError when the library has not shown the layout before every step.
        """
        if not self.stopped:
            if self.n_shown != self.n_epochs:
                raise RuntimeError(
                    f"{self.title} showed {self.n_shown} of {self.n_epochs} steps; "
                    "install the versions that constraints.txt names"
                )
            self.show(layout)
        return np.array(layout)
