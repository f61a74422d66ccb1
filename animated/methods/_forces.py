"""Forces between all pairs of points: the sums that MDS, Sammon, graph layouts and t-SNE need.

Each pair has an energy that depends on its distance in the layout and, under some laws, on a
target: the distance that it should have. Points move against the gradient of the sum.

Every point sums its own forces, from the first other point to the last, so that the number of
threads does not change a bit. Layouts are kept as three rows x, y and z, which is what processors
like; in the plane z is zero.
"""

from collections.abc import Callable

import numpy as np

from animated.methods.declaration import Checkpoint
from animated.neighbors.distances import check_limit
from animated.numba_cache import numba
from animated.progress import track
from animated.validation import OnEpoch, check_arguments, check_features, check_integer, check_seed

# The laws, and the energy of two points at distance d whose target is t.
STRESS = 0  # (d - t)²
SAMMON = 1  # (d - t)² / t, and nothing when t is 0
CHARGE = 2  # -log d, whose force is 1 / d
STUDENT = 3  # 1 / (1 + d²), what t-SNE normalises by
NO_TARGETS = np.zeros((1, 1), dtype=np.float32)

# A sum may be reordered to suit the processor's vectors: always in the same way.
FAST = {"reassoc", "contract", "nsz", "arcp"}
# The largest share of a step that is kept in the next one.
MOMENTUM = 0.9


@numba.njit(inline="always")
def _evaluate(law, distance, target):
    """Return the energy of a pair, and its derivative divided by the distance."""
    if law == CHARGE:
        return -np.log(distance), -1 / (distance * distance)
    if law == STUDENT:
        weight = 1 / (1 + distance * distance)
        return weight, -2 * weight * weight
    weight = 1.0
    if law == SAMMON:
        weight = 1 / target if target > 0 else 0.0
    gap = distance - target
    return weight * gap * gap, 2 * weight * gap / distance


@numba.njit(inline="always")
def _measure(Y, i, j):
    dx, dy, dz = Y[0, i] - Y[0, j], Y[1, i] - Y[1, j], Y[2, i] - Y[2, j]
    return dx, dy, dz, np.sqrt(dx * dx + dy * dy + dz * dz)


@numba.njit(parallel=True, fastmath=FAST, cache=True)
def sum_energies(law, Y, targets):
    """Return the energies of all points, float64 (n_samples,); a pair counts for each of its two.

    Y: float64 (3, n_samples). targets: float32 (n_samples, n_samples), or `NO_TARGETS`.
    """
    n = Y.shape[1]
    energies = np.empty(n)
    for i in numba.prange(n):
        total = 0.0
        for j in range(n):
            _, _, _, distance = _measure(Y, i, j)
            target = np.float64(targets[i, j]) if law <= SAMMON else 0.0
            total += _evaluate(law, distance, target)[0] if i != j else 0.0
        energies[i] = total
    return energies


@numba.njit(parallel=True, fastmath=FAST, cache=True)
def sum_forces(law, Y, targets):
    """Return the gradient of the energy of all pairs, float64 (3, n_samples).

    Y and targets are as for `sum_energies`. Two points at the same place do not push each other.
    """
    n = Y.shape[1]
    gradient = np.empty((3, n))
    for i in numba.prange(n):
        x = y = z = 0.0
        for j in range(n):
            dx, dy, dz, distance = _measure(Y, i, j)
            target = np.float64(targets[i, j]) if law <= SAMMON else 0.0
            slope = _evaluate(law, distance, target)[1] if distance > 0 else 0.0
            x, y, z = x + slope * dx, y + slope * dy, z + slope * dz
        gradient[0, i], gradient[1, i], gradient[2, i] = x, y, z
    return gradient


def check_input(
    name: str,
    X: np.ndarray,
    n_components: int,
    n_epochs: int,
    seed: int | None,
    on_epoch: OnEpoch | None,
) -> np.ndarray:
    """Return `X` as features; raise ValueError or TypeError for what method `name` cannot take."""
    X = check_features(X)
    check_arguments(n_components, n_epochs, on_epoch)
    check_integer("n_components", n_components, 1, 3)
    check_seed(seed)
    check_limit(name, X)
    return X


def start(n_samples: int, n_components: int, spread: float, seed: int | None) -> np.ndarray:
    """Return a Gaussian layout (3, n_samples) whose points are `spread` apart, root mean square."""
    Y = np.zeros((3, n_samples))
    noise = np.random.default_rng(seed).standard_normal((n_components, n_samples))
    Y[:n_components] = noise * spread / np.sqrt(2 * n_components)
    return Y


def descend(
    Y: np.ndarray,
    find_step: Callable[[np.ndarray], np.ndarray],
    n_epochs: int,
    on_epoch: OnEpoch | None,
    *,
    n_components: int,
    title: str,
    longest: float = np.inf,
    checkpoint: Checkpoint | None = None,
) -> np.ndarray:
    """Move points step by step with normalised momentum, and show every epoch.

    A step is what `find_step` returns for the layout plus a share of the step before, which grows
    as k / (k + 3) up to `MOMENTUM`: in other words a multiple of a mean of all steps, in which the
    latest weigh most. From the first step on, a share of 0.9 would let the points overshoot.

    Y: the first layout, float64 (3, n_samples). find_step returns as much.
    longest: how far a point may move in a step.
    checkpoint: keeps the layout and the step before, and gives them back.

    Returns a float32 array (n_samples, n_components).

    Source: Y. Nesterov, "A method for solving the convex programming problem with convergence rate
    O(1/k²)", 1983, for how the share grows.
    """
    step = np.zeros_like(Y)
    first = 0 if checkpoint is None else checkpoint.epoch
    if first:
        checkpoint.restore(Y=Y, step=step)
    for epoch in track(range(first, n_epochs), title, n_epochs, "epoch", first):
        if checkpoint is not None:
            checkpoint.save(epoch, Y=Y, step=step)
        if on_epoch is not None and on_epoch(epoch, _finish(Y, n_components)):
            return _finish(Y, n_components)
        step = min(MOMENTUM, epoch / (epoch + 3)) * step + find_step(Y)
        step = _limit(step, longest)
        Y = Y + step
    if checkpoint is not None:  # more steps may follow
        checkpoint.save(n_epochs, Y=Y, step=step, now=True)
    embedding = _finish(Y, n_components)
    if on_epoch is not None:
        on_epoch(n_epochs, embedding.copy())
    return embedding


def sum_pairs(law: int, embedding: np.ndarray, distances: np.ndarray) -> float:
    """Return the energy of all pairs of a layout, each of them once.

    embedding: (n_samples, up to 3). distances: the targets, float32 (n_samples, n_samples).
    Raises ValueError when the shapes do not fit.
    """
    wanted = (len(embedding), len(embedding))
    if distances.shape != wanted:
        raise ValueError(f"distances must have shape {wanted}, got {distances.shape}")
    return float(sum_energies(law, to_rows(embedding), distances).sum() / 2)


def to_rows(embedding: np.ndarray) -> np.ndarray:
    """Return an embedding (n_samples, n_components) as a layout, float64 (3, n_samples)."""
    Y = np.zeros((3, len(embedding)))
    Y[: embedding.shape[1]] = np.asarray(embedding, dtype=np.float64).T
    return Y


def _finish(Y: np.ndarray, n_components: int) -> np.ndarray:
    return np.ascontiguousarray(Y[:n_components].T, dtype=np.float32)


def _limit(step: np.ndarray, longest: float) -> np.ndarray:
    lengths = np.sqrt((step**2).sum(axis=0))
    return step * np.minimum(1, longest / np.where(lengths > 0, lengths, 1))
