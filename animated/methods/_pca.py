"""Principal component analysis, shown as a rotation from two columns to the principal plane."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import expm, logm
from sklearn.decomposition import PCA

from animated.methods._pixels import check_columns
from animated.progress import track
from animated.validation import OnEpoch, check_arguments, check_features, check_integer, check_seed


def pca(
    X: np.ndarray,
    *,
    n_components: int = 2,
    n_epochs: int,
    seed: int | None,
    on_epoch: OnEpoch | None = None,
    columns: Sequence[int] | None = None,
) -> np.ndarray:
    """Project `X` onto the plane of greatest variance, and report the rotation towards it.

        pca(X, n_epochs=100, seed=42, on_epoch=print)

    PCA has no epochs of its own, so they show a rotation. Epoch 0 is a face of the data cube, that
    is, two of the columns. From there the plane of projection turns along the shortest path, a
    geodesic on the Grassmannian, to the principal plane.

    X: float32 array (n_samples, n_features), finite.
    n_components: 2 for a plane, 3 for a space; at most the number of samples and of features.
    n_epochs: steps of the rotation, 0 or more; there are n_epochs + 1 calls of `on_epoch`.
    seed: the random_state of scikit-learn's `PCA`, which matters only to its randomised solver.
    on_epoch: called as `on_epoch(epoch, embedding)`, see `animated.methods`.
    columns: the face, one column for each component; by default those with the largest weights in
        the components. The first two are swapped if the face would otherwise arrive mirrored.

    Returns a float32 array (n_samples, n_components), bit for bit what scikit-learn's `PCA`
    returns; with 0 epochs it is the face instead.
    Raises ValueError and TypeError for bad arguments.

    Sources: K. Pearson, "On lines and planes of closest fit to systems of points in space", 1901;
    A. Edelman, T. A. Arias and S. T. Smith, "The geometry of algorithms with orthogonality
    constraints", SIAM Journal on Matrix Analysis and Applications 20, 1998, section 2.5.1.
    """
    X = check_features(X)
    check_arguments(n_components, n_epochs, on_epoch)
    check_integer("n_components", n_components, 1, min(X.shape))
    check_seed(seed)
    if columns is not None:
        columns = check_columns(columns, n_components, X.shape[1])
    model = PCA(n_components, random_state=seed)
    with np.errstate(invalid="ignore"):  # the share of a variance of 0
        embedding = model.fit_transform(X)
    components = model.components_.T.astype(np.float64)
    face = np.eye(X.shape[1])[:, _pick_face(components) if columns is None else columns]
    find_basis = find_geodesic(_orient(face, components), components)
    centred = X - model.mean_
    if n_epochs == 0:
        embedding = _project(centred, find_basis(0))
    for epoch in track(range(n_epochs), "PCA", unit="epoch"):
        turned = _project(centred, find_basis(epoch / n_epochs))
        if on_epoch is not None and on_epoch(epoch, turned.copy()):
            return turned
    if on_epoch is not None:
        on_epoch(n_epochs, embedding.copy())
    return embedding


def lost_variance(X: np.ndarray, embedding: np.ndarray) -> float:
    """Return the share of the variance of `X` that a projection loses, which PCA minimises.

    It is 1 - Σ_k var(y_k) / Σ_j var(x_j). The loss is the mean squared distance of the samples from
    the plane of projection.

    Source: K. Pearson, 1901.
    """
    kept = np.var(embedding, axis=0, dtype=np.float64).sum()
    return float(1 - kept / np.var(X, axis=0, dtype=np.float64).sum())


def find_geodesic(first: np.ndarray, last: np.ndarray) -> Callable[[float], np.ndarray]:
    """Return a function of a number from 0 to 1 that gives a basis between two planes.

    The plane turns at constant speed along the geodesic, by the principal angles of the two, while
    its axes turn within it from those of `first`, at 0, to those of `last`, at 1.

    first, last: orthonormal columns (n_features, n_components) of the same orientation: the
        determinant of first.T @ last must not be negative.

    Source: Edelman, Arias and Smith, 1998, section 2.5.1.
    """
    left, cosines, right = np.linalg.svd(first.T @ last)
    if np.linalg.det(left @ right) < 0:  # at a right angle either sign will do: make it a rotation
        left[:, -1] *= -1
    angles = np.arccos(np.clip(cosines, -1, 1))
    near, far = first @ left, last @ right.T
    away = far - near * np.cos(angles)
    lengths = np.linalg.norm(away, axis=0)
    away = away / np.where(lengths > 0, lengths, 1)
    within = _find_logarithm(left @ right)

    def find_basis(share: float) -> np.ndarray:
        turned = near * np.cos(share * angles) + away * np.sin(share * angles)
        return turned @ left.T @ expm(share * within)

    return find_basis


def _find_logarithm(rotation: np.ndarray) -> np.ndarray:
    """Return the skew-symmetric matrix whose exponential is `rotation`.

    SciPy's logarithm is not real when the rotation reverses an axis. Such axes come in pairs.
    """
    cosines, axes = np.linalg.eigh((rotation + rotation.T) / 2)
    turned = axes[:, cosines < -1 + 1e-12]
    half_turn = turned[:, ::2] @ turned[:, 1::2].T
    return logm(rotation + 2 * turned @ turned.T).real + np.pi * (half_turn - half_turn.T)


def _project(centred: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return (centred @ basis).astype(np.float32)


def _pick_face(components: np.ndarray) -> list[int]:
    """Return the column with the largest weight in each component, no column twice."""
    weights = np.abs(components)
    columns: list[int] = []
    for weight in weights.T:
        weight[columns] = -1
        columns.append(int(weight.argmax()))
    return columns


def _orient(face: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Return the face in an orientation that can turn into the components without mirroring."""
    if np.linalg.det(face.T @ components) >= 0:
        return face
    return -face if face.shape[1] == 1 else face[:, [1, 0, *range(2, face.shape[1])]]
