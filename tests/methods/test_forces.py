"""The methods that look at all pairs: their costs, gradients and results against references."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold import smacof

from animated.methods import graph, mds, sammon
from animated.methods._forces import CHARGE, NO_TARGETS, SAMMON, STRESS, sum_forces, to_rows
from animated.methods._graph import Edges, _pull, energy, find_edges
from animated.methods._mds import stress
from animated.methods._sammon import sammon_error
from animated.neighbors.distances import find_distances


@pytest.fixture(scope="module")
def few(X):
    return X[:150] / 255


@pytest.fixture(scope="module")
def distances(few):
    return find_distances(few)


@pytest.fixture(scope="module", params=[2, 3])
def layout(request):
    return np.random.default_rng(0).normal(scale=4, size=(150, request.param))


def test_distances(few, distances):
    expected = squareform(pdist(few.astype(np.float64)))
    assert distances.dtype == np.float32 and np.allclose(distances, expected, rtol=1e-6, atol=0)
    twins = find_distances(np.repeat(few[:2], 2, axis=0))
    assert twins[0, 1] == 0 and twins[0, 2] > 0


def test_costs(distances, layout, few):
    seen = pdist(layout)
    wanted = squareform(distances, checks=False).astype(np.float64)
    assert stress(distances, layout) == pytest.approx(((wanted - seen) ** 2).sum(), rel=1e-12)
    error = ((wanted - seen) ** 2 / wanted).sum() / wanted.sum()
    assert sammon_error(distances, layout) == pytest.approx(error, rel=1e-12)
    edges = find_edges(few)
    springs = np.linalg.norm(layout[edges.ends[:, 0]] - layout[edges.ends[:, 1]], axis=1)
    expected = ((springs - edges.lengths) ** 2).sum() / 2 - np.log(seen).sum()
    assert energy(edges, layout) == pytest.approx(expected, rel=1e-12)


def test_gradients(distances, layout, few):
    edges = find_edges(few)
    Y = to_rows(layout)
    gradients = {
        "stress": (lambda y: stress(distances, y), sum_forces(STRESS, Y, distances)),
        "sammon": (
            lambda y: sammon_error(distances, y) * distances.sum(dtype=np.float64) / 2,
            sum_forces(SAMMON, Y, distances),
        ),
        "energy": (lambda y: energy(edges, y), sum_forces(CHARGE, Y, NO_TARGETS) + _pull(Y, edges)),
    }
    for name, (cost, gradient) in gradients.items():
        assert not gradient[layout.shape[1] :].any()
        size = np.abs(gradient).max()
        for point, axis in ((0, 0), (7, 1), (149, layout.shape[1] - 1)):
            step = np.zeros_like(layout)
            step[point, axis] = 1e-4
            slope = (cost(layout + step) - cost(layout - step)) / 2e-4
            assert slope == pytest.approx(gradient[axis, point], abs=1e-4 * size), name


@pytest.mark.slow
def test_mds_is_as_good_as_smacof(X):
    digits = X[:300] / 255
    distances = find_distances(digits)
    _, best = smacof(
        distances.astype(np.float64), n_components=2, n_init=4, n_jobs=2, random_state=0
    )
    final = stress(distances, mds(digits, n_epochs=200, seed=42, distances=distances))
    assert final <= 1.02 * best


@pytest.mark.parametrize("method", [mds, sammon])
def test_the_first_step(method, few, distances):
    """A point moves to the mean of the places at which the others would have it."""
    layouts = []
    method(few, n_epochs=1, seed=0, on_epoch=lambda _, y: layouts.append(y.astype(np.float64)))
    apart = layouts[0][:, None] - layouts[0]
    lengths = np.linalg.norm(apart, axis=2) + np.eye(150)
    places = layouts[0] + (distances / lengths)[..., None] * apart
    # In the Guttman transform a point itself counts, too.
    weights = np.ones((150, 150)) if method is mds else 1 / np.where(distances, distances, np.inf)
    expected = (weights[..., None] * places).sum(axis=1) / weights.sum(axis=1)[:, None]
    assert np.allclose(layouts[1], expected, atol=1e-4)


def test_the_first_step_of_a_graph(few):
    layouts, edges = [], find_edges(few)
    graph(few, n_epochs=1, seed=0, on_epoch=lambda _, y: layouts.append(y.astype(np.float64)))
    Y = to_rows(layouts[0])
    force = -(sum_forces(CHARGE, Y, NO_TARGETS) + _pull(Y, edges))[:2].T
    step = force / (np.bincount(edges.ends.ravel(), minlength=150) + 1)[:, None]
    lengths, longest = np.linalg.norm(step, axis=1), 2 * edges.lengths.mean()
    assert (lengths > longest).any() and (lengths < longest).any()
    step *= np.minimum(1, longest / lengths)[:, None]
    assert np.allclose(layouts[1], layouts[0] + step, atol=1e-4)


@pytest.mark.slow
def test_sammon_is_as_good_as_a_reference(X):
    """From the same start a quasi-Newton method runs to convergence."""
    few, first = X[:80] / 255, []
    distances = find_distances(few)
    embedding = sammon(few, n_epochs=300, seed=0, on_epoch=lambda _, y: first.append(y))

    def cost(flat):
        Y = to_rows(flat.reshape(-1, 2))
        gradient = sum_forces(SAMMON, Y, distances)[:2].T / distances.sum(dtype=np.float64) * 2
        return sammon_error(distances, flat.reshape(-1, 2)), gradient.ravel()

    options = {"maxiter": 5_000, "ftol": 1e-13, "gtol": 1e-10}
    reference = minimize(cost, first[0].ravel(), jac=True, method="L-BFGS-B", options=options)
    assert sammon_error(distances, embedding) <= 1.001 * reference.fun


@pytest.mark.parametrize("method", [mds, sammon, graph])
def test_costs_fall(method, few, distances):
    edges = find_edges(few)
    cost = {
        mds: lambda y: stress(distances, y),
        sammon: lambda y: sammon_error(distances, y),
        graph: lambda y: energy(edges, y),
    }[method]
    layouts = []
    method(few, n_epochs=200, seed=1, on_epoch=lambda _, y: layouts.append(y))
    costs = np.array([cost(layout) for layout in layouts])
    assert (np.diff(costs) < 1e-3 * np.ptp(costs)).all()
    assert costs[-1] - costs.min() < 1e-3 * np.ptp(costs)
    assert costs[50] < costs[0] - 0.9 * np.ptp(costs)


@pytest.mark.parametrize("method", [mds, sammon])
def test_distances_of_ones_own(method, few, distances):
    expected = method(few, n_epochs=5, seed=0)
    assert np.array_equal(expected, method(few, n_epochs=5, seed=0, distances=distances))
    other = squareform(pdist(few, "cityblock"))
    assert not np.array_equal(expected, method(few, n_epochs=5, seed=0, distances=other))
    with pytest.raises(ValueError, match=r"distances must have shape \(150, 150\), got \(9, 9\)"):
        method(few, n_epochs=5, seed=0, distances=other[:9, :9])
    with pytest.raises(
        ValueError, match=r"distances must be finite and not negative, got -1\.0 to"
    ):
        method(few, n_epochs=5, seed=0, distances=other - 1)
    with pytest.raises(
        ValueError, match="distances must be symmetric, got two directions that differ by"
    ):
        method(few, n_epochs=5, seed=0, distances=np.triu(other))
    with pytest.raises(TypeError, match="distances must be an array of numbers, got str"):
        method(few, n_epochs=5, seed=0, distances="cityblock")


@pytest.mark.parametrize("cost", [stress, sammon_error])
def test_costs_of_another_layout(distances, layout, cost):
    """numba would read on behind the end of the distances."""
    with pytest.raises(ValueError, match=r"must have shape \(300, 300\), got \(150, 150\)"):
        cost(distances, np.repeat(layout, 2, axis=0))


@pytest.mark.filterwarnings("error")
def test_costs_of_points_at_one_place(few, distances):
    place = np.ones((150, 2))
    squares = distances.astype(np.float64) ** 2
    assert stress(distances, place) == pytest.approx(squares.sum() / 2)
    assert sammon_error(distances, place) == pytest.approx(1)
    assert energy(find_edges(few), place) == np.inf


@pytest.mark.parametrize("method", [mds, sammon, graph])
def test_twins(method, few):
    """Equal samples have no distance to be divided by."""
    for digits in (np.repeat(few[:40], 2, axis=0), np.repeat(few[:1], 40, axis=0)):
        assert np.isfinite(method(digits, n_epochs=20, seed=0)).all()


def test_edges(few, distances):
    edges = find_edges(few, 3)
    assert edges.ends.dtype == np.int32 and edges.lengths.dtype == np.float32
    order = np.argsort(distances + np.where(np.eye(150), np.inf, 0), axis=1)[:, :3]
    expected = {tuple(sorted((i, int(j)))) for i in range(150) for j in order[i]}
    assert {tuple(map(int, ends)) for ends in edges.ends} == expected
    assert np.allclose(edges.lengths, distances[edges.ends[:, 0], edges.ends[:, 1]])
    assert np.array_equal(
        graph(few, n_epochs=3, seed=0, edges=edges), graph(few, n_epochs=3, seed=0)
    )


def test_graph_draws_neighbours_together(few):
    edges = find_edges(few)
    embedding = graph(few, n_epochs=300, seed=0)
    ties = np.linalg.norm(embedding[edges.ends[:, 0]] - embedding[edges.ends[:, 1]], axis=1)
    assert np.median(ties) < 0.2 * np.median(pdist(embedding))


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (Edges(np.array([[0, 150]]), np.ones(1)), "edges must join samples 0 to 149, got 0 to 150"),
        (Edges(np.array([0, 1]), np.ones(1)), r"edges must have shapes .* got \(2,\), \(1,\)"),
        (Edges(np.zeros((0, 2), int), np.ones(0)), r"must have shapes .* got \(0, 2\), \(0,\)"),
        (Edges(np.array([[0, 1.5]]), np.ones(1)), "edges must join samples 0 to 149, got 0.0 to"),
        (Edges(np.array([[0, 1]]), np.full(1, np.nan)), "lengths of edges must be finite .* nan"),
    ],
)
def test_bad_edges(few, edges, message):
    with pytest.raises(ValueError, match=message):
        graph(few, n_epochs=1, seed=0, edges=edges)


def test_edges_that_are_none(few):
    with pytest.raises(TypeError, match="edges must be what find_edges returned, got ndarray"):
        graph(few, n_epochs=1, seed=0, edges=np.array([[0, 1], [1, 2]]))


@pytest.mark.parametrize("n_neighbors", [0, 149, 2.5, "3"])
def test_bad_numbers_of_neighbors(few, n_neighbors):
    message = f"n_neighbors must be an integer from 1 to 148, got {n_neighbors!r}"
    with pytest.raises(ValueError, match=message):
        graph(few, n_epochs=1, seed=0, n_neighbors=n_neighbors)
