"""Stochastic Lanczos quadrature: weights, moments and the accuracy that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from landscape import streams
from landscape.curvature import density as module
from landscape.curvature import spectral_density
from landscape.curvature.krylov import lanczos
from landscape.errors import InputError
from landscape.objective.probes import unit_rows
from tests.curvature.matrices import SPECTRA, matrix_of, operator_of

every_spectrum = pytest.mark.parametrize("name", SPECTRA)


@every_spectrum
def test_each_vectors_weights_sum_to_one(name):
    found = spectral_density(operator_of(matrix_of(SPECTRA[name])), accuracy=0.3)
    assert np.allclose(found.weights.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert np.all(found.weights >= 0)


@every_spectrum
def test_moments_are_the_same_probes_quadratic_forms_and_norms(name):
    matrix = matrix_of(SPECTRA[name])
    found = spectral_density(operator_of(matrix), accuracy=0.3, seed=2)
    probes = unit_rows(2, streams.DENSITY[0], len(found.nodes), len(matrix))
    images, scale = probes @ matrix, np.abs(SPECTRA[name]).max()
    first = np.sum(found.weights * found.nodes, axis=1)
    second = np.sum(found.weights * found.nodes**2, axis=1)
    assert np.allclose(first, np.sum(probes * images, axis=1), rtol=0, atol=1e-12 * scale)
    assert np.allclose(second, np.sum(images**2, axis=1), rtol=0, atol=1e-12 * scale**2)
    assert found.moment(1) == pytest.approx(first.mean())


@pytest.mark.parametrize("accuracy", [0.1, 0.3])
@every_spectrum
def test_the_distribution_is_as_close_as_was_wished(name, accuracy):
    values = SPECTRA[name]
    found = spectral_density(operator_of(matrix_of(values)), accuracy=accuracy)
    weights = found.weights.ravel() / len(found.weights)
    apart = wasserstein_distance(found.nodes.ravel(), values, weights)
    assert apart <= accuracy * np.ptp(values) + 1e-12 * np.abs(values).max()


def test_the_density_integrates_to_one():
    found = spectral_density(operator_of(matrix_of(SPECTRA["repeated at both ends"])))
    assert np.trapezoid(found.value, found.grid) == pytest.approx(1, abs=2e-2)
    assert np.all(found.error >= 0)


def test_a_space_that_closes_early_keeps_its_nodes_and_no_ghosts():
    matrix = matrix_of(np.r_[np.full(50, 1.0), np.full(50, 3.0)])
    found = lanczos(operator_of(matrix), unit_rows(0, 1, 3, 100), 20)
    used = found.weights > 0
    assert used.sum(axis=1).tolist() == [2, 2, 2]
    assert np.allclose(found.nodes[:, :2], [[1, 3]] * 3, rtol=0, atol=1e-12)


def test_full_reorthogonalization_finds_each_eigenvalue_once():
    values = np.geomspace(1e-6, 1, 60)
    found = lanczos(operator_of(matrix_of(values)), unit_rows(0, 1, 1, 60), 60)
    assert np.allclose(np.sort(found.nodes[0]), values, rtol=0, atol=1e-13)


def test_groups_of_vectors_give_what_all_at_once_do(monkeypatch):
    matrix = matrix_of(SPECTRA["low rank"])
    together = spectral_density(operator_of(matrix), accuracy=0.3)
    monkeypatch.setattr(module, "GROUP_BYTES", 8 * 41 * 700 * 3)
    apart = spectral_density(operator_of(matrix), accuracy=0.3)
    assert apart.weights.shape == together.weights.shape
    assert apart.moment(1) == pytest.approx(together.moment(1), rel=1e-12)


@pytest.mark.parametrize(
    "wrong", [{"accuracy": 0.0}, {"accuracy": 1.0}, {"steps": 0}, {"vectors": 1}, {"accuracy": -0.1}]
)
def test_what_cannot_be_asked_is_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        spectral_density(operator_of(np.eye(5)), **wrong)


def test_a_basis_that_does_not_fit_is_refused_before_it_is_taken(monkeypatch):
    monkeypatch.setattr(module, "available_memory", lambda: 1000)
    with pytest.raises(InputError, match=r"GB are free: ask for a coarser --accuracy"):
        spectral_density(operator_of(np.eye(50)))
