"""The parts of a verdict against closed forms: counts, decrement, polishing, quartic forms, higher derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.critical.escape import escape_along
from landscape.critical.higher import decide, third_and_fourth
from landscape.critical.local import look, negative_count
from landscape.critical.polish import polish
from landscape.critical.quartic import certified_minimum, form, lowest_direction, symmetrized
from landscape.objective import NetworkObjective, complete
from tests.critical.points import bent_valley, crossed, monkey_saddle, quartic, toy_network
from tests.curvature.matrices import matrix_of, quadratic, toy

CLUSTERED = np.r_[np.full(5, -1.0), [-1e-3, -1e-3 - 1e-9], np.full(4, 3.0), np.linspace(1, 1.001, 6)]


@pytest.mark.parametrize("seed", range(4))
def test_blocks_of_ldl_count_the_negative_eigenvalues(seed):
    assert negative_count(matrix_of(CLUSTERED, seed)) == 7
    rng = np.random.default_rng(seed)
    skew = rng.standard_normal((9, 9))
    hollow = skew + skew.T - np.diag(np.diag(skew + skew.T))
    assert negative_count(hollow) == np.sum(np.linalg.eigvalsh(hollow) < 0)


def test_zeros_stand_between_the_ends_of_the_index_interval():
    values = np.r_[np.full(3, -2.0), np.zeros(10), np.full(7, 1.0)]
    local = look(complete(quadratic(matrix_of(values))), np.zeros(20), scale=1.0, dense=True)
    assert local.inertia == (7, 10, 3)
    low, high = local.widened(1e-12).index_interval()
    assert (low, high) == (3, 13)


@pytest.mark.parametrize("dense", [True, False])
def test_the_decrement_of_a_quadratic_is_its_depth_by_either_way(dense):
    matrix = matrix_of(np.linspace(1, 4, 12))
    theta = np.linspace(-1, 1, 12)
    local = look(complete(quadratic(matrix)), theta, scale=2.0, dense=dense)
    assert local.decrement == pytest.approx(0.5 * theta @ matrix @ theta / 2.0, rel=1e-5)
    assert np.allclose(local.newton, -theta, atol=1e-5)
    assert local.flatness < 1e-5


@pytest.mark.parametrize("dense", [True, False])
def test_polishing_goes_to_the_saddle_and_not_past_it(dense):
    derivatives = complete(toy())
    start = look(derivatives, np.array([0.2, 0.25]), scale=1.0, dense=dense)
    found = polish(derivatives, start, scale=1.0, dense=dense, reach=1.0)
    assert np.allclose(found.local.theta, 0, atol=1e-10)
    assert found.local.loss == pytest.approx(1.0)
    assert found.local.loss > start.loss


def test_polishing_never_goes_farther_than_it_may():
    derivatives = complete(quadratic(np.diag([1.0, -2.0])))
    start = look(derivatives, np.array([3.0, 4.0]), scale=1.0, dense=True)
    found = polish(derivatives, start, scale=1.0, dense=True, reach=1.0)
    assert found.distance <= 1.0
    assert found.local.gradient_norm < start.gradient_norm


def test_polishing_a_network_from_beside_the_saddle_reaches_it():
    derivatives = complete(quadratic(matrix_of(CLUSTERED)))
    start = look(derivatives, np.full(17, 0.1), scale=1.0, dense=True)
    found = polish(derivatives, start, scale=1.0, dense=True, reach=10.0)
    assert found.local.gradient_norm < 1e-14
    assert found.newton_steps >= 1


def test_no_step_lowers_a_bowl():
    found = escape_along(complete(quadratic(np.eye(2))), np.zeros(2), 0.0, np.array([1.0, 0.0]), 1.0)
    assert found.best == 0.0
    assert np.allclose(found.actual, found.predicted)


def tensor_of(*terms: tuple[tuple[int, int, int, int], float], size: int) -> np.ndarray:
    """Give the symmetric tensor of a sum of monomials."""
    tensor = np.zeros((size,) * 4)
    for place, value in terms:
        tensor[place] += value
    return symmetrized(tensor)


@pytest.mark.parametrize("seed", range(3))
def test_a_certificate_is_never_above_the_form(seed):
    rng = np.random.default_rng(seed)
    tensor = symmetrized(
        rng.standard_normal((3, 3, 3, 3)) + 2 * np.einsum("ij,kl->ijkl", np.eye(3), np.eye(3))
    )
    bound = certified_minimum(tensor)
    units = rng.standard_normal((2000, 3))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    values = [form(tensor, unit) for unit in units]
    lowest = lowest_direction(tensor)[1]
    assert bound <= lowest + 1e-12
    assert lowest <= min(values) + 1e-9
    # Hilbert: in three variables nothing is lost, but for where the search stops.
    assert bound >= lowest - 0.02 * np.abs(tensor).max()


def test_a_positive_form_without_mixed_terms_is_proven_positive():
    tensor = tensor_of(*[((i, i, i, i), 1.0) for i in range(3)], size=3)
    assert certified_minimum(tensor) == pytest.approx(1 / 3, abs=0.01)


def test_a_form_with_a_zero_is_not_proven_positive():
    squares = tensor_of(((0, 0, 1, 1), 1.0), size=2)
    assert certified_minimum(squares) <= 0
    difference = tensor_of(((0, 0, 0, 0), 1.0), ((1, 1, 1, 1), 1.0), ((0, 0, 1, 1), -2.0), size=2)
    assert certified_minimum(difference) <= 1e-12


def test_third_and_fourth_derivatives_are_the_polynomials():
    third, fourth, third_error, fourth_error = third_and_fourth(
        complete(monkey_saddle()), np.zeros(2), np.eye(2), 0.02
    )
    assert np.allclose(third[0, 0], [6, 0], atol=max(1e-9, third_error))
    assert np.allclose(third[1, 1], [-6, 0], atol=max(1e-9, third_error))
    assert np.abs(fourth).max() <= max(1e-6, fourth_error)
    _, fourth, _, error = third_and_fourth(complete(crossed()), np.zeros(2), np.eye(2), 0.02)
    assert fourth[0, 0, 1, 1] == pytest.approx(4, abs=max(1e-6, error))
    assert fourth[0, 1, 0, 1] == pytest.approx(4, abs=max(1e-6, error))


def test_the_bracket_takes_away_what_the_cubic_part_wins_back():
    # (y − x²)² + x⁴: f₄ = 48, f₃(x, x, y) = −4, H⁺ = ½, so 48 − 3·16/2 = 24.
    inverse = np.diag([0.0, 0.5])
    found = decide(complete(bent_valley()), np.zeros(2), np.zeros(2), np.eye(1, 2), inverse, 1e-15)
    assert found.decision == 1
    assert found.fourth == pytest.approx(24, rel=1e-6)
    # The curve of least loss is y = x².
    assert np.allclose(found.acceleration, [0, 2], atol=1e-6)


def test_a_fourth_order_minimum_is_reached_from_beside_it():
    derivatives = complete(quartic())
    start = look(derivatives, np.array([0.01]), scale=1.0, dense=True)
    found = polish(derivatives, start, scale=1.0, dense=True, reach=1.0)
    assert abs(found.local.theta[0]) < 1e-6


def test_a_networks_products_are_differentiated_like_a_functions():
    model = toy_network(1, 1)
    ours = third_and_fourth(complete(NetworkObjective(model)), model.theta, np.eye(2), 0.02)
    theirs = third_and_fourth(complete(toy()), model.theta, np.eye(2), 0.02)
    assert np.allclose(ours[0], theirs[0], atol=1e-8)
    assert np.allclose(ours[1], theirs[1], atol=1e-6)
