"""Two columns as axes: the data cube seen from one of its faces."""

from collections.abc import Iterable, Sequence

import numpy as np

from animated.validation import OnEpoch, check_arguments, check_features, check_integer, is_integer


def pixels(
    X: np.ndarray,
    *,
    n_components: int = 2,
    n_epochs: int = 0,
    seed: int | None = None,
    on_epoch: OnEpoch | None = None,
    columns: Sequence[int] | None = None,
) -> np.ndarray:
    """Embed `X` by some of its columns, such as two pixels of an image.

        pixels(X, columns=(350, 407))

    X: float32 array (n_samples, n_features), finite.
    n_epochs: 0, since there is nothing to optimise: there is one call of `on_epoch`.
    seed: has no effect.
    on_epoch: called as `on_epoch(0, embedding)`, see `animated.methods`.
    columns: their numbers from 0, one for each component; by default those of largest variance.

    Returns a float32 array (n_samples, n_components).
    Raises ValueError and TypeError for bad arguments.
    """
    X = check_features(X)
    check_arguments(n_components, n_epochs, on_epoch)
    check_integer("n_components", n_components, 1, X.shape[1])
    if n_epochs != 0:
        raise ValueError(f"n_epochs must be 0, as pixels takes no steps, got {n_epochs}")
    columns = pick_columns(X, n_components) if columns is None else columns
    embedding = X[:, check_columns(columns, n_components, X.shape[1])]
    if on_epoch is not None:
        on_epoch(0, embedding.copy())
    return embedding


def pick_columns(X: np.ndarray, n_components: int = 2) -> list[int]:
    """Return the numbers of the columns of largest variance, in decreasing order."""
    variances = X.var(axis=0, dtype=np.float64)
    return np.argsort(-variances, kind="stable")[:n_components].tolist()


def check_columns(columns: Sequence[int], n_components: int, n_features: int) -> list[int]:
    """Return the numbers of columns; raise ValueError unless they are valid and all different."""
    numbers = list(columns) if isinstance(columns, Iterable) else []
    are_valid = all(is_integer(number) and 0 <= number < n_features for number in numbers)
    if not are_valid or len(numbers) != n_components or len(set(numbers)) != n_components:
        raise ValueError(
            f"columns must be {n_components} different numbers from 0 to {n_features - 1}, "
            f"got {columns!r}"
        )
    return numbers
