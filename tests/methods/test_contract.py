"""What holds for every method: one signature, one callback."""

import re
from functools import partial
from itertools import pairwise

import numba
import numpy as np
import pytest
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from animated import methods
from animated.methods import _graph, graph, mds, pacmap, pca, pixels, sammon, tsne, umap
from animated.methods._pca import _pick_face, find_geodesic, lost_variance

N_EPOCHS = 12
N_DIGITS = 200
MOVING = {
    "pca": pca,
    "mds": mds,
    "sammon": sammon,
    "graph": graph,
    "tsne": tsne,
    "umap": umap,
    "pacmap": pacmap,
}
QUADRATIC = {"mds": mds, "sammon": sammon, "graph": graph}


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    """So few digits are done before several threads have agreed on who does what."""
    with threadpool_limits(1, "blas"):
        yield


@pytest.fixture(scope="module")
def few(X):
    return X[:N_DIGITS] / 255


@pytest.fixture(params=[2, 3])
def n_components(request):
    return request.param


@pytest.fixture(params=MOVING)
def method(request):
    return MOVING[request.param]


def record(method, X, n_epochs=N_EPOCHS, **parameters):
    layouts, epochs = [], []

    def on_epoch(epoch, embedding):
        epochs.append(epoch)
        layouts.append(embedding)

    return method(X, n_epochs=n_epochs, on_epoch=on_epoch, **parameters), epochs, layouts


def test_all_are_exported():
    costs = {"energy", "find_edges", "stress", "lost_variance", "sammon_error"}
    costs |= {"find_affinities", "kl_divergence"}
    assert {*MOVING, "pixels", "fit_umap", "join_models", *costs} == set(methods.__all__)
    assert sorted(methods.__all__) == dir(methods)
    assert all(callable(getattr(methods, name)) for name in dir(methods))
    with pytest.raises(AttributeError, match="has no attribute 'isomap'"):
        methods.isomap  # noqa: B018


def test_callback(method, n_components, few):
    embedding, epochs, layouts = record(method, few, n_components=n_components, seed=1)
    assert epochs == list(range(N_EPOCHS + 1))
    assert embedding.dtype == (np.float64 if method is tsne else np.float32)
    assert embedding.shape == (N_DIGITS, n_components)
    assert np.isfinite(layouts).all()
    assert np.array_equal(layouts[-1], embedding) and layouts[-1] is not embedding
    moved = [np.abs(b - a).max() for a, b in pairwise(layouts)]
    assert all(moved) or (method is umap and all(moved[1:]))
    alone = method(few, n_components=n_components, n_epochs=N_EPOCHS, seed=1)
    assert np.array_equal(alone, embedding), "the callback has changed the result"


def test_arrays_are_the_callees_to_keep(method, few):
    shown, copies = [], []

    def spoil(epoch, embedding):
        if epoch % 2:
            embedding[:] = np.nan  # must not reach the algorithm
        shown.append(embedding)
        copies.append(embedding.copy())

    spoilt = method(few, n_epochs=N_EPOCHS, seed=1, on_epoch=spoil)
    assert np.array_equal(spoilt, method(few, n_epochs=N_EPOCHS, seed=1))
    assert np.array_equal(shown, copies, equal_nan=True)


def test_seed(method, few):
    first, second = (method(few, n_epochs=3, seed=5) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    if method is not pca:
        assert not np.array_equal(first, method(few, n_epochs=3, seed=6))


def test_integers_of_numpy(method, few):
    numbers = {"n_components": 2, "n_epochs": 3, "seed": 1}
    numpys = {name: np.int64(number) for name, number in numbers.items()}
    assert np.array_equal(method(few, **numpys), method(few, **numbers))


@pytest.mark.parametrize("last", [0, 4, N_EPOCHS])
def test_stop(method, few, last):
    shown = []

    def stop(epoch, embedding):
        shown.append(embedding)
        return epoch == last

    embedding = method(few, n_epochs=N_EPOCHS, seed=1, on_epoch=stop)
    assert len(shown) == last + 1 and np.array_equal(embedding, shown[-1])
    assert not np.shares_memory(embedding, shown[-1])


def test_no_epochs(method, few):
    embedding, epochs, layouts = record(method, few, n_epochs=0, seed=1)
    assert epochs == [0] and np.array_equal(embedding, layouts[0])
    first = record(method, few, n_epochs=1, seed=1)[2][0]
    assert np.allclose(first, embedding, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_components": 0}, "n_components must be an integer of at least 1, got 0"),
        ({"n_epochs": -1}, "n_epochs must be an integer of at least 0, got -1"),
        ({"n_epochs": 2.5}, "n_epochs must be an integer of at least 0, got 2.5"),
        ({"on_epoch": "print"}, "on_epoch must be callable or None, got str"),
        ({"X": np.full((9, 3), np.nan)}, "X must be finite, got nan in row 0, column 0"),
        ({"X": np.zeros(9)}, r"X must have shape \(n_samples, n_features\), got \(9,\)"),
    ],
)
def test_bad_arguments(method, few, arguments, message):
    arguments = {"X": few, "n_epochs": 2, "seed": 0} | arguments
    with pytest.raises((ValueError, TypeError), match=message):
        method(arguments.pop("X"), **arguments)


