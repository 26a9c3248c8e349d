"""The convex example is exact: its curvature, its ends and its steps are the lecture page's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.gallery.convex import START, bursts, goal, path_of
from landscape.gallery.noisy_updates import on_batch
from landscape.gallery.random_plane_hides_saddle import LEARNED, saddle
from landscape.gallery.toy_saddle import escape_of
from landscape.objective import NetworkObjective, SurfaceObjective


def test_curvature_minimum_and_stability_limit_are_those_of_the_ten_points():
    hessian = SurfaceObjective("convex").hessian(START)
    assert hessian.tolist() == [[20.0, 5020.0], [5020.0, 1746816.0]]
    low, high = np.linalg.eigvalsh(hessian)
    assert low == pytest.approx(5.573, rel=1e-4)
    assert high / low == pytest.approx(3.134e5, rel=1e-3)
    assert 2 / high == pytest.approx(1.145e-6, rel=1e-3)
    assert goal() == pytest.approx([-188.433, 2.669], abs=5e-4)
    assert SurfaceObjective("convex").value(goal()) == pytest.approx(1.019e5, rel=1e-3)


@pytest.mark.parametrize(("rate", "end"), [(1e-7, (-123.692, 2.483)), (1e-6, (-149.2, 2.557))])
def test_descent_ends_where_the_page_says(rate, end):
    last = path_of(100_000, learning_rate=rate)[-1]
    assert last[0] == pytest.approx(end[0], abs=0.05 if rate > 1e-7 else 5e-4)
    assert last[1] == pytest.approx(end[1], abs=5e-4)


def test_a_rate_of_a_hundredth_diverges_by_the_spectral_factor_a_step():
    path = path_of(5, learning_rate=1e-2) - goal()
    growth = np.linalg.norm(path[2:], axis=1) / np.linalg.norm(path[1:-1], axis=1)
    # |1 − ηλ| for a loss whose gradient is 2 Σ …: λ is the Hessian's.
    assert growth[-1] == pytest.approx(
        1e-2 * np.linalg.eigvalsh([[20, 5020], [5020, 1746816]])[1] - 1, rel=1e-6
    )


@pytest.fixture(scope="module")
def mean_square():
    return path_of(optimizer="adagrad_rms", learning_rate=1.0)


def test_the_root_mean_square_form_turns_in_step_15_or_16_and_is_quiet_before_600(mean_square):
    assert int(mean_square[:, 0].argmax()) in (15, 16)
    assert mean_square[:, 0].max() == pytest.approx(-113.85, abs=0.02)
    gradients, theta, squares = [], np.array(START), np.zeros(2)
    surface = SurfaceObjective("convex")
    for step in range(600):
        gradients = surface.gradient(theta)
        squares = squares + gradients**2
        theta = theta - gradients / (np.sqrt(squares / (step + 1)) + 1e-10)
    np.testing.assert_allclose(mean_square[600], theta, rtol=1e-9)


def test_the_first_burst_is_near_step_712_and_there_are_fifty(mean_square):
    begins = bursts(mean_square)
    assert begins[0] == pytest.approx(712, rel=0.05)
    assert len(begins) >= 50
    assert np.abs(mean_square[100:, 1] - goal()[1]).max() < 5.0


def test_a_tenth_of_the_rate_has_no_burst():
    assert bursts(path_of(optimizer="adagrad_rms", learning_rate=0.1)).size == 0


def test_adagrad_is_the_root_mean_square_form_with_a_rate_that_decays_and_has_no_burst():
    summed = path_of(optimizer="adagrad", learning_rate=1.0)
    decayed = path_of(optimizer="adagrad_rms", learning_rate=1.0, schedule="inverse_sqrt", period=1)
    np.testing.assert_allclose(summed, decayed, rtol=1e-6)
    assert bursts(summed).size == 0
    assert summed[-1] == pytest.approx([-188.367, 2.669], abs=5e-4)


def test_the_toy_escapes_from_one_to_zero_at_the_root_of_two_where_the_model_says_minus_one():
    alpha, loss, model = escape_of(curvature=-2.0)
    best = loss[np.abs(alpha - np.sqrt(2)).argmin()]
    assert best == pytest.approx(0.0, abs=1e-3)
    np.testing.assert_allclose(loss, (1 - alpha**2 / 2) ** 2, atol=1e-12)
    np.testing.assert_allclose(model, 1 - alpha**2, atol=1e-12)


def test_the_networks_saddle_is_a_critical_point_with_modes_left_out():
    model = saddle()
    assert np.linalg.norm(NetworkObjective(model).gradient(model.theta)) < 1e-13
    assert np.linalg.matrix_rank(model.parameters["fc2.weight"]) == LEARNED


def test_a_batch_is_some_of_the_examples():
    model = saddle()
    batch = on_batch(model, np.arange(7))
    assert batch.examples("train") == 7
    np.testing.assert_array_equal(batch.theta, model.theta)
