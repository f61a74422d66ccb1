"""What the callbacks into other libraries share: rebinding functions and reporting epochs.

A library whose loop looks up a function by its name can be observed without being changed: a copy
of the loop finds another function under that name.
"""

from importlib.metadata import version
from types import FunctionType
from typing import Any, NoReturn, Self

import numpy as np
from tqdm.auto import tqdm

from animated.progress import is_hidden
from animated.validation import OnEpoch


def rebind(library: str, function: FunctionType, **names: Any) -> FunctionType:
    """Return a copy of `function` that finds `names` among its module's globals.

        rebind("umap-learn", UMAP.transform, optimize_layout_euclidean=observed)

    The function itself and its module stay as they are: nothing needs to be undone, and a fit in
    another thread notices nothing.

    Raises RuntimeError when the function does not use one of the names, which means that the
    installed version of `library` differs from those that the caller was written for.
    """
    for name in names:
        if name not in function.__code__.co_names:
            refuse(library, f"{function.__name__} does not call {name}")
    copy = FunctionType(
        function.__code__,
        function.__globals__ | names,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def refuse(library: str, reason: str) -> NoReturn:
    """Raise RuntimeError because the installed version of `library` works in another way."""
    raise RuntimeError(
        f"the callback does not fit {library} {version(library)}: {reason}; "
        "install the version that constraints.txt lists"
    )


class EpochReporter:
    """Reports each epoch of one run to `on_epoch`, as a copy, and advances a progress bar.

    It is for loops that show the embedding before every step: those are epochs 0 to n_epochs - 1,
    and what the loop returns is the last one. A `with` statement closes the bar.
    """

    def __init__(
        self, title: str, library: str, n_epochs: int, on_epoch: OnEpoch | None, first: int = 0
    ):
        """Expect `n_epochs` steps of `library`; the progress bar calls the run `title`.

        first: the first epoch to report; a resumed run reports none before it.
        """
        self.library, self.n_epochs, self.on_epoch = library, n_epochs, on_epoch
        self.first = self.epoch = first
        self.is_stopped = False
        self.bar = tqdm(
            total=n_epochs, initial=first, desc=title, unit="epoch", disable=is_hidden()
        )

    def __enter__(self) -> Self:
        """Return the reporter itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the progress bar."""
        self.bar.close()

    def report(self, embedding: np.ndarray) -> bool:
        """Report a copy of `embedding` as the next epoch; return whether the run must stop."""
        if self.epoch > self.first:
            self.bar.update()
        if self.on_epoch is not None:
            self.is_stopped = bool(self.on_epoch(self.epoch, np.array(embedding)))
        self.epoch += 1
        return self.is_stopped

    def finish(self, embedding: np.ndarray) -> np.ndarray:
        """Report the last embedding, unless the run was stopped, and return it as a plain array.

        Raises RuntimeError when the library has not shown the embedding before every step.
        """
        if not self.is_stopped:
            if self.epoch != self.n_epochs:
                refuse(self.library, f"it showed {self.epoch} of {self.n_epochs} steps")
            self.report(embedding)
        return np.array(embedding)
