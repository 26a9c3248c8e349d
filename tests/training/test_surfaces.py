"""Named surfaces: derivatives, minima, the lecture's numbers; descents on them and on functions of the user."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from landscape.errors import InputError
from landscape.formulas.surfaces import SURFACES
from landscape.objective import SurfaceObjective
from landscape.training import descend


@pytest.fixture(params=SURFACES)
def surface(request):
    return SurfaceObjective(request.param)


def points(surface, count=5):
    low, high = np.array(surface.box, float).T
    return low + (high - low) * np.random.default_rng(0).random((count, 2))


def test_gradients_and_hessians_are_those_of_the_values(surface):
    step = 1e-3 * np.eye(2)
    for theta in points(surface):
        differences = [(surface.value(theta + e) - surface.value(theta - e)) / 2e-3 for e in step]
        curved = [(surface.gradient(theta + e) - surface.gradient(theta - e)) / 2e-3 for e in step]
        scale = np.abs(surface.hessian(theta)).max() + 1.0
        np.testing.assert_allclose(surface.gradient(theta), differences, rtol=1e-5, atol=1e-5 * scale)
        np.testing.assert_allclose(surface.hessian(theta), curved, rtol=1e-5, atol=1e-5 * scale)


def test_minima_are_critical_and_not_below_zero_curvature(surface):
    for theta in surface.minima:
        scale = np.abs(surface.hessian(theta)).max()
        assert np.abs(surface.gradient(theta)).max() < 1e-9 * scale
        assert np.linalg.eigvalsh(surface.hessian(theta))[0] > 0


def test_the_convex_example_is_the_lectures():
    convex = SurfaceObjective("convex")
    x = np.array([338, 333, 328, 207, 226, 25, 179, 60, 208, 606.0])
    y = np.array([640, 633, 619, 393, 428, 27, 193, 66, 226, 1591.0])
    assert convex.value([-120.0, -4.0]) == pytest.approx(np.sum((y + 120.0 + 4.0 * x) ** 2), rel=1e-12)
    np.testing.assert_allclose(convex.minima[0], [-188.433, 2.669], atol=1e-3)
    np.testing.assert_allclose(np.linalg.eigvalsh(convex.hessian([0, 0])), [5.573, 1.74683e6], rtol=1e-4)


@pytest.mark.parametrize(
    ("settings", "end"),
    [
        ({"learning_rate": 1e-7}, (-123.692, 2.483)),
        ({"learning_rate": 1e-6}, (-149.2, 2.557)),
        ({"learning_rate": 1.0, "optimizer": "adagrad", "eps": 0.0}, (-188.367, 2.669)),
    ],
)
def test_descents_on_the_convex_example_end_where_the_lecture_says(settings, end):
    found = descend("convex", [-120.0, -4.0], steps=100_000, every=100_000, **settings)
    np.testing.assert_allclose(
        found.path[0, -1], end, atol=0.06 if settings["learning_rate"] == 1e-6 else 1e-3
    )


def test_a_rate_that_is_too_large_multiplies_the_error_at_every_step():
    found = descend("convex", [-120.0, -4.0], learning_rate=1e-2, steps=4)
    away = np.linalg.norm(found.path[0] - SurfaceObjective("convex").minima[0], axis=1)
    # The first ratio has the flat direction in it.
    ratio = 1e-2 * 2 * 1.74683e6 / 2 - 1
    np.testing.assert_allclose(away[2:] / away[1:-1], ratio, rtol=1e-2)


def test_many_starts_have_the_bits_of_each_alone_for_any_threads():
    starts = np.random.default_rng(1).uniform(-2, 2, (700, 2))
    one = descend("himmelblau", starts, optimizer="adam", steps=50, every=10, threads=1)
    two = descend("himmelblau", starts, optimizer="adam", steps=50, every=10, threads=2)
    np.testing.assert_array_equal(one.path, two.path)
    for some in ([0], [345], [255, 3, 699], range(90)):
        few = descend("himmelblau", starts[some], optimizer="adam", steps=50, every=10)
        np.testing.assert_array_equal(one.path[some], few.path)
    assert one.step.tolist() == [0, 10, 20, 30, 40, 50]


def test_a_function_of_the_user_descends_as_the_named_surface_does():
    @numba.njit
    def toy(theta):
        return (1.0 - theta[0] * theta[1]) ** 2

    @numba.njit
    def slope(theta):
        r = -2.0 * (1.0 - theta[0] * theta[1])
        return np.array([r * theta[1], r * theta[0]])

    starts = [[0.3, 1.4], [-0.5, -1.0]]
    settings = {"optimizer": "sam", "learning_rate": 0.02, "clip": 1.0, "steps": 40}
    named = descend("toy", starts, **settings)
    exact = descend(toy, starts, gradient=slope, **settings)
    differences = descend(toy, starts, **settings)
    np.testing.assert_allclose(exact.path, named.path, rtol=1e-12)
    np.testing.assert_allclose(differences.path, named.path, rtol=1e-6)
    np.testing.assert_allclose(exact.loss, named.loss, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("starts", "settings", "message"),
    [
        ([0.0, np.nan], {}, "finite"),
        ([0.0, 0.0, 0.0], {}, "2 parameters"),
        ([0.0, 0.0], {"every": 0}, "every"),
        ([0.0, 0.0], {"learning_rate": -1.0}, "learning_rate"),
        ([0.0, 0.0], {"color": 1}, "color"),
    ],
)
def test_bad_input_is_named(starts, settings, message):
    with pytest.raises(InputError, match=message):
        descend("toy", starts, **settings)
    with pytest.raises(InputError, match="rosenbrock"):
        descend("hill", [0.0, 0.0])
