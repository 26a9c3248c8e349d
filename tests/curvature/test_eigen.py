"""Eigenpairs: none missed, none twice, each within its error, and a search that fails says so."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.curvature import eigenpairs
from landscape.curvature.dense import DenseMatrix
from landscape.curvature.eigen import dense_eigenpairs
from landscape.errors import InputError
from tests.curvature.matrices import SPECTRA, matrix_of, operator_of

EPSILON = np.finfo(float).eps
every_spectrum = pytest.mark.parametrize("name", SPECTRA)


@every_spectrum
@pytest.mark.parametrize(("top", "bottom"), [(5, 4), (1, 0), (0, 3)])
def test_both_ends_are_found_with_their_multiplicities(name, top, bottom):
    values = np.sort(SPECTRA[name])
    found = eigenpairs(operator_of(matrix_of(values)), top=top, bottom=bottom)
    expected = np.concatenate([values[:bottom], values[len(values) - top :]])
    assert found.status == ""
    scale = np.abs(values).max()
    assert np.allclose(found.values, expected, rtol=0, atol=1e-6 * scale)
    assert np.all(np.abs(found.values - expected) <= found.errors + 50 * EPSILON * scale)


@every_spectrum
def test_eigenvectors_are_orthonormal_and_residuals_are_what_they_say(name):
    matrix = matrix_of(SPECTRA[name])
    found = eigenpairs(operator_of(matrix), top=6, bottom=6)
    scale = np.abs(SPECTRA[name]).max()
    residuals = np.linalg.norm(found.vectors @ matrix - found.values[:, None] * found.vectors, axis=1)
    assert np.allclose(found.residuals, residuals, rtol=0, atol=100 * EPSILON * scale)
    assert found.residuals.max() <= 1e-6 * 3 * scale
    assert found.orthogonality < 1e-12
    assert np.abs(found.vectors @ found.vectors.T - np.eye(12)).max() < 1e-12


def test_small_matrices_are_solved_densely_and_repeated_eigenvalues_come_as_often_as_they_are():
    values = np.array([-1.0, -1.0, 0.0, 0.0, 0.0, 2.0, 2.0])
    found = eigenpairs(operator_of(matrix_of(values)), top=3, bottom=2)
    # A hundred units of rounding of a norm of 2: the matrix is made in floating point, and LAPACK differs from machine to machine.
    assert np.allclose(found.values, [-1, -1, 0, 2, 2], rtol=0, atol=4e-14)


def test_the_zero_matrix_has_zero_eigenvalues_with_orthonormal_vectors():
    found = eigenpairs(operator_of(np.zeros((600, 600))), top=2, bottom=1)
    assert found.values.tolist() == [0.0, 0.0, 0.0]
    assert np.array_equal(found.vectors @ found.vectors.T, np.eye(3))


def test_the_same_seed_gives_the_same_bits_and_another_one_the_same_eigenvalues():
    matrix = matrix_of(SPECTRA["a wide range"])
    one, two, other = (eigenpairs(operator_of(matrix), top=4, bottom=2, seed=seed) for seed in (3, 3, 4))
    assert one.vectors.tobytes() == two.vectors.tobytes()
    assert np.allclose(one.values, other.values, rtol=0, atol=1e-4)


def test_a_warm_start_takes_fewer_products_than_a_cold_one():
    matrix = matrix_of(np.r_[np.linspace(-1, 1, 795), 1.5, 1.8, 2.0, 2.5, 3.0])
    before = eigenpairs(operator_of(matrix), top=5)
    nearby = operator_of(matrix + 1e-5 * matrix_of(np.linspace(-1, 1, 800), seed=1))
    cold = eigenpairs(nearby, top=5)
    cold_products = nearby.count
    warm = eigenpairs(nearby, top=5, start=before.vectors)
    assert nearby.count - cold_products < cold_products
    assert np.allclose(warm.values, cold.values, rtol=0, atol=1e-8)


def test_a_warm_start_in_the_wrong_place_still_finds_the_end():
    values = np.r_[np.linspace(-1, 1, 597), 2.0, 3.0, 4.0]
    matrix = matrix_of(values)
    wrong = np.linalg.eigh(matrix)[1].T[:3]
    found = eigenpairs(operator_of(matrix), top=3, start=wrong)
    assert np.allclose(found.values, [2, 3, 4], rtol=0, atol=1e-6)


def test_a_search_that_runs_out_of_products_says_so_and_gives_what_it_found():
    matrix = matrix_of(np.r_[np.linspace(0, 1, 899), 5.0])
    found = eigenpairs(operator_of(matrix), top=8, max_products=70)
    assert "of 8 eigenvalues at the top converged" in found.status
    assert len(found.values) < 8
    assert np.all(found.residuals < 1e-3)


@pytest.mark.parametrize(("top", "bottom"), [(0, 0), (-1, 3), (4, 0), (2, 2), (0, 4)])
def test_fewer_than_one_eigenvalue_or_more_than_there_are_is_refused(top, bottom):
    with pytest.raises(InputError, match="expected at"):
        eigenpairs(operator_of(np.eye(3)), top=top, bottom=bottom)


def test_a_start_of_another_shape_is_refused():
    with pytest.raises(InputError, match="start: expected 2 eigenvectors of 3"):
        eigenpairs(operator_of(np.eye(3)), top=2, start=np.eye(3))


def test_asymmetry_of_a_matrix_is_part_of_the_error():
    found = dense_eigenpairs(DenseMatrix(np.diag([1.0, 2.0]), 0.25))
    assert np.all(found.errors >= 0.25)
