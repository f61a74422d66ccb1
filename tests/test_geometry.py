"""Embeddings are checked, aligned, fitted and measured; test_tour.py aligns whole tours."""

import numpy as np
import pytest

from animated.geometry import align, check_embedding, check_same_shape, distances_moved, fit

RNG = np.random.default_rng(0)
EMBEDDING = RNG.normal(size=(30, 2)) * [3, 1]


def rotate(embedding, angle):
    c, s = np.cos(angle), np.sin(angle)
    return embedding @ np.array([[c, s], [-s, c]])


@pytest.mark.parametrize("angle", [0, 0.3, np.pi])
@pytest.mark.parametrize("mirror", [1, -1])
def test_align_undoes_motion_scale_rotation_and_reflection(angle, mirror):
    moved = rotate(EMBEDDING * [mirror, 1], angle) * 7 + [100, -5]
    aligned = align(moved, EMBEDDING)
    assert aligned.dtype == np.float64
    np.testing.assert_allclose(aligned, EMBEDDING, atol=1e-12)


def test_no_other_rotation_fits_better():
    other = EMBEDDING + RNG.normal(size=EMBEDDING.shape)
    aligned = align(other, EMBEDDING)
    centre = EMBEDDING.mean(axis=0)
    np.testing.assert_allclose(aligned.mean(axis=0), centre, atol=1e-12)
    assert np.linalg.norm(aligned - centre) == pytest.approx(np.linalg.norm(EMBEDDING - centre))
    least = np.linalg.norm(aligned - EMBEDDING)
    for angle in np.linspace(0, 2 * np.pi, 100):
        for mirror in (1, -1):
            turned = rotate((aligned - centre) * [mirror, 1], angle) + centre
            assert np.linalg.norm(turned - EMBEDDING) >= least - 1e-9


def test_align_points_that_coincide():
    same = np.zeros((30, 2))
    np.testing.assert_allclose(align(same, EMBEDDING), np.tile(EMBEDDING.mean(axis=0), (30, 1)))
    aligned = align(EMBEDDING, same)
    assert np.linalg.norm(aligned) == pytest.approx(
        np.linalg.norm(EMBEDDING - EMBEDDING.mean(axis=0))
    )


@pytest.mark.parametrize("n_components", [2, 3])
def test_fit(n_components):
    embedding = RNG.normal(size=(50, n_components)) * [5, *[1] * (n_components - 1)] + 3
    fitted = fit(embedding)
    assert fitted[:, 0].min() == 0 and fitted[:, 0].max() == 1
    np.testing.assert_allclose(fitted.min(axis=0) + fitted.max(axis=0), 1)
    ratio = np.ptp(fitted, axis=0) / np.ptp(embedding, axis=0)
    np.testing.assert_allclose(ratio, ratio[0])
    np.testing.assert_array_equal(fit(np.full((3, n_components), 4.0)), 0.5)


def test_distances_moved():
    after = EMBEDDING + np.tile([[3.0, 4.0], [0.0, 0.0]], (15, 1))
    np.testing.assert_allclose(distances_moved(EMBEDDING, after), [5, 0] * 15, atol=1e-12)
    with pytest.raises(ValueError, match=r"two-dimensional shape, got \(30, 2\) and \(29, 2\)"):
        distances_moved(EMBEDDING, EMBEDDING[1:])


def test_check_embedding():
    checked = check_embedding(EMBEDDING.astype(np.float32)[:, ::-1], 30)
    assert checked.dtype == np.float64 and checked.flags.c_contiguous
    assert check_embedding(np.eye(3), 3).shape == check_embedding(np.eye(3)).shape == (3, 3)
    assert check_embedding(np.ones((5, 7)), n_components=None).shape == (5, 7)


@pytest.mark.parametrize(
    ("embedding", "arguments", "error", "message"),
    [
        (np.eye(4), (4,), ValueError, r"must have shape \(4, 2 or 3\), got \(4, 4\)"),
        (EMBEDDING, (31,), ValueError, r"must have shape \(31, 2 or 3\), got \(30, 2\)"),
        (EMBEDDING, (30, (3,)), ValueError, r"must have shape \(30, 3\), got \(30, 2\)"),
        (EMBEDDING[:0], (), ValueError, r"must have shape \(n_samples, 2 or 3\), got \(0, 2\)"),
        (EMBEDDING[:, :0], (None, None), ValueError, r"\(n_samples, n_components\), got \(30, 0\)"),
        (EMBEDDING[0], (), ValueError, r"got \(2,\)"),
        (EMBEDDING * [1, np.nan], (), ValueError, "must be finite, got 30 rows that are not"),
        (EMBEDDING.astype(str), (), TypeError, "must be an array of numbers, got <U"),
        ([[1, 2], [3]], (), TypeError, "an array of numbers, got rows that differ in length"),
    ],
)
def test_bad_embeddings(embedding, arguments, error, message):
    with pytest.raises(error, match=f"^after .*{message}"):
        check_embedding(embedding, *arguments, **{"name": "after"})


def test_check_same_shape():
    before, after = check_same_shape([[1, 2]], np.array([[3, 4]], dtype=np.int8))
    assert before.tolist() == [[1, 2]] and after.dtype == np.int8
    for other in (EMBEDDING[0], EMBEDDING[:0]):
        with pytest.raises(ValueError, match="both arrays must have the same two-dimensional"):
            check_same_shape(other, other)
