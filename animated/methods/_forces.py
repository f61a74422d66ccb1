"""Forces between all pairs of points: the sums behind MDS, Sammon's mapping, graphs and t-SNE.

Each pair has an energy that depends on its distance in the embedding and, under some laws, on a
target, the distance that it should have. Points move against the gradient of the total energy.

Each point sums its own forces in the order of the other points, so the number of threads does not
change a bit. Here an embedding is an array of three rows x, y and z, which suits the processor's
vector units; in the plane z is zero.
"""

from collections.abc import Callable

import numpy as np

from animated.methods.declaration import Checkpoint
from animated.neighbors.distances import check_limit
from animated.progress import track
from animated.storage.numba_cache import numba
from animated.validation import OnEpoch, check_arguments, check_features, check_integer, check_seed

# The laws: the energy of two points at distance d with target t.
STRESS = 0  # (d - t)²
SAMMON = 1  # (d - t)² / t, or 0 when t is 0
CHARGE = 2  # -log d, which gives a force of 1 / d
STUDENT = 3  # 1 / (1 + d²), whose sum is the normalisation of t-SNE
NO_TARGETS = np.zeros((1, 1), dtype=np.float32)

# The compiler may reorder sums for the processor's vector units; the order is then fixed.
FAST = {"reassoc", "contract", "nsz", "arcp"}
# The largest share of a step that carries over to the next one.
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
def _separate(Y, i, j):
    """Return the vector from point j to point i, and its length."""
    dx, dy, dz = Y[0, i] - Y[0, j], Y[1, i] - Y[1, j], Y[2, i] - Y[2, j]
    return dx, dy, dz, np.sqrt(dx * dx + dy * dy + dz * dz)


@numba.njit(parallel=True, fastmath=FAST, cache=True)
def sum_energies(law, Y, targets):
    """Return the energy of every point, float64 (n_samples,): the sum over its pairs.

    Each pair is therefore counted twice in the total.

    Y: float64 (3, n_samples). targets: float32 (n_samples, n_samples), or `NO_TARGETS`.
    """
    n = Y.shape[1]
    energies = np.empty(n)
    for i in numba.prange(n):
        total = 0.0
        for j in range(n):
            _, _, _, distance = _separate(Y, i, j)
            target = np.float64(targets[i, j]) if law <= SAMMON else 0.0
            total += _evaluate(law, distance, target)[0] if i != j else 0.0
        energies[i] = total
    return energies


@numba.njit(parallel=True, fastmath=FAST, cache=True)
def sum_forces(law, Y, targets):
    """Return the gradient of the energy of all pairs, float64 (3, n_samples).

    Y and targets are as for `sum_energies`. Two points at the same place exert no force.
    """
    n = Y.shape[1]
    gradient = np.empty((3, n))
    for i in numba.prange(n):
        x = y = z = 0.0
        for j in range(n):
            dx, dy, dz, distance = _separate(Y, i, j)
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
    """Return `X` as features; raise ValueError or TypeError for bad arguments of method `name`."""
    X = check_features(X)
    check_arguments(n_components, n_epochs, on_epoch)
    check_integer("n_components", n_components, 1, 3)
    check_seed(seed)
    check_limit(name, X)
    return X


def start(n_samples: int, n_components: int, spread: float, seed: int | None) -> np.ndarray:
    """Return a Gaussian embedding, float64 (3, n_samples).

    The root mean square of the distances between its points is `spread`.
    """
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
    """Move points step by step with growing momentum, and report every epoch.

    A step is what `find_step` returns for the embedding plus a share of the previous step, which
    grows as k / (k + 3) up to `MOMENTUM`. With a share of 0.9 from the first step on the points
    would overshoot.

    Y: the initial embedding, float64 (3, n_samples). find_step returns an array of this shape.
    title: what the progress bar calls the run.
    longest: how far a point may move in one step.
    checkpoint: saves the embedding and the previous step, and restores them.

    Returns a float32 array (n_samples, n_components).

    Source: Y. Nesterov, "A method for solving the convex programming problem with convergence rate
    O(1/k²)", 1983, for the growth of the share.
    """
    step = np.zeros_like(Y)
    first = 0
    if checkpoint is not None and checkpoint.epoch:
        first = checkpoint.epoch
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
    """Return the energy of all pairs of an embedding, each counted once.

    embedding: (n_samples, up to 3). distances: the targets, float32 (n_samples, n_samples).
    Raises ValueError when the shapes do not match.
    """
    wanted = (len(embedding), len(embedding))
    if distances.shape != wanted:
        raise ValueError(f"distances must have shape {wanted}, got {distances.shape}")
    return float(sum_energies(law, to_rows(embedding), distances).sum() / 2)


def to_rows(embedding: np.ndarray) -> np.ndarray:
    """Return an embedding (n_samples, n_components) as rows x, y and z, float64 (3, n_samples)."""
    Y = np.zeros((3, len(embedding)))
    Y[: embedding.shape[1]] = np.asarray(embedding, dtype=np.float64).T
    return Y


def _finish(Y: np.ndarray, n_components: int) -> np.ndarray:
    return np.ascontiguousarray(Y[:n_components].T, dtype=np.float32)


def _limit(step: np.ndarray, longest: float) -> np.ndarray:
    lengths = np.sqrt((step**2).sum(axis=0))
    return step * np.minimum(1, longest / np.where(lengths > 0, lengths, 1))
