"""A record is taken up only by the same function: what a user's loss reads around it belongs to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from landscape import TorchObjective, measure_sharpness
from landscape.tables.sharpness import sharpness_table

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch

X, Y = torch.ones(3, 2), torch.zeros(3, 1)
SCALE = 1.0
WEIGHTS = torch.ones(3, 1)
COUNT = 0


def helper(x: Any) -> Any:
    return SCALE * x


def by_global(output: Any, target: Any) -> Any:
    return (helper(output - target) ** 2).mean()


def by_tensor(output: Any, target: Any) -> Any:
    return (WEIGHTS * (output - target) ** 2).mean()


def by_count(output: Any, target: Any) -> Any:
    global COUNT
    COUNT += 1
    return F.mse_loss(output, target)


def with_closure(factor: Any) -> Any:
    return lambda output, target: (factor * (output - target) ** 2).mean()


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(2, 1)

    def forward(self, x: Any) -> Any:
        return helper(self.line(x))


def known(loss: Any, module: Any = None) -> str:
    torch.manual_seed(0)
    return TorchObjective(module or nn.Linear(2, 1), loss, (X, Y)).about.model


def test_the_same_function_is_the_same():
    assert known(by_global) == known(by_global)
    assert known(with_closure(2.0)) == known(with_closure(2.0))
    assert known(with_closure(torch.ones(2))) == known(with_closure(torch.ones(2)))


def test_another_number_in_a_closure_is_another_function():
    assert known(with_closure(2.0)) != known(with_closure(3.0))
    assert known(with_closure(torch.ones(1))) != known(with_closure(torch.zeros(1)))
    assert known(with_closure([1.0, 2.0][0])) != known(with_closure(np.float64(3.0)))


@pytest.mark.parametrize("name", ["SCALE", "WEIGHTS"])
def test_another_number_in_the_module_is_another_function_also_through_a_helper(name, monkeypatch):
    losses = {"SCALE": by_global, "WEIGHTS": by_tensor}
    before, module = known(losses[name]), known("mse", Scaled())
    monkeypatch.setitem(globals(), name, 2.0 * globals()[name])
    assert known(losses[name]) != before
    assert (known("mse", Scaled()) != module) == (name == "SCALE")


def test_what_a_function_counts_for_itself_does_not_belong_to_it():
    assert known(by_count) == known(by_count)
    assert COUNT > 0


def test_measures_that_a_module_does_not_allow_are_named():
    objective = TorchObjective(nn.Linear(2, 1), nn.MSELoss(), (X, Y))
    record = measure_sharpness(objective)
    assert record.settings["not_assessed"] == {"fisher_rao": "needs the examples of a model"}
    assert "not assessed: fisher_rao, which needs the examples of a model" in sharpness_table(record)
    assert "not_assessed" not in measure_sharpness(objective, measures=["lambda_max"]).settings
