"""A module, a loss or data that fail while PyTorch evaluates or differentiates them: one line, with the place, the cause kept, and the module as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from landscape import ComputationError, InputError, TorchObjective
from landscape.commands import main
from tests.torch.test_from_torch import data, draw
from tests.torch.test_torch_objective import close
from tests.torch.test_torch_objective_module import same, state_of

torch = pytest.importorskip("torch")
checkpoint = pytest.importorskip("torch.utils.checkpoint").checkpoint
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch

LOSS = nn.CrossEntropyLoss()


class Net(nn.Module):
    """Two layers, and what a subclass makes of what they give."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 5), nn.Linear(5, 3)

    def inside(self, x: Any) -> Any:
        return torch.sigmoid(self.a(x))

    def forward(self, x):
        return self.b(self.inside(x))


class LaterBlock(Net):
    def forward(self, x):
        return checkpoint(self.b, self.inside(x), use_reentrant=True)


class FirstBlock(Net):
    """The inputs need no gradient, so that checkpointing of this kind leaves the block without one too."""

    def inside(self, x):
        return checkpoint(self.a, x, use_reentrant=True)


class InPlace(Net):
    def inside(self, x):
        return super().inside(x).add_(1.0)


class Backward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        raise KeyError("slope of mine")


class OwnBackward(Net):
    def inside(self, x):
        return Backward.apply(super().inside(x))


class Endless(Backward):
    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        return slope * torch.empty(2**56)


class OutOfMemory(Net):
    def inside(self, x):
        return Endless.apply(super().inside(x))


class Hooked(Net):
    def inside(self, x):
        found = super().inside(x)
        if found.requires_grad:
            found.register_hook(lambda slope: slope.of_mine)
        return found


class Forward(Net):
    """Fails where a gradient is asked for."""

    def inside(self, x):
        if torch.is_grad_enabled():
            raise ZeroDivisionError("in forward")
        return super().inside(x)


class Cut(Net):
    def inside(self, x):
        return super().inside(x).detach()

    def forward(self, x):
        return super().forward(x).detach()


PLACE = r"\(.*test_torch_objective_faults\.py:\d+\)"
FAULTS: dict[str, tuple[type[Net], str, type[Exception], type[Exception] | None]] = {
    "later block": (LaterBlock, r"can differentiate, found RuntimeError: .*: call .*use_reentrant=False", InputError, RuntimeError),
    "first block": (FirstBlock, rf"UserWarning: .*{PLACE}: call .*use_reentrant=False", InputError, UserWarning),
    "in place": (InPlace, r"found RuntimeError: .*inplace operation.*: let .* a new tensor", InputError, RuntimeError),
    "backward": (OwnBackward, rf"found KeyError: 'slope of mine' {PLACE}: analyses .* values only", InputError, KeyError),
    "hook": (Hooked, rf"found AttributeError: .*of_mine.* {PLACE}", InputError, AttributeError),
    "memory": (OutOfMemory, r"more memory than there is: .*: give a smaller batch_size", ComputationError, RuntimeError),
    "forward": (Forward, rf"fails on a batch: ZeroDivisionError: in forward {PLACE}", InputError, ZeroDivisionError),
    "cut": (Cut, r"cut from them \(detach, no_grad, item\)", InputError, None),
}  # fmt: skip
DERIVATIVES: dict[str, Callable[[TorchObjective, Any], Any]] = {
    "gradient": lambda objective, theta: objective.gradient(theta),
    "product": lambda objective, theta: objective.hvp(theta, theta),
    "Gauss–Newton": lambda objective, theta: objective.gauss_newton(theta, theta[None]),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_what_cannot_be_differentiated_is_one_line_with_its_cause(name, derivative, capsys):
    kind, words, error, cause = FAULTS[name]
    module = kind()
    objective = TorchObjective(module, LOSS, data(4))
    before = state_of(module)
    with pytest.raises(error, match=words) as caught:
        DERIVATIVES[derivative](objective, objective.theta + 0.1)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert (type(caught.value.__cause__) is cause) if cause else caught.value.__cause__ is None
    assert same(before, state_of(module))
    # Nothing is announced about how products would be made.
    assert capsys.readouterr().err == ""
    assert np.isfinite(objective.value(objective.theta))


def test_a_loss_that_fails_backwards_is_blamed_as_a_module_is():
    def loss(outputs: Any, targets: Any) -> Any:
        return F.cross_entropy(Backward.apply(outputs), targets)

    objective = TorchObjective(Net(), loss, data(4))
    with pytest.raises(InputError, match=rf"KeyError: .*{PLACE}"):
        objective.gradient(objective.theta)
    of_batches = TorchObjective(
        Net(),
        None,
        data(4),
        batch_loss=lambda module, batch: (loss(module(batch[0]), batch[1]), len(batch[1])),
    )
    with pytest.raises(InputError, match=rf"a module and a batch_loss that .* KeyError: .*{PLACE}"):
        of_batches.gradient(of_batches.theta)


def test_what_can_be_differentiated_once_has_products_by_differences(capsys):
    class Once(Backward):
        @staticmethod
        def backward(ctx: Any, slope: Any) -> Any:
            return Backward.apply(slope)

    class Doubled(Net):
        def inside(self, x):
            return Once.apply(super().inside(x))

    class Plain(Net):
        def inside(self, x):
            return 2 * super().inside(x)

    once, plain = (TorchObjective(draw(kind()), LOSS, data(4), dtype="float64") for kind in (Doubled, Plain))
    v = np.cos(np.arange(once.size))
    assert close(once.hvp(once.theta, v), plain.hvp(once.theta, v), 1e-6)
    assert "differentiating twice fails ('slope of mine')" in capsys.readouterr().err


def test_checkpointing_of_the_other_kind_has_the_derivatives_of_the_whole_graph():
    class Checkpointed(Net):
        def inside(self, x):
            return checkpoint(super().inside, x, use_reentrant=False)

    plain, other = (
        TorchObjective(draw(kind()), LOSS, data(4), dtype="float64") for kind in (Net, Checkpointed)
    )
    for derivative in DERIVATIVES.values():
        assert np.array_equal(derivative(plain, plain.theta), derivative(other, plain.theta))


def normalized() -> Any:
    module = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Tanh(), nn.Linear(5, 3))
    return draw(module)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("way", ["scripted", "traced", "parts"])
