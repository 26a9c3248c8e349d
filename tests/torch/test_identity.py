"""A record is taken up only by the same function: what a user's loss reads around it belongs to it."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace
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


def with_default(factor: Any) -> Any:
    def loss(output: Any, target: Any, factor: Any = factor) -> Any:
        return (factor * (output - target) ** 2).mean()

    return loss


class Rule:
    """A loss that is a method of an object with a number."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def loss(self, output: Any, target: Any) -> Any:
        return (self.factor * (output - target) ** 2).mean()


class Doubling(Rule):
    factor = 2.0

    def __init__(self) -> None:
        pass


def by_class(output: Any, target: Any) -> Any:
    return Doubling().loss(output, target)


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


def test_defaults_settings_and_numbers_of_numpy_belong_to_a_function():
    assert known(with_default(2.0)) == known(with_default(2.0)) != known(with_default(3.0))
    assert known(with_closure(np.float32(2.0))) != known(with_closure(np.float32(3.0)))
    one, two = (SimpleNamespace(rate=rate) for rate in (1.0, 2.0))
    assert known(reading(one)) == known(reading(one)) != known(reading(two))


def reading(given: Any) -> Any:
    return lambda output, target: given.rate * F.mse_loss(output, target)


def test_a_method_belongs_to_the_numbers_of_its_object_and_a_class_is_its_methods(monkeypatch):
    assert known(Rule(1.0).loss) == known(Rule(1.0).loss) != known(Rule(2.0).loss)
    before = known(by_class)
    assert known(by_class) == before
    monkeypatch.setattr(Doubling, "factor", 3.0)
    assert known(by_class) != before
    monkeypatch.undo()
    monkeypatch.setattr(Rule, "loss", lambda self, output, target: F.mse_loss(output, target))
    assert known(by_class) != before


def test_the_text_of_a_module_of_the_users_own_belongs_to_what_calls_it(tmp_path, monkeypatch):
    found = []
    for text in (
        "def loss(a, b):\n    return ((a - b) ** 2).mean()\n",
        "def loss(a, b):\n    return 2 * ((a - b) ** 2).mean()\n",
    ):
        file = tmp_path / f"rules{len(found)}.py"
        file.write_text(text)
        spec = importlib.util.spec_from_file_location("rules", file)
        assert spec is not None
        assert spec.loader is not None
        rules = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(rules)
        found.append(known(calling(rules)))
    assert found[0] != found[1]
    assert known(calling(F)) == known(calling(F))


def calling(rules: Any) -> Any:
    return lambda output, target: getattr(rules, "loss", F.mse_loss)(output, target)


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


@pytest.mark.parametrize("text", ["no quote's end\n", "def other(:\n    pass\n", "  x\n y\n", ""])
def test_a_function_whose_file_holds_another_text_is_its_compiled_code(text, tmp_path):
    path = tmp_path / "README.md"
    path.write_text(text)

    def made(factor: str) -> Any:
        code = f"def loss(output, target):\n    return {factor} * output.sum()\n"
        exec(compile(code, str(path), "exec"), found := {})
        return found["loss"]

    assert known(made("2")) == known(made("2"))
    assert known(made("2")) != known(made("3"))
