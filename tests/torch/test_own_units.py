"""Dead units of a module that PyTorch evaluates: the engine's shares of the same network, wherever its activations are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import landscape
from landscape import NetworkObjective, TorchObjective, diagnose
from landscape.diagnosis.state import dead_outputs, dead_share, gone
from landscape.objective.units import unit_ranges
from tests.torch.test_from_torch import of

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(40, 3, generator=GENERATOR, dtype=torch.float64)
IMAGES = torch.randn(12, 1, 6, 6, generator=GENERATOR, dtype=torch.float64)
Y = torch.randn(40, 2, generator=GENERATOR, dtype=torch.float64)


def shifted(module: Any, bias: list[float]) -> Any:
    """Add to the biases of the first layer, so that some of its units leave the range in which they learn."""
    with torch.no_grad():
        module.bias += torch.tensor(bias, dtype=module.bias.dtype)
    return module


def layers(*between: Any, bias: list[float]) -> Any:
    torch.manual_seed(1)
    return nn.Sequential(shifted(nn.Linear(3, 4), bias), *between, nn.Linear(4, 2)).double()


FAR, SIDES = [-50.0, 0.0, -50.0, 0.0], [-50.0, 50.0, 0.0, 0.0]
NETWORKS: dict[str, tuple[Any, Any]] = {
    "relu": (lambda: layers(nn.ReLU(), bias=FAR), X),
    "relu in place": (lambda: layers(nn.ReLU(inplace=True), bias=FAR), X),
    "all dead": (lambda: layers(nn.ReLU(), bias=[-50.0] * 4), X),
    "none dead": (lambda: layers(nn.ReLU(), bias=[0.0] * 4), X),
    "tanh": (lambda: layers(nn.Tanh(), bias=SIDES), X),
    "sigmoid": (lambda: layers(nn.Sigmoid(), bias=SIDES), X),
    "relu6": (lambda: layers(nn.ReLU6(), bias=SIDES), X),
    "hardtanh": (lambda: layers(nn.Hardtanh(), bias=SIDES), X),
    "hardsigmoid": (lambda: layers(nn.Hardsigmoid(), bias=SIDES), X),
    "hardswish": (lambda: layers(nn.Hardswish(), bias=SIDES), X),
    "gelu": (lambda: layers(nn.GELU(), bias=SIDES), X),
    "two layers": (lambda: layers(nn.Tanh(), nn.Linear(4, 4), nn.ReLU(), bias=SIDES), X),
    "last": (lambda: nn.Sequential(layers(nn.ReLU(), bias=FAR), shifted(nn.Linear(2, 2), [-90.0, 0.0]).double(), nn.ReLU()), X),
    "filters": (
        lambda: nn.Sequential(shifted(nn.Conv2d(1, 3, 3), [-50.0, 0.0, 0.0]), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 2)).double(),
        IMAGES,
    ),
}  # fmt: skip


def pair(name: str, batch_size: int = 16) -> tuple[TorchObjective, NetworkObjective]:
    make, x = NETWORKS[name]
    torch.manual_seed(1)
    module, y = make(), Y[: len(x)]
    model = landscape.from_torch(module, nn.MSELoss(), (x, y))
    return TorchObjective(module, nn.MSELoss(), (x, y), batch_size=batch_size), NetworkObjective(
        model, threads=1
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_units_and_the_dead_ones_are_those_of_the_engine(name):
    objective, engine = pair(name)
    found = objective.about.examples["train"].units(objective.theta)
    theirs = [unit for unit in unit_ranges(engine, engine.model.theta) if unit.op != "gelu"]
    if not theirs:
        assert found is None
        return
    ours = [*found.hidden, *([] if found.last is None else [found.last])]
    assert [unit.op for unit in ours] == [unit.op for unit in theirs]
    for one, other in zip(ours, theirs, strict=True):
        # The engine has the filters of an image last.
        for name in ("low", "high"):
            assert np.allclose(np.sort(getattr(one, name)), np.sort(getattr(other, name)), atol=1e-12)
        assert gone(one).sum() == gone(other).sum()
    state = diagnose(objective).report["evidence"]["state"]
    if state is not None:
        share, layer = dead_share(engine)
        assert state["dead"] == share
        assert (state["dead_layer"] == "") == (layer == "")
        expected = dead_outputs(engine) or {"dead_outputs": 0, "outputs": 0}
        assert {key: state[key] for key in expected} == expected


def test_dead_units_are_a_cause_with_their_threshold_as_for_the_engine():
    objective, engine = pair("all dead")
    ours = diagnose(objective).report
    theirs = diagnose(engine.model, budget="quick", threads=1).report
    keys = ("verdict", "subtype", "confidence")
    assert [ours[key] for key in keys] == [theirs[key] for key in keys]
    assert ours["subtype"] == "dead-units"
    (said,) = [text for text in ours["why"] if "do the same for every input" in text]
    assert "100% of the units of 1 do the same for every input (dead from 90%)" in said
    assert any("(dead from 90%)" in text for text in ours["evidence"]["beside"])
    assert (
        diagnose(pair("relu")[0], thresholds={"dead": 0.5}).report["accepted"][0] == "optimization/dead-units"
    )


WAYS: dict[str, Any] = {
    "function": lambda s, x: s.b(F.relu(s.a(x))),
    "in place": lambda s, x: s.b(s.a(x).relu_()),
    "method": lambda s, x: s.b(s.a(x).relu()),
    "several times": lambda s, x: s.b(s.act(s.act(s.a(x)))),
}


@pytest.mark.parametrize("name", WAYS)
def test_activations_are_seen_however_they_are_called(name):
    torch.manual_seed(1)
    module = of(WAYS[name], a=shifted(nn.Linear(3, 4), FAR), b=nn.Linear(4, 2), act=nn.ReLU()).double()
    objective = TorchObjective(module, nn.MSELoss(), (X, Y), batch_size=16)
    found = objective.about.examples["train"].units(objective.theta)
    assert gone(found.hidden[0]).tolist() == [True, False, True, False]
    assert len(found.hidden) == (2 if name == "several times" else 1)
    assert found.last is None


def of_batches(module: Any, batch: Any) -> tuple[Any, int]:
    return F.mse_loss(module(batch[0]), batch[1]), len(batch[0])


def test_a_loss_of_batches_has_units_too():
    module = layers(nn.ReLU(), bias=[-50.0] * 4)
    objective = TorchObjective(module, None, (X, Y), batch_loss=of_batches, batch_size=16)
    report = diagnose(objective, constant_loss=float(Y.var(0, unbiased=False).mean())).report
    assert report["subtype"] == "dead-units"


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells, self.head = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)
        with torch.no_grad():
            self.cells.bias_ih_l0 += 50.0

    def forward(self, x: Any) -> Any:
        return self.head(self.cells(x[:, None])[0][:, -1])


class Either(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.b(torch.relu(self.a(x)) if len(x) == 16 else torch.tanh(self.a(x)))


@pytest.mark.parametrize("make", [Recurrent, Either])
def test_gates_are_no_units_and_what_differs_between_batches_is_not_assessed(make):
    torch.manual_seed(1)
    report = diagnose(TorchObjective(make().double(), nn.MSELoss(), (X, Y), batch_size=16)).report
    assert report["evidence"]["state"]["dead_layer"] == ""
    assert any(text.startswith("dead units: no activation that can die") for text in report["not_assessed"])


def test_watching_leaves_no_hook_behind():
    objective = pair("two layers")[0]
    module = objective.host.module
    objective.about.examples["train"].units(objective.theta)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
