"""Measures that are known on paper: of quadratics, and of linear regression."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.errors import ComputationError, InputError
from landscape.model import build_model
from landscape.objective import CallableObjective
from landscape.sharpness import MEASURES, Options, measure_sharpness
from landscape.sharpness.subject import function_subject
from landscape.sharpness.width import crossings
from tests.curvature.matrices import matrix_of, quadratic
from tests.scanning.examples import small_model

RNG = np.random.default_rng(8)
VALUES = np.r_[np.linspace(0.1, 2.0, 11), 5.0]
MATRIX = matrix_of(VALUES)
SIZE = len(MATRIX)
CENTER = RNG.standard_normal(SIZE)


def shifted(matrix=MATRIX, center=CENTER):
    """½ (θ − c)ᵀA(θ − c): at a minimum c that is not zero, as relative measures need."""
    return CallableObjective(
        lambda x: 0.5 * float((x - center) @ matrix @ (x - center)),
        lambda x: matrix @ (x - center),
        lambda x, v: matrix @ v,
        size=len(matrix),
    )


def measured(name, theta=CENTER, **options):
    found = measure_sharpness(shifted(), theta, measures=[name], shapes=[(3, 4)], options=Options(**options))
    return found.measures[name]


def box_maximum(matrix, box):
    """The largest ½ zᵀAz over |zᵢ| ≤ boxᵢ stands in a corner: try them all."""
    corners = np.array(np.meshgrid(*[[-1, 1]] * len(box))).reshape(len(box), -1).T * box
    return 0.5 * np.max(np.sum((corners @ matrix) * corners, axis=1))


WEIGHTED = abs(CENTER)[:, None] * MATRIX * abs(CENTER)
BLOCKS = MATRIX.reshape(3, 4, 3, 4)
GRAM = CENTER.reshape(3, 4) @ CENTER.reshape(3, 4).T
KNOWN = {
    "lambda_max": 5.0,
    "trace": VALUES.sum(),
    "frobenius": np.linalg.norm(VALUES),
    "sam_maximized": 5.0 * 0.05**2 / 2,
    "adaptive": np.linalg.eigvalsh(WEIGHTED)[-1] * 0.5**2 / 2,
    "weighted_lambda_max": np.linalg.eigvalsh(WEIGHTED)[-1],
    "relative_flatness": np.einsum("st,sjtj->", GRAM, BLOCKS),
}


@pytest.mark.parametrize("name", KNOWN)
def test_on_a_quadratic_at_its_minimum_a_measure_is_its_closed_form(name):
    value, error = measured(name)
    assert value == pytest.approx(KNOWN[name], rel=1e-6)
    assert 0 <= error <= 1e-5 * value


def test_one_step_of_sam_goes_along_the_gradient():
    theta = CENTER + RNG.standard_normal(SIZE)
    gradient = MATRIX @ (theta - CENTER)
    unit = gradient / np.linalg.norm(gradient)
    expected = 0.05 * np.linalg.norm(gradient) + 0.05**2 / 2 * unit @ MATRIX @ unit
    assert measured("sam", theta)[0] == pytest.approx(expected, rel=1e-10)


def test_at_a_critical_point_one_step_of_sam_is_none():
    assert measured("sam") == (0.0, 0.0)


@pytest.mark.parametrize(
    ("name", "mean"),
    [("average", 0.01**2 * VALUES.sum() / 2), ("adaptive_average", 0.1**2 * np.trace(WEIGHTED) / 2)],
)
def test_the_average_is_half_the_variance_times_the_trace_within_its_standard_error(name, mean):
    value, error = measured(name, samples=4000)
    assert abs(value - mean) < 4 * error
    assert error < 0.05 * mean


def test_keskars_maximum_is_the_highest_corner_of_the_box():
    box = 1e-3 * (abs(CENTER) + 1)
    value, _ = measured("keskar", starts=20, iterations=50)
    assert value == pytest.approx(100 * box_maximum(MATRIX, box), rel=1e-9)


def test_keskars_subspace_of_all_dimensions_has_its_own_box():
    value, _ = measured("keskar_subspace", starts=4)
    assert value > 0
    few = measured("keskar_subspace", dimensions=2, starts=4)[0]
    assert 0 < few < value


def test_the_width_is_where_the_quadratic_reaches_the_rise():
    rows = RNG.standard_normal((3, SIZE))
    subject = function_subject(shifted(), CENTER)
    expected = np.sqrt(2 * 0.1 / np.sum((rows @ MATRIX) * rows, axis=1))
    assert np.allclose(crossings(subject, rows, 0.1), expected, rtol=1e-7)


def test_a_loss_that_never_rises_has_no_width():
    flat = CallableObjective(lambda x: 0.0, lambda x: 0 * x, lambda x, v: 0 * v, size=4)
    with pytest.raises(ComputationError, match="does not rise"):
        measure_sharpness(flat, np.ones(4), shapes=[(2, 2)], measures=["width"])


def test_linear_regression_has_the_curvature_of_its_inputs():
    x = RNG.standard_normal((23, 4))
    y = x @ RNG.standard_normal((4, 1))
    model = build_model(layers=[(RNG.standard_normal((1, 4)), None)], loss="mse", x_train=x, y_train=y)
    found = measure_sharpness(model, measures=["lambda_max", "fisher_rao", "trace"]).measures
    hessian = 2 / 23 * x.T @ x
    residuals = x @ model.theta[:, None] - y
    assert found["lambda_max"][0] == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-12)
    assert found["trace"] == (pytest.approx(np.trace(hessian), rel=1e-12), 0.0)
    along = 2 * residuals * (x @ model.theta[:, None])
    assert found["fisher_rao"][0] == pytest.approx(np.sqrt(np.mean(along**2)), rel=1e-12)


def test_weight_decay_is_left_out():
    plain, decayed = (small_model(weight_decay=decay) for decay in (0.0, 0.3))
    found = [measure_sharpness(model, measures=["lambda_max", "sam"]).measures for model in (plain, decayed)]
    assert found[0] == found[1]


def test_of_a_function_what_needs_a_network_is_left_out_and_refused_when_asked_for():
    found = measure_sharpness(quadratic(MATRIX), CENTER)
    assert set(MEASURES) - set(found.measures) == {"relative_flatness", "fisher_rao", "width"}
    assert not found.curves
    with pytest.raises(InputError, match="fisher_rao needs the examples"):
        measure_sharpness(quadratic(MATRIX), CENTER, measures=["fisher_rao"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"measures": ["keskars"]}, "unknown measure 'keskars': choose lambda_max"),
        ({"rescaling_test": True}, "needs a model"),
        ({"theta": None}, "expected theta"),
    ],
)
def test_what_cannot_be_asked_is_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        measure_sharpness(quadratic(MATRIX), **{"theta": CENTER, **wrong})


@pytest.mark.parametrize("wrong", [{"rho": 0.0}, {"sigma": float("nan")}, {"samples": 1}, {"directions": 1}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        Options(**wrong)