@pytest.fixture
def no_search(monkeypatch):
    """All that methods do before their first step, and should not when an argument is bad."""
    monkeypatch.setattr(
        "animated.neighbors.distances._measure", lambda *_: pytest.fail("work started")
    )
    monkeypatch.setattr(PCA, "fit_transform", lambda *_: pytest.fail("work started"))
    monkeypatch.setattr(_graph, "find_neighbors", lambda *_: pytest.fail("work started"))


@pytest.mark.parametrize("seed", [-1, 2**32, 2.5, "1", True])
@pytest.mark.parametrize("name", ["pca", *QUADRATIC])
def test_bad_seeds(name, few, seed, no_search):
    message = f"seed must be an integer from 0 to 4294967295, got {seed!r}"
    with pytest.raises(ValueError, match=message):
        MOVING[name](few, n_epochs=1, seed=seed)


@pytest.mark.parametrize("name", QUADRATIC)
def test_limit(name):
    many = np.zeros((5_001, 2), dtype=np.float32)
    message = (
        rf"{name} compares all pairs.*at most 5000 samples, got 5001; draw a sample, as with X\["
    )
    with pytest.raises(ValueError, match=message):
        QUADRATIC[name](many, n_epochs=1, seed=0)


@pytest.mark.parametrize("name", QUADRATIC)
def test_quadratic_methods_stay_in_space(name, few, no_search):
    with pytest.raises(ValueError, match="n_components must be an integer from 1 to 3, got 4"):
        QUADRATIC[name](few, n_components=4, n_epochs=1, seed=0)


def test_threads_do_not_change_a_bit():
    X = np.random.default_rng(0).random((301, 7), dtype=np.float32)
    before = numba.get_num_threads()
    results = set()
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            fits = [fit(X, n_components=3, n_epochs=9, seed=0) for fit in QUADRATIC.values()]
            results.add(b"".join(embedding.tobytes() for embedding in fits))
    finally:
        numba.set_num_threads(before)
    assert len(results) == 1


def test_pixels(few):
    embedding, epochs, layouts = record(pixels, few, n_epochs=0, columns=(407, 350))
    assert epochs == [0] and np.array_equal(layouts[0], embedding)
    assert not np.shares_memory(layouts[0], embedding)
    assert np.array_equal(embedding, few[:, [407, 350]])
    picked = pixels(few, n_components=3)
    assert np.allclose(picked.var(axis=0), np.sort(few.var(axis=0))[::-1][:3], rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_epochs": 3}, "n_epochs must be 0, as pixels takes no steps, got 3"),
        ({"n_components": 785}, "n_components must be an integer from 1 to 784, got 785"),
    ],
)
def test_bad_pixels(few, arguments, message):
    with pytest.raises(ValueError, match=message):
        pixels(few, **arguments)


@pytest.mark.parametrize("columns", [(1,), [1, 1], (1, 784), (-1, 2), 5, "ab", (1.0, 2.0)])
def test_bad_columns(few, columns, no_search):
    message = f"columns must be 2 different numbers from 0 to 783, got {re.escape(repr(columns))}"
    for method in (partial(pixels, n_epochs=0), partial(pca, n_epochs=3)):
        with pytest.raises(ValueError, match=message):
            method(few, seed=0, columns=columns)


