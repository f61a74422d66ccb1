"""t-SNE that shows its every epoch, on openTSNE as it is, and the loss it descends.

openTSNE has callbacks, but each call has it compute the loss too, which with many samples takes
as long as the step itself. Its optimiser, though, may be a subclass, and is handed the function
that gives the gradient. A function around that one sees the layout before every step, for nothing.
"""

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from openTSNE import TSNE, OptimizationInterrupt, TSNEEmbedding
from openTSNE.affinity import PerplexityBasedNN
from openTSNE.nearest_neighbors import PrecomputedNeighbors
from openTSNE.tsne import gradient_descent
from scipy.sparse import csr_matrix
from scipy.special import xlogy

from animated.methods._forces import NO_TARGETS, STUDENT, sum_energies, to_rows
from animated.methods._progress import Layouts
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
    """Embed `X` with t-SNE and show every epoch to `on_epoch`.

    X: float32 array (n_samples, n_features), finite.
    n_components: 1, 2 or 3; in 3-D the gradient is always that of Barnes and Hut.
    n_epochs: optimisation steps, 0 or more, those with early exaggeration included;
        `on_epoch` sees n_epochs + 1 layouts.
    seed: the same seed gives the same bytes on the same machine.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.
    checkpoint: what an interrupted run has kept, to go on with it, see `animated.runs.checkpoints`.
    perplexity: how many neighbours count, from 1 to a third of all other samples.
    neighbors: what `animated.neighbors.search.find_neighbors` returned for the same `X`, at least
        3 * perplexity + 1 of them; `X` then gives only the initial layout.
        None lets openTSNE search them itself in every fit, and not exactly from 1,000 samples.
    early_exaggeration_iter: how many of the first steps exaggerate the attraction, from 0 to
        n_epochs; None makes it a third of all, but 250 at most, which is openTSNE's own number.
    parameters: passed to `openTSNE.TSNE`, such as learning_rate, exaggeration, initialization.

    With `neighbors` or without a seed n_jobs is -1, all cores, and changes no byte. But openTSNE's
    own search finds other neighbours with another n_jobs, so it is 1 for a seeded run that has to
    search. The initial layout is by PCA, whose last digits depend on the threads of NumPy's BLAS.

    Returns a float64 array (n_samples, n_components), bit for bit what `openTSNE.TSNE` returns
    for the same arguments, with or without callback.
    Raises ValueError and TypeError for bad arguments, and RuntimeError when the installed
    openTSNE no longer works the way the callback needs.

    Sources: van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008;
    Poličar, Stražar and Zupan, "openTSNE: A Modular Python Library for t-SNE Dimensionality
    Reduction and Embedding", Journal of Statistical Software 109, 2024.
    """
    X = check_features(X)
    check_arguments(n_components, n_epochs, on_epoch)
    check_integer("n_components", n_components, 1, 3)
    check_seed(seed)
    if len(X) < 4:
        raise ValueError(f"X must have at least 4 samples for t-SNE, got {len(X)}")
    _check_perplexity(perplexity, (len(X) - 1) / 3)
    if isinstance(start := parameters.get("initialization", "pca"), str) and start == "pca":
        check_pca(X, n_components, "; initialization='random' needs none")
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
        callbacks=None,  # openTSNE's own would stop the run unnoticed
        **{"n_jobs": 1 if neighbors is None and seed is not None else -1} | parameters,
    )
    affinities = None
    if neighbors is not None:
        affinities = _find_affinities(neighbors, len(X), perplexity, model.n_jobs)
    model.checkpoint = checkpoint
    first = 0 if checkpoint is None else checkpoint.epoch
    with Layouts("t-SNE", n_epochs, on_epoch, first) as layouts:
        model.show = layouts.show
        return layouts.finish(model.fit(X, affinities))


class ObservableTSNE(TSNE):
    """`openTSNE.TSNE` that before every step calls `show(layout)`, which is True to stop it."""

    show: Callable[[np.ndarray], bool]
    checkpoint: Checkpoint | None = None

    def prepare_initial(self, *args: Any, **kwargs: Any) -> TSNEEmbedding:
        """Return the initial layout, as openTSNE does, with an optimiser that shows its steps."""
        embedding = super().prepare_initial(*args, **kwargs)
        embedding.optimizer = _Descent(self.show, self.checkpoint)
        return embedding


