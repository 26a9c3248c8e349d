"""Many points at once are the points one after the other; what cannot be done so is found by a trial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from landscape import TorchObjective, scan

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch

torch.manual_seed(0)
X, Y = torch.randn(7, 4, dtype=torch.float64), torch.arange(7) % 3
AXES = (np.linspace(-1, 1, 5), np.linspace(-1, 1, 5))


class Recurrent(nn.Module):
    """Its list of weights keeps references, so that another θ has to be put there."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(2, 3, batch_first=True), nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        return self.head(self.rnn(x.view(-1, 2, 2))[0][:, -1])


class Branching(nn.Module):
    """What it does depends on a number, which no call for many points can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        found = self.line(x)
        return found if found.sum() > 0 else -found


def plain() -> Any:
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3))


def images() -> Any:
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 3, 2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(27, 3)
    )


def swept(objective: TorchObjective, *, at_once: bool) -> dict[str, Any]:
    if not at_once:
        objective.__dict__["many"] = None
    directions = np.random.default_rng(0).standard_normal((2, objective.size))
    sweep = objective.sweep(objective.theta, directions, AXES)
    assert (sweep.many is not None) == at_once
    for step in range(sweep.steps):
        sweep.run(step)
    return sweep.finish()


LOSSES = {
    "mean": nn.CrossEntropyLoss(),
    "sum": nn.CrossEntropyLoss(reduction="sum"),
    "weighted": nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]), ignore_index=1),
    "own": lambda output, target: (F.one_hot(target, 3) - output).abs().mean(),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("make", [plain, images])
def test_the_numbers_are_those_of_one_point_after_the_other(make, loss):
    torch.manual_seed(1)
    module = make().double()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    # The last batch is a short one.
    once, each = (TorchObjective(module, LOSSES[loss], (X, Y), batch_size=3) for _ in range(2))
    found, expected = swept(once, at_once=True), swept(each, at_once=False)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert np.allclose(found[name], values, rtol=0, atol=1e-12)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


@pytest.mark.parametrize("make", [Recurrent, Branching])
def test_what_cannot_be_done_at_once_gives_its_numbers_all_the_same(make):
    torch.manual_seed(2)
    module = make().double()
    objective = TorchObjective(module, nn.CrossEntropyLoss(), (X, Y))
    record = scan(objective, points=3, dimensions=1)
    other = TorchObjective(module, nn.CrossEntropyLoss(), (X, Y))
    other.__dict__["many"] = None
    expected = scan(other, points=3, dimensions=1).values["train_loss"]
    assert np.allclose(record.values["train_loss"], expected, rtol=0, atol=1e-12)
    if make is Branching:
        assert objective.many is None


def test_a_loss_of_batches_and_recomputed_statistics_go_one_by_one():
    def mean(module: Any, batch: Any) -> Any:
        return F.cross_entropy(module(batch[0]), batch[1]), len(batch[0])

    assert TorchObjective(plain().double(), None, (X, Y), batch_loss=mean).many is None
    recomputed = TorchObjective(plain().double(), nn.CrossEntropyLoss(), (X, Y), recompute_statistics=True)
    assert recomputed.sweep(recomputed.theta, np.ones((1, recomputed.size)), AXES[:1]).many is None