def test_pca_of_few_samples(few):
    with pytest.raises(ValueError, match="n_components must be an integer from 1 to 2, got 3"):
        pca(few[:2], n_components=3, n_epochs=1, seed=0)


@pytest.mark.parametrize("columns", [None, (407, 350), (350, 407)])
def test_pca_turns_a_face_into_the_principal_plane(few, columns):
    embedding, _, layouts = record(pca, few, seed=3, columns=columns)
    assert np.array_equal(embedding, PCA(2, random_state=3).fit_transform(few))
    lost = [lost_variance(few, layout) for layout in layouts]
    assert lost == sorted(lost, reverse=True)
    ratio = PCA(2, random_state=3).fit(few).explained_variance_ratio_.sum()
    assert lost[-1] == pytest.approx(1 - ratio, abs=1e-6)
    if columns:
        start = layouts[0] + few[:, columns].mean(axis=0)
        seen = few[:, columns]
        assert np.allclose(start, seen, atol=1e-5) or np.allclose(
            layouts[0], (seen - seen.mean(axis=0))[:, ::-1], atol=1e-5
        )


@pytest.mark.parametrize("columns", [(0, 1), (1, 0)])
def test_pca_arrives_without_a_jump(columns):
    """Neither of the two faces has to be mirrored on the way."""
    X = np.random.default_rng(0).normal(size=(50, 4)) @ np.diag([3, 2, 1, 1])
    _, _, layouts = record(pca, X, n_epochs=100, seed=0, columns=columns)
    moved = [np.linalg.norm(after - before) for before, after in pairwise(layouts)]
    assert moved[-1] < 2 * moved[-2]


def test_a_face_has_no_column_twice():
    assert _pick_face(np.array([[0.8, -0.6], [0.1, 0.2], [0.5, 0.3]])) == [0, 2]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_geodesic(k):
    """All principal angles grow at constant speed: there is no shorter way."""
    random = np.random.default_rng(k)
    first, last = (np.linalg.qr(random.normal(size=(9, k)))[0] for _ in range(2))
    if np.linalg.det(first.T @ last) < 0:
        first[:, 0] *= -1
    find_basis = find_geodesic(first, last)
    assert np.allclose(find_basis(0), first) and np.allclose(find_basis(1), last)

    def find_angles(basis):
        return np.arccos(np.linalg.svd(first.T @ basis)[1].clip(-1, 1))

    for share in (0.2, 0.5, 0.9):
        basis = find_basis(share)
        assert np.allclose(basis.T @ basis, np.eye(k))
        assert np.allclose(find_angles(basis), share * find_angles(last), atol=1e-6)


def test_geodesic_to_itself():
    plane = np.eye(5)[:, :2]
    assert np.allclose(find_geodesic(plane, plane)(0.5), plane)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (-np.eye(5)[:, :2], np.eye(5)[:, :2]),
        (np.eye(5)[:, :3] * [-1, 1, -1], np.eye(5)[:, :3]),
        (np.eye(5)[:, [0, 4]], np.c_[[0, 0.6, 0, 0, 0.8], [0, 0, 1, 0, 0]]),
        (np.eye(5)[:, [0, 4]], np.c_[[0, 0, 1, 0, 0], [0, 0.6, 0, 0, 0.8]]),
        (np.eye(5)[:, [4, 0]], np.c_[[0, 0.6, 0, 0, 0.8], [0, 0, 1, 0, 0]]),
        (np.eye(5)[:, [4, 0]], np.c_[[0, 0.6, 0, 0, -0.8], [0, 0, 1, 0, 0]]),
    ],
)
def test_geodesic_without_a_shortest_way(first, last):
    """Axes that are turned around, or that lie across, may go either way, but do not collapse."""
    find_basis = find_geodesic(first, last)
    assert np.allclose(find_basis(0), first) and np.allclose(find_basis(1), last)
    for share in (0.2, 0.5, 0.9):
        basis = find_basis(share)
        assert np.allclose(basis.T @ basis, np.eye(first.shape[1]))


def test_lost_variance_of_other_layouts(few):
    assert lost_variance(few, np.zeros((N_DIGITS, 2))) == 1
    assert lost_variance(few, few) == pytest.approx(0, abs=1e-6)
