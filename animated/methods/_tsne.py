"""t-SNE with a callback, and the loss that it minimises."""

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from openTSNE.affinity import PerplexityBasedNN
from openTSNE.nearest_neighbors import PrecomputedNeighbors
from scipy.sparse import csr_matrix
from scipy.special import xlogy

from animated.methods._forces import NO_TARGETS, STUDENT, sum_energies, to_rows
from animated.methods._hooks import EpochReporter
from animated.methods._tsne_callback import ObservableTSNE
from animated.methods.declaration import Checkpoint, declare
from animated.neighbors.search import Neighbors, cut_neighbors, find_neighbors
from animated.validation import (
    OnEpoch,
    check_arguments,
    check_features,
    check_integer,
    check_pca,
    check_seed,
)

BARNES_HUT = ("bh", "BH", "barnes-hut")


# Without a given number, how many steps exaggerate depends on how many steps there are.
@declare(
    libraries=("openTSNE",),
    is_extendable=lambda parameters: "early_exaggeration_iter" in parameters,
)
def tsne(
    X: np.ndarray,
    *,
    n_components: int = 2,
    n_epochs: int,
    seed: int | None,
    on_epoch: OnEpoch | None = None,
    checkpoint: Checkpoint | None = None,
    perplexity: float = 30,
    neighbors: Neighbors | None = None,
    early_exaggeration_iter: int | None = None,
    **parameters: Any,
) -> np.ndarray:
    """Embed `X` with t-SNE, and report every epoch.

        tsne(X, n_epochs=750, seed=42, on_epoch=print, perplexity=50)

    X: float32 array (n_samples, n_features), finite.
    n_components: 1, 2 or 3; in 3-D the gradient is always the Barnes-Hut approximation.
    n_epochs: optimisation steps, 0 or more, including those with early exaggeration; there are
        n_epochs + 1 calls of `on_epoch`.
    seed: the same seed gives the same bytes on the same machine.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.
    checkpoint: saves the state, and resumes from the one that it has, see
        `animated.methods.declaration.Checkpoint`.
    perplexity: the effective number of neighbours, from 1 to a third of all other samples.
    neighbors: what `animated.neighbors.search.find_neighbors` returned for the same `X`, at least
        3 * perplexity + 1 of them; `X` then determines only the initial embedding. None lets
        openTSNE search in every fit, approximately from 1,000 samples on.
    early_exaggeration_iter: how many of the first steps exaggerate the attraction, from 0 to
        n_epochs; None is a third of all, but at most openTSNE's own number, 250.
    parameters: passed to `openTSNE.TSNE`, such as learning_rate, exaggeration, initialization.

    The default of n_jobs is -1, all cores, with `neighbors` or without a seed; the number of cores
    then changes no byte. It is 1 for a seeded run without `neighbors`, because the result of
    openTSNE's own search depends on it. The initial embedding is by PCA, whose last digits depend
    on the number of threads of NumPy's BLAS.

    Returns a float64 array (n_samples, n_components), bit for bit what `openTSNE.TSNE` returns
    for the same arguments, with or without a callback.
    Raises ValueError and TypeError for bad arguments, and RuntimeError when the installed
    openTSNE no longer works the way the callback needs.

    Sources: van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008;
    Poličar, Stražar and Zupan, "openTSNE: A Modular Python Library for t-SNE Dimensionality
    Reduction and Embedding", Journal of Statistical Software 109, 2024.
    """
    check_arguments(n_components, n_epochs, on_epoch)
    check_integer("n_components", n_components, 1, 3)
    check_seed(seed)
    X = _check_samples(X, n_components, perplexity, parameters)
    if early_exaggeration_iter is None:
        early_exaggeration_iter = min(250, n_epochs // 3)
    check_integer("early_exaggeration_iter", early_exaggeration_iter, 0, n_epochs)
    if n_components == 3:
        parameters = parameters | {"negative_gradient_method": _choose_in_3d(parameters)}
    model = ObservableTSNE(
        n_components=n_components,
        perplexity=perplexity,
        early_exaggeration_iter=early_exaggeration_iter,
        n_iter=n_epochs - early_exaggeration_iter,
        random_state=seed,
        callbacks=None,  # openTSNE's own could stop the run without our noticing
        **{"n_jobs": 1 if neighbors is None and seed is not None else -1} | parameters,
    )
    affinities = None
    if neighbors is not None:
        affinities = _find_affinities(neighbors, len(X), perplexity, model.n_jobs)
    model.checkpoint = checkpoint
    first = 0 if checkpoint is None else checkpoint.epoch
    with EpochReporter("t-SNE", "openTSNE", n_epochs, on_epoch, first) as reporter:
        model.report = reporter.report
        return reporter.finish(model.fit(X, affinities))


def find_affinities(
    X: np.ndarray, perplexity: float = 30, neighbors: Neighbors | None = None, n_jobs: int = -1
) -> csr_matrix:
    """Return the joint probabilities p_ij of t-SNE: how similar every two samples are.

    X: float32 array (n_samples, n_features), finite.
    perplexity: the effective number of neighbours, from 1 to a third of all other samples.
    neighbors: what `animated.neighbors.search.find_neighbors` returned for the same `X`, at least
        3 * perplexity + 1 of them; None searches.
    n_jobs: threads, -1 for all cores; their number changes no byte.

    Returns a symmetric float64 CSR matrix (n_samples, n_samples) whose sum is 1.
    Raises ValueError for a perplexity out of range and for too few neighbours.

    Source: van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008, section 2.
    """
    X = check_features(X)
    # find_neighbors leaves at least one sample out.
    _check_perplexity(perplexity, (len(X) - (2 if neighbors is None else 1)) / 3)
    if neighbors is None:
        neighbors = find_neighbors(X, _count_neighbors(perplexity))
    return _find_affinities(neighbors, len(X), perplexity, n_jobs).P


def kl_divergence(affinities: csr_matrix, embedding: np.ndarray) -> float:
    """Return the loss of t-SNE, the Kullback-Leibler divergence of an embedding from its data.

    KL(P||Q) = Σ p_ij log(p_ij / q_ij)  with  q_ij = (1 + |y_i - y_j|²)⁻¹ / Z
    and Z = Σ (1 + |y_i - y_j|²)⁻¹, where both sums run over all i ≠ j. It is exact.

    affinities: what `find_affinities` returned, CSR (n_samples, n_samples).
    embedding: array (n_samples, 1 to 3), finite.

    It takes O(n_samples²) time and, besides the affinities, O(n_samples) memory. It uses all cores;
    their number does not change a bit.
    Raises ValueError when the shapes do not fit.

    Source: van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008, equations
    2 and 4.
    """
    n_samples = affinities.shape[0]
    if np.shape(embedding) not in [(n_samples, n_components) for n_components in (1, 2, 3)]:
        raise ValueError(
            f"embedding must have shape ({n_samples}, 1 to 3), got {np.shape(embedding)}"
        )
    Y = to_rows(embedding)
    pairs = affinities.tocoo()
    squares = ((Y[:, pairs.row] - Y[:, pairs.col]) ** 2).sum(axis=0)
    attraction = (xlogy(pairs.data, pairs.data) + pairs.data * np.log1p(squares)).sum()
    normalisation = np.log(sum_energies(STUDENT, Y, NO_TARGETS).sum())
    return float(attraction + pairs.data.sum() * normalisation)


def _find_affinities(
    neighbors: Neighbors, n_samples: int, perplexity: float, n_jobs: int
) -> PerplexityBasedNN:
    cut = cut_neighbors(neighbors, n_samples, _count_neighbors(perplexity))
    # openTSNE does not count a sample among its own neighbours.
    index = PrecomputedNeighbors(cut.indices[:, 1:], cut.distances[:, 1:])
    return PerplexityBasedNN(perplexity=perplexity, knn_index=index, n_jobs=n_jobs)


def _count_neighbors(perplexity: float) -> int:
    """Return how many neighbours openTSNE uses, plus one for the sample itself."""
    return int(3 * perplexity) + 1


def _check_perplexity(perplexity: float, most: float) -> None:
    # openTSNE would lower a perplexity that is too high, and only log that.
    is_number = isinstance(perplexity, Real) and not isinstance(perplexity, bool)
    if not is_number or not 1 <= perplexity <= most:
        raise ValueError(f"perplexity must be a number from 1 to {most:.4g}, got {perplexity!r}")


def _check_samples(
    X: np.ndarray, n_components: int, perplexity: float, parameters: dict[str, Any]
) -> np.ndarray:
    """Return `X` as features; raise ValueError if they are too few, or equal, for t-SNE."""
    X = check_features(X)
    if len(X) < 4:
        raise ValueError(f"X must have at least 4 samples for t-SNE, got {len(X)}")
    _check_perplexity(perplexity, (len(X) - 1) / 3)
    start = parameters.get("initialization", "pca")
    if isinstance(start, str) and start == "pca":
        check_pca(X, n_components, "; initialization='random' needs none")
    return X


def _choose_in_3d(parameters: dict[str, Any]) -> str | Callable:
    """Return the gradient's method in 3-D, where openTSNE's own choice fails for many samples."""
    method = parameters.get("negative_gradient_method", "auto")
    if isinstance(method, str) and method == "auto":
        return "bh"
    if not callable(method) and method not in BARNES_HUT:
        raise ValueError(f"negative_gradient_method must be 'bh' in 3-D, got {method!r}")
    return method
