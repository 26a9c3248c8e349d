"""What a user's training function may return, ignore, refuse and change, and what is said where it cannot be used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError, diagnose
from tests.torch.own_training import LINE, Descent, X, line, objective_of, zeros

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]


def test_what_changes_nothing_is_no_intervention():
    objective = objective_of(zeros())

    def train(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        settings.get("learning_rate", 0.1)
        torch.manual_seed(seed)
        return line(), []

    report = diagnose(objective, train=train).report
    missing = " ".join(report["not_assessed"])
    assert "does not take the start" in missing
    assert (
        "a fresh start at a tenth of the rate: the function gives the same with {'learning_rate': 0.01} as without"
        in missing
    )
    assert {o["name"] for o in report["evidence"]["outcomes"]} == {"fresh"}


def test_a_function_may_say_that_it_does_not_take_a_setting():
    objective = objective_of(zeros())

    def fit(objective: Any, theta: Any, seed: int, learning_rate: float = 1e-4) -> Any:
        if theta is None:
            raise NotImplementedError("always from θ")
        return theta - learning_rate * objective.gradient(theta)

    def train(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        return fit(objective, theta, seed, **settings), None

    report = diagnose(objective, train=train, learning_rate=1e-4).report
    names = {o["name"] for o in report["evidence"]["outcomes"]}
    assert names == {"longer", "rate/10", "rate×10", "rate×100", "rate×1000"}
    assert any(
        text.startswith("a fresh start: the function does not take it") for text in report["not_assessed"]
    )


def test_a_function_that_trains_the_module_itself_leaves_it_as_it_was():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).train()
    objective = objective_of(module)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.get_rng_state()

    def train(settings: Any, seed: int, theta: Any) -> tuple[Any, Any]:
        torch.manual_seed(seed)
        optimizer = torch.optim.SGD(module.parameters(), lr=settings.get("learning_rate", 0.01))
        for _ in range(3):
            optimizer.zero_grad()
            F.mse_loss(module(X), LINE).backward()
            optimizer.step()
        return module.state_dict(), None

    report = diagnose(objective, train=train).report
    assert report["evidence"]["outcomes"]
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert module.training
    assert all(p.grad is None for p in module.parameters())
    assert torch.equal(state, torch.get_rng_state())


def test_buffers_of_a_returned_state_count():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).eval()
    objective = objective_of(module)
    trainer = landscape.diagnosis.own_training.Trainer(
        lambda *_: (other.state_dict(), None), objective.about, {}
    )
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    other(X)
    other.eval()
    expected = F.mse_loss(other(X), LINE).item()
    found = trainer({}, 0, None)
    assert found is not None
    assert found.losses["train"] == pytest.approx(expected, rel=1e-5)


def returns(found: Any) -> Any:
    return lambda settings, seed, theta: found


def fails(settings: Any, seed: int, theta: Any) -> Any:
    return settings["learning_rate"]


REFUSED = {
    "no pair": (returns(3), r"train: expected \(θ, history\), found a int: return"),
    "short": (
        returns((np.zeros(2), None)),
        r"expected θ of shape \[4\], found \[2\]: return the trained module",
    ),
    "words": (returns(("abc", None)), r"expected θ, found a str"),
    "history": (returns((np.zeros(4), "abc")), r"expected a history of numbers, found 'str'"),
    "fails": (
        fails,
        r"KeyError: .*settings\.get\(\"learning_rate\", your value\).*test_diagnose_own_function\.py:\d+",
    ),
    "no function": (3, r"train: expected a function"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_training_cannot_be_is_one_line(name):
    train, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as caught:
        diagnose(objective_of(zeros()), train=train)
    assert "\n" not in str(caught.value)


def test_a_training_is_for_an_objective_and_an_objective_has_to_tell_of_itself():
    model = landscape.from_torch(line(), "mse", (X, LINE))
    with pytest.raises(InputError, match=r"train, constant_loss: are for a TorchObjective"):
        diagnose(model, train=returns(None))
    with pytest.raises(InputError, match=r"needs a model, or a TorchObjective"):
        diagnose(landscape.CallableObjective(lambda theta: 0.0, size=1))


@pytest.mark.parametrize("own", [0, 1, 42])
def test_a_network_from_a_small_seed_is_not_taken_for_a_function_that_ignores_its_start(own):
    def make() -> Any:
        return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))

    torch.manual_seed(own)
    objective = objective_of(make())
    report = diagnose(objective, train=Descent(objective, {"learning_rate": 1e-4, "steps": 5}, make)).report
    assert not [said for said in report["not_assessed"] if "does not take the start" in said]
