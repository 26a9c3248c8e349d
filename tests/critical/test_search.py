"""The search for critical points: what it finds, what it tells apart, how it is taken up."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.critical import search, search_critical
from landscape.errors import InputError
from landscape.model import build_model
from landscape.objective import CallableObjective
from landscape.records import Atlas
from landscape.tables.critical import atlas_table
from tests.critical.points import polynomial
from tests.scanning.examples import small_model


def egg_box() -> CallableObjective:
    """Give cos x + cos y: minima, saddles and maxima at losses −2, 0 and 2."""
    return polynomial(
        lambda x, y: np.cos(x) + np.cos(y),
        lambda x, y: [-np.sin(x), -np.sin(y)],
        lambda x, y: [[-np.cos(x), 0], [0, -np.cos(y)]],
        2,
    )


def xor():
    """Build the exclusive or with two tanh units."""
    return build_model(
        layers=[(np.ones((2, 2)), np.zeros(2)), (np.ones((2, 1)), np.zeros(1))],
        activation="tanh",
        loss="mse",
        x_train=np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]),
        y_train=np.array([[0.0], [1], [1], [0]]),
    )


def test_the_index_of_every_point_goes_with_its_loss():
    found = search_critical(egg_box(), 30, [0.5, 0.5], spread=3.0)
    index = found.inertia[found.critical, 2]
    assert found.critical.all()
    assert set(index.tolist()) == {0, 1, 2}
    assert np.allclose(found.loss[found.critical], 2 * index - 2, atol=1e-12)


def test_saddles_of_a_network_are_found_beside_its_minima():
    found = search_critical(xor(), 15)
    index = found.inertia[found.critical, 2]
    assert found.critical.sum() >= 12
    assert 0 in index
    assert index.max() >= 1
    assert np.all(found.newton_decrement[found.critical] <= 1e-12)
    # The stuck plateau of the constant prediction is among them.
    assert np.isclose(found.loss[found.critical], 0.25).any()


def test_gradient_flat_ends_are_told_apart_and_not_counted():
    slope = CallableObjective(
        lambda x: x[0] + x[1] ** 2,
        lambda x: np.array([1.0, 2 * x[1]]),
        lambda x, v: np.array([0.0, 2 * v[1]]),
        size=2,
    )
    found = search_critical(slope, 3, [0.0, 0.0])
    assert not found.critical.any()
    assert found.flat.all()
    assert "none of 3 starts" in found.status
    assert found.summary()["gradient_flat"] == 3


def test_a_search_that_was_cut_is_taken_up_with_the_same_bits(tmp_path, monkeypatch):
    whole = search_critical(egg_box(), 6, [0.0, 0.0])
    path, run = tmp_path / "atlas.npz", search.run

    def cut(derivatives, theta, number, scale):
        if number == 3:
            raise KeyboardInterrupt
        return run(derivatives, theta, number, scale)

    monkeypatch.setattr(search, "run", cut)
    with pytest.raises(KeyboardInterrupt):
        search_critical(egg_box(), 6, [0.0, 0.0], output=path)
    assert Atlas.load(path).done.tolist() == [True] * 3 + [False] * 3
    monkeypatch.setattr(search, "run", run)
    said = []
    resumed = search_critical(egg_box(), 6, [0.0, 0.0], output=path, announce=said.append)
    assert said[0] == "resuming at 50%"
    assert len(said) == 4
    assert all(np.array_equal(resumed.arrays()[name], array) for name, array in whole.arrays().items())
    assert search_critical(egg_box(), 6, [0.0, 0.0], output=path) == resumed


def test_another_seed_starts_elsewhere():
    one, other = (search_critical(egg_box(), 2, [0.0, 0.0], seed=seed, spread=2.0) for seed in (0, 1))
    assert not np.array_equal(one.theta, other.theta)


@pytest.mark.parametrize(
    ("subject", "asked", "message"),
    [
        (egg_box(), {"starts": 0, "theta": [0.0, 0.0]}, "nothing to search"),
        (egg_box(), {"starts": 2, "theta": [0.0, 0.0], "spread": 0.0}, "spread: expected a positive number"),
        (egg_box(), {"starts": 2}, "expected theta"),
    ],
)
def test_a_search_for_nothing_is_refused(subject, asked, message):
    with pytest.raises(InputError, match=message):
        search_critical(subject, **asked)


def test_a_network_too_large_for_its_hessian_in_every_step_is_refused(monkeypatch):
    monkeypatch.setattr(search, "MOST_DENSE_STEPS", 100)
    with pytest.raises(InputError, match=r"of up to 100 parameters, found 355"):
        search_critical(small_model(), 3)


def test_a_start_without_a_loss_is_an_answer_beside_the_others():
    bowl = CallableObjective(
        lambda x: float(x @ x) if x[0] > 0 else float("nan"), lambda x: 2 * x, lambda x, v: 2 * v, size=2
    )
    found = search_critical(bowl, 8, [1.0, 0.0])
    told = found.summary()
    assert found.finished
    assert 0 < np.isnan(found.loss).sum() < 8
    assert not found.critical[np.isnan(found.loss)].any()
    json.dumps(told, allow_nan=False)
    atlas_table(found)
