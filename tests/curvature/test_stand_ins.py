"""Other matrices in the Hessian's place, the Hessian as Adam sees it, and errors that include rounding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.curvature import (
    adam_preconditioner,
    analyze_hessian,
    dense_matrix,
    hessian_operator,
    matrix_operator,
)
from landscape.errors import InputError
from landscape.objective import NetworkObjective
from landscape.objective.fisher import STAND_INS, fisher_products
from tests.curvature.matrices import toy
from tests.scanning.examples import small_model

MODEL = small_model()
OBJECTIVE = NetworkObjective(MODEL)
MOMENT = np.random.default_rng(3).uniform(1e-6, 1e-2, MODEL.size)
TRAINED = replace(MODEL, optimizer={"v": MOMENT, "step": np.array(7)}, training={"betas": [0.8, 0.99]})


@pytest.mark.parametrize("matrix", STAND_INS)
def test_a_stand_in_has_the_eigenvalues_of_its_dense_matrix_none_negative(matrix):
    dense = fisher_products(OBJECTIVE, MODEL.theta, np.eye(MODEL.size), matrix=matrix)
    record = analyze_hessian(MODEL, operator=matrix, top=3, bottom=2)
    expected = np.linalg.eigvalsh(dense)
    assert np.allclose(record.eigenvalues, np.r_[expected[:2], expected[-3:]], rtol=0, atol=1e-12)
    assert np.all(record.eigenvalues > -record.errors)


def test_adam_sees_the_hessian_between_the_roots_of_what_it_divides_by():
    diagonal = adam_preconditioner(MOMENT, 7, beta1=0.8, beta2=0.99)
    dense = dense_matrix(hessian_operator(OBJECTIVE, MODEL.theta)).matrix
    expected = np.linalg.eigvalsh(dense / np.sqrt(np.outer(diagonal, diagonal)))
    record = analyze_hessian(TRAINED, precondition=True, top=2)
    assert np.allclose(record.eigenvalues, expected[-2:], rtol=1e-10)


@pytest.mark.parametrize(
    ("model", "asked", "words"),
    [
        (MODEL, {"operator": "kfac"}, "hessian, gauss-newton, fisher, empirical-fisher"),
        (MODEL, {"precondition": True}, "optimizer.v and optimizer.step"),
        (MODEL, {"operator": "fisher", "method": "both"}, "those of the Hessian"),
    ],
)
def test_what_cannot_be_asked_is_refused(model, asked, words):
    with pytest.raises(InputError, match=words):
        analyze_hessian(model, **asked)


def test_a_function_of_theta_has_no_outputs():
    with pytest.raises(InputError, match=r"the outputs of a network.*use the Hessian"):
        matrix_operator(toy(), [0.0, 0.0], "gauss-newton")


def test_an_error_covers_the_rounding_of_the_matrix_itself():
    exact = analyze_hessian(MODEL, top=4, bottom=4)
    rounded = analyze_hessian(MODEL, top=4, bottom=4, dtype="float32")
    apart = np.abs(rounded.eigenvalues - exact.eigenvalues)
    assert np.all(apart <= rounded.errors + exact.errors)
    assert np.all(exact.errors >= np.finfo(np.float64).eps * np.abs(exact.eigenvalues).max())