class _Descent(gradient_descent):
    """openTSNE's optimiser, which shows the layout whenever it asks for a gradient to follow."""

    def __init__(self, show: Callable[[np.ndarray], bool], checkpoint: Checkpoint | None):
        super().__init__()
        self.show, self.checkpoint = show, checkpoint
        self.epoch = 0  # openTSNE calls twice, once for the steps with early exaggeration

    def __call__(self, embedding, P, n_iter, objective_function, **parameters):
        steps = iter(range(n_iter))

        def observe(layout, *args, **kwargs):
            # Once more after the last step openTSNE asks, for the loss alone.
            is_step = next(steps, None) is not None
            if self._is_taken(layout, is_step):
                return 0.0, np.zeros_like(layout)
            if is_step and self.show(layout):
                raise OptimizationInterrupt(error=None, final_embedding=layout)
            return objective_function(layout, *args, **kwargs)

        return super().__call__(embedding, P, n_iter, observe, **parameters)

    def _is_taken(self, layout: np.ndarray, is_step: bool) -> bool:
        """Return whether a step was taken before an interruption; keep or restore the state."""
        epoch = self.epoch
        self.epoch += is_step
        if self.checkpoint is None:
            return False
        state = {"layout": layout, "update": self.update, "gains": self.gains}
        if epoch == self.checkpoint.epoch > 0:
            self.checkpoint.restore(**state)
        elif epoch > self.checkpoint.epoch:  # after the last step, more may follow
            self.checkpoint.save(epoch, now=not is_step, **state)
        return epoch < self.checkpoint.epoch


def find_affinities(
    X: np.ndarray, perplexity: float = 30, neighbors: Neighbors | None = None, n_jobs: int = -1
) -> csr_matrix:
    """Return how near every two samples are to t-SNE, as probabilities whose sum is 1.

    X: float32 array (n_samples, n_features), finite.
    perplexity: how many neighbours count, from 1 to a third of all other samples.
    neighbors: what `animated.neighbors.search.find_neighbors` returned for the same `X`, at least
        3 * perplexity + 1 of them; None has it find them.
    n_jobs: threads, -1 for all cores; their number changes no byte.

    Returns a symmetric float64 CSR matrix (n_samples, n_samples), the joint probabilities p_ij
    of van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008.
    Raises ValueError for a perplexity out of range and for too few neighbours.
    """
    X = check_features(X)
    # find_neighbors leaves at least one sample out.
    _check_perplexity(perplexity, (len(X) - (2 if neighbors is None else 1)) / 3)
    if neighbors is None:
        neighbors = find_neighbors(X, _count_neighbors(perplexity))
    return _find_affinities(neighbors, len(X), perplexity, n_jobs).P


def kl_divergence(affinities: csr_matrix, embedding: np.ndarray) -> float:
    """Return the loss of t-SNE, the Kullback-Leibler divergence of a layout from its data.

    KL(P||Q) = Σ p_ij log(p_ij / q_ij)  with  q_ij = (1 + |y_i - y_j|²)⁻¹ / Z
    and Z = Σ (1 + |y_i - y_j|²)⁻¹, both sums over all i ≠ j: exact, without approximation.

    affinities: what `find_affinities` returned, CSR (n_samples, n_samples).
    embedding: array (n_samples, 1 to 3), finite.

    All cores work; their number does not change a bit. It takes O(n_samples²) time, but no memory
    for it.
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
    """Return how many neighbours openTSNE looks at, the sample itself included."""
    return int(3 * perplexity) + 1


def _check_perplexity(perplexity: float, most: float) -> None:
    # openTSNE would lower a perplexity that is too high, and only log it.
    is_number = isinstance(perplexity, Real) and not isinstance(perplexity, bool)
    if not is_number or not 1 <= perplexity <= most:
        raise ValueError(f"perplexity must be a number from 1 to {most:.4g}, got {perplexity!r}")


def _choose_in_3d(parameters: dict[str, Any]) -> str | Callable:
    """Return the gradient for 3-D, where openTSNE's automatic choice fails for many samples."""
    method = parameters.get("negative_gradient_method", "auto")
    if isinstance(method, str) and method == "auto":
        return "bh"
    if not callable(method) and method not in BARNES_HUT:
        raise ValueError(f"negative_gradient_method must be 'bh' in 3-D, got {method!r}")
    return method
