"""The Gauss–Newton matrix of a network that PyTorch evaluates is the engine's, and that of its definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError, TorchObjective
from landscape.curvature import matrix_operator
from landscape.objective import NetworkObjective

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch

torch.manual_seed(0)
X = torch.randn(9, 4, dtype=torch.float64)
CLASSES = torch.arange(9) * 5 % 3
LOSSES = {
    "cross_entropy": (nn.CrossEntropyLoss(), CLASSES),
    "weighted": (nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5]), ignore_index=0), CLASSES),
    "mse": (nn.MSELoss(), torch.randn(9, 3, dtype=torch.float64)),
    "binary_cross_entropy": (nn.BCEWithLogitsLoss(), (torch.randn(9, 3) > 0).double()),
}


def network() -> Any:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


@pytest.mark.parametrize("name", LOSSES)
def test_it_is_that_of_the_engine(name):
    loss, y = LOSSES[name]
    module = network()
    objective = TorchObjective(module, loss, (X, y), batch_size=4, weight_decay=0.1)
    model = landscape.from_torch(module, loss, (X, y), weight_decay=0.1)
    units = np.eye(objective.size)
    ours = matrix_operator(objective, objective.theta, "gauss-newton").rows(units)
    theirs = matrix_operator(NetworkObjective(model), model.theta, "gauss-newton").rows(units)
    assert np.allclose(ours, theirs, rtol=0, atol=1e-10)
    assert np.linalg.eigvalsh(ours)[0] > 0.1 - 1e-12


def test_it_is_the_curvature_in_the_outputs_between_their_derivatives():
    module = nn.LSTM(4, 2, batch_first=True).double()

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = module

        def forward(self, x: Any) -> Any:
            return self.lstm(x[:, None])[0][:, -1]

    net = Last()
    y = torch.randn(9, 2, dtype=torch.float64)
    objective = TorchObjective(net, nn.MSELoss(), (X, y))
    units = np.eye(objective.size)
    ours = objective.gauss_newton(objective.theta, units)
    shapes = [tuple(p.shape) for p in net.parameters()]

    def outputs(flat: Any) -> Any:
        parts, start = [], 0
        for shape in shapes:
            size = int(np.prod(shape))
            parts.append(flat[start : start + size].view(shape))
            start += size
        names = [name for name, _ in net.named_parameters()]
        return torch.func.functional_call(net, dict(zip(names, parts, strict=True)), (X,)).reshape(-1)

    flat = torch.tensor(objective.theta)
    jacobian = torch.autograd.functional.jacobian(outputs, flat).numpy()
    assert np.allclose(ours, jacobian.T @ jacobian * 2 / y.numel(), rtol=0, atol=1e-12)


def test_the_analysis_takes_it_and_says_so():
    objective = TorchObjective(network(), nn.CrossEntropyLoss(), (X, CLASSES))
    record = landscape.analyze_hessian(objective, operator="gauss-newton", all=True, trace=True)
    assert record.settings["operator"] == "gauss-newton"
    assert record.eigenvalues[0] >= -1e-12
    matrix = matrix_operator(objective, objective.theta, "gauss-newton").rows(np.eye(objective.size))
    assert record.estimates["trace"][0] == pytest.approx(np.trace(matrix), rel=1e-8)


def test_what_has_no_outputs_is_refused():
    def mean(module: Any, batch: Any) -> Any:
        return F.mse_loss(module(batch[0])[:, :1], batch[0][:, :1]), len(batch[0])

    objective = TorchObjective(network(), None, (X, CLASSES), batch_loss=mean)
    with pytest.raises(
        InputError, match="gauss-newton needs a loss of outputs and targets, found a loss of batches"
    ):
        landscape.analyze_hessian(objective, operator="gauss-newton", top=1)
    with pytest.raises(InputError, match="fisher needs the outputs of a network"):
        landscape.analyze_hessian(objective, operator="fisher", top=1)
