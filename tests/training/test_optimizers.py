"""Every optimizer and schedule moves θ as its plain twin does, step by step."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from landscape.formulas.optimizers import OPTIMIZERS
from landscape.formulas.schedules import SCHEDULES
from landscape.training import Recipe, descend
from tests.training import twins

STEPS, START = 60, np.array([-1.2, 0.7])


def rosenbrock(theta, step):
    x, y = theta
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


def require_equal_paths(**settings):
    recipe = Recipe(steps=STEPS, **settings)
    expected = np.array(list(islice(twins.descend(recipe, START, rosenbrock), STEPS + 1)))
    found = descend("rosenbrock", START, steps=STEPS, threads=1, **settings)
    np.testing.assert_allclose(found.path[0], expected, rtol=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_is_its_twin(name):
    require_equal_paths(optimizer=name, learning_rate=1e-3)


@pytest.mark.parametrize("name", ["sgd", "nesterov", "rmsprop", "adam", "sam"])
def test_settings_reach_the_update(name):
    require_equal_paths(
        optimizer=name, learning_rate=2e-4, momentum=0.7, beta2=0.9, eps=1e-3, clip=20.0, radius=0.02 * (name == "sam")
    )  # fmt: skip


@pytest.mark.parametrize("name", ["adamw", "lion"])
def test_a_decoupled_decay_acts_on_theta(name):
    require_equal_paths(optimizer=name, learning_rate=1e-2, weight_decay=0.3)


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"one_cycle"}))
@pytest.mark.parametrize("warmup", [0, 11])
def test_a_schedule_is_its_twin(name, warmup):
    require_equal_paths(
        schedule=name, warmup=warmup, learning_rate=2e-4, decay=0.5, floor=0.1, period=7.0, schedule_steps=80
    )


def test_one_cycle_rises_for_three_tenths_and_falls_to_almost_nothing():
    from landscape.kernels.runs import scheduled

    code = list(SCHEDULES).index("one_cycle")
    rates = np.array([scheduled(code, step, 100, 0, 1.0, 0.1, 0.0) for step in range(100)])
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[29] == pytest.approx(1.0)
    assert rates[99] == pytest.approx(1e-4 / 25)
    assert np.all(np.diff(rates[:30]) > 0)
    assert np.all(np.diff(rates[29:]) < 0)


def test_the_transformers_schedule_peaks_at_one_where_its_warmup_ends():
    from landscape.kernels.runs import scheduled

    code = list(SCHEDULES).index("transformer")
    rates = [scheduled(code, step, 1000, 0, 40.0, 0.1, 0.0) for step in range(1000)]
    assert int(np.argmax(rates)) == 39
    assert max(rates) == pytest.approx(1.0)


def test_momentum_of_the_lecture_and_of_pytorch_agree_while_the_rate_is_constant():
    lecture = descend("toy", [0.3, 1.4], optimizer="heavy_ball", learning_rate=0.02, steps=50)
    torch = descend("toy", [0.3, 1.4], optimizer="sgd", momentum=0.9, learning_rate=0.02, steps=50)
    np.testing.assert_allclose(lecture.path, torch.path, rtol=1e-10)


def test_adagrad_is_the_mean_form_with_a_rate_that_falls_by_the_root_of_the_step():
    both = {"learning_rate": 1.0, "eps": 0.0, "steps": 400}
    total = descend("convex", [-120.0, -4.0], optimizer="adagrad", **both)
    mean = descend("convex", [-120.0, -4.0], optimizer="adagrad_rms", schedule="inverse_sqrt", **both)
    np.testing.assert_allclose(total.path, mean.path, rtol=1e-9)
