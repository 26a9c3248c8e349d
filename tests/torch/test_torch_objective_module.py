"""A module that a PyTorch objective evaluates is as it was afterwards, whatever it is wrapped in and whichever of its parameters are chosen."""

from __future__ import annotations

import random
import signal
from typing import Any

import numpy as np
import pytest

from landscape import InputError, TorchObjective
from tests.torch.test_from_torch import data, draw
from tests.torch.test_torch_objective import close, made

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch

L = nn.Linear


def state_of(module: Any) -> dict[str, Any]:
    """Everything of a module and the process that an evaluation might change."""
    return {
        "parameters": [(id(p), p.data.data_ptr(), p.dtype, p.detach().clone()) for p in module.parameters()],
        "buffers": [(id(b), b.detach().clone()) for b in module.buffers()],
        "training": [part.training for part in module.modules()],
        "gradients": [None if p.grad is None else (id(p.grad), p.grad.clone()) for p in module.parameters()],
        "random": (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()),  # noqa: NPY002
        "settings": (
            torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark,
            torch.backends.mha.get_fastpath_enabled(), torch.is_grad_enabled(),
        ),
    }  # fmt: skip


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


class Stopping(nn.Module):
    """A network that counts in a buffer, draws random numbers while it trains, and can be told to fail."""

    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = L(4, 6), nn.BatchNorm1d(6), L(6, 3)
        self.register_buffer("calls", torch.zeros(()))
        self.stop: Any = None

    def forward(self, x):
        self.calls += 1
        if self.stop is not None:
            self.stop()
        return self.b(F.dropout(self.norm(self.a(x)), training=self.training))


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def fail() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("dtype", [None, "float64"])
@pytest.mark.parametrize("stop", [None, interrupt, fail], ids=["whole", "interrupted", "failed"])
def test_the_module_comes_back_as_it_was(stop, dtype):
    module = Stopping()
    module.norm.eval()
    loss = F.cross_entropy(module(torch.randn(5, 4)), torch.tensor([0, 1, 2, 0, 1]))
    loss.backward()
    objective = TorchObjective(module, nn.CrossEntropyLoss(), data(4), dtype=dtype, batch_size=3)
    module.stop = stop
    before = state_of(module)
    expected = {None: (), interrupt: KeyboardInterrupt, fail: InputError}[stop]
    theta = objective.theta + 0.1
    for use in (
        lambda: objective.value(theta),
        lambda: objective.gradient(theta),
        lambda: objective.hvp(theta, theta),
        lambda: objective.sweep(theta, theta[None], (np.zeros(1),)).run(0),
    ):
        if stop is None:
            use()
        else:
            with pytest.raises(expected):
                use()
        assert same(before, state_of(module))


def test_an_optimizer_goes_on_with_the_module_after_an_analysis():
    module = draw(nn.Sequential(L(4, 6), nn.Tanh(), L(6, 3)))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    objective = TorchObjective(module, nn.CrossEntropyLoss(), data(4), dtype="float64")
    x, y = (torch.tensor(part) for part in data(4))
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = F.cross_entropy(module(x), y)
        objective.value(objective.theta)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses == sorted(losses, reverse=True)
    # It stands where it was made; the module has moved on.
    assert not np.array_equal(objective.theta, objective.host.theta())


def test_parameters_are_chosen_by_names_patterns_and_functions():
    module = nn.Sequential(L(4, 6), nn.Tanh(), L(6, 3))
    module[0].bias.requires_grad_(False)

    def names(parameters: Any = None) -> tuple[str, ...]:
        return TorchObjective(module, nn.CrossEntropyLoss(), data(4), parameters=parameters).names

    assert names() == ("0.weight", "2.weight", "2.bias")
    assert names("2") == names(["2.*"]) == ("2.weight", "2.bias")
    assert names("*.weight") == names(lambda name, p: p.ndim == 2) == ("0.weight", "2.weight")
    part = TorchObjective(module, nn.CrossEntropyLoss(), data(4), parameters="2", dtype="float64")
    whole = TorchObjective(module, nn.CrossEntropyLoss(), data(4), dtype="float64")
    assert np.array_equal(part.gradient(part.theta), whole.gradient(whole.theta)[24:])
    v = np.arange(part.size, dtype=float)
    assert close(
        part.hvp(part.theta, v), whole.hvp(whole.theta, np.concatenate([np.zeros(24), v]))[24:], 1e-14
    )


def test_wrapped_modules_are_unwrapped():
    module = draw(nn.Sequential(L(4, 6), nn.Tanh(), L(6, 3)))
    plain = TorchObjective(module, nn.CrossEntropyLoss(), data(4))
    for wrapped in (torch.compile(module, backend="eager"), nn.DataParallel(module)):
        other = TorchObjective(wrapped, nn.CrossEntropyLoss(), data(4))
        assert other.names == plain.names
        assert other.value(other.theta) == plain.value(plain.theta)


def test_it_works_within_no_grad_and_inference_mode():
    plain = made("perceptron", dtype="float64")
    expected = plain.gradient(plain.theta)
    for mode in (torch.no_grad, torch.inference_mode):
        objective = made("perceptron", dtype="float64")
        with mode():
            objective.value(objective.theta)
            assert np.array_equal(objective.gradient(objective.theta), expected)
        assert np.isfinite(objective.hvp(objective.theta, objective.theta)).all()


def test_half_precision_is_evaluated_in_a_wider_one():
    module = draw(nn.Sequential(L(4, 6), nn.Tanh(), L(6, 3))).bfloat16()
    with pytest.raises(InputError, match="found bfloat16: give dtype='float32'"):
        TorchObjective(module, nn.CrossEntropyLoss(), data(4))
    objective = TorchObjective(module, nn.CrossEntropyLoss(), data(4), dtype="float32")
    assert np.isfinite(objective.hvp(objective.theta, objective.theta)).all()
    assert {p.dtype for p in module.parameters()} == {torch.bfloat16}
