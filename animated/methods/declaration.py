"""What a run needs to know of a method, declared at the method.

    @declare(libraries=("openTSNE",), is_extendable=lambda parameters: "exaggeration" in parameters)
    def method(X, *, n_components=2, n_epochs, seed, on_epoch=None, checkpoint=None, **parameters):
        ...

`animated.runs.run` asks `get_declaration` and knows no method by name, so a function of your own
can be declared in the same way. This module imports no library.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np

Method = TypeVar("Method", bound=Callable[..., Any])
# The attribute of a function that holds its declaration.
ATTRIBUTE = "declaration"


class Checkpoint(Protocol):
    """What a method uses to save its state and to resume: `animated.runs.checkpoints` has one.

    epoch: the epoch of the saved state, 0 when there is none. A method that is given one starts
        from that state, and the first epoch that it shows is this one.
    """

    epoch: int

    def save(self, epoch: int, *, now: bool = False, **arrays: np.ndarray) -> None:
        """Save the state before the step from `epoch` to the next, if it is time, or `now`."""

    def restore(self, **arrays: np.ndarray) -> None:
        """Fill the arrays with the saved state, in place."""

    def recall(self, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Return the arrays that `compute` returns, now or in the run that was interrupted."""
        ...


@dataclass(frozen=True)
class Declaration:
    """What a run needs to know of a method.

    name: what its stores and plots call it.
    libraries: the distributions, by their names on PyPI, whose versions affect its results, besides
        those that every store records.
    is_extendable: given the method's own parameters, returns whether its first k steps are the same
        however many follow, so that a finished run can be extended by more epochs.
    keeps_state: whether it takes a `checkpoint`, and so can resume from a saved state.
    """

    name: str
    libraries: tuple[str, ...] = ()
    is_extendable: Callable[[Mapping[str, Any]], bool] = lambda parameters: False
    keeps_state: bool = False


def declare(
    *,
    name: str | None = None,
    libraries: tuple[str, ...] = (),
    is_extendable: bool | Callable[[Mapping[str, Any]], bool] = False,
    keeps_state: bool | None = None,
) -> Callable[[Method], Method]:
    """Return a decorator that stores the declaration of a method on the function.

    Arguments are the fields of `Declaration`. The default name is that of the function, and it is
    taken to keep its state if it has a parameter `checkpoint`.
    """
    decide = is_extendable if callable(is_extendable) else lambda parameters: bool(is_extendable)

    def decorate(method: Method) -> Method:
        default = _guess(method)
        state = default.keeps_state if keeps_state is None else keeps_state
        declaration = Declaration(name or default.name, tuple(libraries), decide, state)
        setattr(method, ATTRIBUTE, declaration)
        return method

    return decorate


def get_declaration(method: Callable[..., Any]) -> Declaration:
    """Return the declaration of a method.

    A function without one has no libraries of its own and cannot be extended; it keeps its state
    if it has a parameter `checkpoint`.
    """
    declared = getattr(method, ATTRIBUTE, None)
    return declared if isinstance(declared, Declaration) else _guess(method)


def _guess(method: Callable[..., Any]) -> Declaration:
    name = getattr(method, "__name__", type(method).__name__)
    return Declaration(name, keeps_state="checkpoint" in inspect.signature(method).parameters)