def test_a_torchscript_module_is_the_function_that_it_was_made_of(way):
    make = {
        "scripted": lambda: torch.jit.script(normalized()),
        "traced": lambda: torch.jit.trace(normalized().eval(), torch.zeros(2, 4)),
        "parts": lambda: nn.Sequential(*map(torch.jit.script, normalized())),
    }
    module = make[way]()
    plain = TorchObjective(normalized(), LOSS, data(4), dtype="float64")
    objective = TorchObjective(module, LOSS, data(4), dtype="float64")
    before = state_of(module)
    theta = plain.theta + 0.1
    assert close(objective.value(theta), plain.value(theta), 1e-14)
    for derivative in DERIVATIVES.values():
        assert close(derivative(objective, theta), derivative(plain, theta), 1e-12)
    assert objective.host.pieces == plain.host.pieces
    ids = {"parameters", "buffers"}
    after = state_of(module)
    # The wrappers of a script's tensors are new at each look.
    assert all(same(before[key], after[key]) for key in before.keys() - ids)
    for key in ids:
        assert all(same(one[1:], other[1:]) for one, other in zip(before[key], after[key], strict=True))


class Scaled(Net):
    def __init__(self, scale: float, shift: float):
        super().__init__()
        self.scale, self.shift = scale, torch.full((3,), shift)

    def forward(self, x):
        return self.b(torch.sigmoid(self.a(x))) * self.scale + self.shift


class ScaledTwice(Scaled):
    def forward(self, x):
        return self.b(torch.sigmoid(self.a(x))) * self.scale * 2.0 + self.shift


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "program", [torch.jit.script, lambda module: torch.jit.trace(module, torch.zeros(2, 4))]
)
def test_another_torchscript_program_or_number_in_it_is_another_model(program):
    def known(module: Any) -> str:
        return TorchObjective(program(draw(module)), LOSS, data(4)).about.model

    one = known(Scaled(2.0, 1.0))
    assert one == known(Scaled(2.0, 1.0))
    assert len({one, known(Scaled(3.0, 1.0)), known(Scaled(2.0, 2.0)), known(ScaledTwice(2.0, 1.0))}) == 4


class Failing(torch.utils.data.Dataset):
    """Can be read so often."""

    def __init__(self, reads: int):
        self.left = reads

    def __len__(self):
        return 7

    def __getitem__(self, row):
        self.left -= 1
        if self.left < 0:
            raise OSError("no such picture")
        return torch.tensor(data(4)[0][row]), int(data(4)[1][row])


@pytest.mark.parametrize("reads", [0, 30])
def test_data_that_fail_are_one_line_with_their_batch(reads):
    def read() -> None:
        objective = TorchObjective(Net(), LOSS, Failing(reads), batch_size=4)
        for _ in range(9):
            objective.value(objective.theta)

    expected = rf"^data: batch [12] cannot be read: OSError: no such picture {PLACE}$"
    with pytest.raises(InputError, match=expected):
        read()


@pytest.mark.parametrize("command", ["hessian", "critical", "sharpness"])
def test_the_command_ends_in_one_line_with_status_2(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(
        "from tests.torch.test_torch_objective_faults import LOSS, LaterBlock, data, torch\n\n"
        "def make():\n    return LaterBlock(), LOSS, tuple(map(torch.tensor, data(4)))\n"
    )
    with pytest.raises(SystemExit) as ended:
        main([command, "net.py:make", "--quiet"])
    assert ended.value.code == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert "use_reentrant=False" in told[0]
