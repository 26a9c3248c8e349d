"""What cannot be taken for a `TorchObjective` is refused in one line: modules, losses, data, checkpoints."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError, TorchObjective
from tests.torch.test_from_torch import data, of

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch

X, Y = data(4)
LOSS = nn.CrossEntropyLoss()


def net() -> Any:
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def broken() -> Any:
    module = net()
    with torch.no_grad():
        module[0].weight[0, 0] = float("nan")
    return module


def frozen() -> Any:
    return net().requires_grad_(False)


class FullyShardedDataParallel(nn.Module):
    """Named as PyTorch's, which needs several processes."""

    def __init__(self):
        super().__init__()
        self.module = net()


class Shuffled:
    """A loader with another order each time."""

    def __iter__(self):
        order = torch.randperm(7)
        yield torch.tensor(X)[order], torch.tensor(Y)[order]


class Noisy(torch.utils.data.Dataset):
    """A data set that moves its examples at random."""

    def __len__(self):
        return 7

    def __getitem__(self, i):
        return torch.tensor(X[i]) + 0.1 * torch.randn(4), int(Y[i])


class Empty(torch.utils.data.Dataset):
    def __len__(self):
        return 0

    def __getitem__(self, i):
        raise IndexError


def noisy_network() -> Any:
    return of(lambda s, x: s.a(F.dropout(x)), a=nn.Linear(4, 3))


def two_devices() -> Any:
    module = net()
    module[2] = nn.Linear(5, 3, device="meta")
    return module


def taken(module: Any = None, loss: Any = LOSS, given: Any = (X, Y), **options: Any) -> Callable[[], Any]:
    return lambda: TorchObjective(net() if module is None else module(), loss, given, **options)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "no_module": (taken(lambda: 3), "module: expected a torch.nn.Module, found int"),
    "no_parameters": (taken(nn.Tanh), "no trainable parameters"),
    "frozen": (taken(frozen), r"no trainable parameters.*requires_grad_\(True\)"),
    "sharded": (taken(FullyShardedDataParallel), r"is sharded over machines \(FullyShardedDataParallel\)"),
    "meta": (taken(two_devices), "device 'meta', without numbers"),
    "complex": (taken(lambda: nn.Linear(4, 3, dtype=torch.complex64)), "weight: is complex, expected real numbers"),
    "loader_that_shuffles": (
        lambda: taken(given=torch.utils.data.DataLoader(list(zip(torch.tensor(X), torch.tensor(Y), strict=True)), 4, shuffle=True))(),
        "found others in batch 1: give shuffle=False",
    ),
    "lazy": (taken(lambda: nn.LazyLinear(3)), "call the module once on an example"),
    "random": (taken(noisy_network), "draws random numbers in evaluation"),
    "nan": (taken(broken), "expected a finite loss, found nan"),
    "loss_for_each": (taken(loss=nn.CrossEntropyLoss(reduction="none")), r"found shape \[7\].*reduction='mean'"),
    "loss_of_numpy": (taken(loss=lambda o, t: np.zeros(1)), "expected a scalar tensor for a batch, found a ndarray"),
    "loss_that_is_cut": (lambda: (o := taken(loss=lambda o, t: o.detach().mean())()).gradient(o.theta), "does not depend on the parameters"),
    "loss_class": (taken(loss=nn.CrossEntropyLoss), "found the class CrossEntropyLoss"),
    "loss_name": (taken(loss="cross_entropie"), "did you mean 'cross_entropy'"),
    "loss_with_parameters": (taken(loss=nn.Linear(3, 1)), "parameters of its own"),
    "both_losses": (taken(batch_loss=lambda m, b: (0, 1)), "either loss or batch_loss"),
    "batch_loss_alone": (taken(loss=None, batch_loss=lambda m, b: m(b[0]).sum()), r"expected \(mean, number of examples\).*found a Tensor"),
    "batch_loss_of_none": (taken(loss=None, batch_loss=lambda m, b: (m(b[0]).sum(), 0)), "the number above 0"),
    "failing": (taken(loss=lambda o, t: o + t), r"fails on a batch: RuntimeError: .*test_torch_objective_data\.py:\d+"),
    "other_shapes": (taken(given=(X[:, :2], Y)), "fails on a batch: RuntimeError: mat1 and mat2"),
    "shuffled": (taken(given=Shuffled()), "found others in batch 1: give shuffle=False"),
    "augmented": (taken(given=Noisy()), "found others in batch 1: give shuffle=False and no random transforms"),
    "empty": (taken(given=Empty()), "expected examples, found none"),
    "empty_tensors": (taken(given=(X[:0], Y[:0])), "expected examples, found none"),
    "empty_loader": (taken(given=[]), "expected examples, found none"),
    "once": (taken(given=iter([(X, Y)])), r"a list_iterator can be read once only.*DataLoader"),
    "generator": (taken(given=((X, Y) for _ in range(2))), "a generator can be read once only"),
    "unequal": (taken(given=(X, Y[:5])), "as many rows in each tensor, found 7, 5"),
    "number": (taken(given=3), r"expected tensors \(x, y\), a Dataset or a DataLoader"),
    "no_targets": (taken(given=X), r"expected batches \(inputs, targets\).*batch_loss"),
    "test_empty": (taken(test=(X[:0], Y[:0])), "test: expected examples"),
    "dtype": (taken(dtype="float16"), "dtype: expected float32 or float64"),
    "device": (taken(device="nowhere"), "device: cannot use 'nowhere'"),
    "batch_size": (taken(batch_size=0), "batch_size: expected a whole number above 0"),
    "decay": (taken(weight_decay=float("inf")), "weight_decay: expected a finite number"),
    "metric": (taken(metrics={"Top 5": F.cross_entropy}), "metrics: expected a name such as top5"),
    "metric_value": (taken(metrics={"top": 3}), "metrics: top: expected a function"),
    "choice": (taken(parameters="3.weight"), "'3.weight' fits no parameter: there are 0.weight.*did you mean"),
    "choice_of_none": (taken(parameters=lambda name, p: False), "the choice leaves none of 4"),
    "choice_by_number": (taken(parameters=[0]), "expected names, patterns or a function"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_taken_is_refused_in_one_line(name):
    make, words = REFUSED[name]
    with pytest.raises(InputError) as caught:
        make()
    assert re.search(words, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_devices_are_named():
    module = net()
    one = torch.device("cpu")

    class Elsewhere:
        device = torch.device("cuda:1")

    from landscape.torch_objective.parameters import one_device

    assert one_device(module.named_parameters()) == one
    with pytest.raises(InputError, match=r"0\.weight on cpu, there on cuda:1: give device="):
        one_device([*module.named_parameters(), ("there", Elsewhere())])


def test_a_loader_that_changes_later_is_noticed():
    class Late:
        """Its second batch is another one from the third reading on."""

        readings = 0

        def __iter__(self):
            self.readings += 1
            yield X[:4], Y[:4]
            yield X[4:] + (self.readings > 3), Y[4:]

    objective = TorchObjective(net(), LOSS, Late())
    objective.value(objective.theta)
    with pytest.raises(InputError, match="found others in batch 2"):
        objective.value(objective.theta)


def test_inputs_stand_in_tuples_mappings_and_longer_batches():
    module = of(lambda s, x: s.a(x), a=nn.Linear(4, 3))
    module.forward = lambda first, second=None: module.a(first if second is None else first + second)
    one = TorchObjective(module, LOSS, (X, Y))
    two = TorchObjective(module, LOSS, ((X, 0 * X), Y))
    named = TorchObjective(module, LOSS, [({"first": X}, Y)])
    three = TorchObjective(module, LOSS, [(X, 0 * X, Y)])
    values = {objective.value(objective.theta) for objective in (one, two, named, three)}
    assert len(values) == 1


CHECKPOINTS: dict[str, tuple[Any, str]] = {
    "other_shapes": (lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).state_dict(), r"0\.weight: expected shape \[5, 4\], found \[6, 4\]"),
    "other_names": (lambda: nn.ModuleDict({"a": nn.Linear(4, 3)}).state_dict(), r"expected the parameter 0\.weight, found a\.weight, a\.bias"),
    "no_state": (lambda: {"step": 3}, "expected a state dict"),
    "number": (lambda: 3, "expected (a state dict|points)"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_that_does_not_fit_is_refused_and_changes_nothing(name, tmp_path):
    make, words = CHECKPOINTS[name]
    module = net()
    before = [p.clone() for p in module.parameters()]
    objective = TorchObjective(module, LOSS, (X, Y))
    path = tmp_path / "ckpt.pt"
    torch.save(make(), path)
    for given in (make(), path):
        with pytest.raises(InputError, match=words):
            objective.load(given)
    with pytest.raises(InputError, match=words):
        landscape.trajectory(objective, checkpoints=[make(), make()], points=3)
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


class Surprise:
    """What weights_only=True does not read."""


def test_a_file_that_holds_more_than_weights_is_refused(tmp_path):
    objective = TorchObjective(net(), LOSS, (X, Y))
    torch.save({"state_dict": net().state_dict(), "more": Surprise()}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(b"nothing of PyTorch")
    for name in ("a.pt", "b.pt"):
        with pytest.raises(
            InputError,
            match=rf"{name}: expected a checkpoint of torch\.save that is read with weights_only=True",
        ) as caught:
            objective.load(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="there is no such file"):
        objective.load(tmp_path / "none.pt")


def test_wrapped_and_nested_checkpoints_are_read(tmp_path):
    module, other = net(), net()
    objective = TorchObjective(module, LOSS, (X, Y))
    state = {f"module._orig_mod.{name}": value for name, value in other.state_dict().items()}
    torch.save({"epoch": 3, "model_state_dict": state}, tmp_path / "a.pt")
    objective.load(tmp_path / "a.pt")
    assert objective.value(objective.theta) == TorchObjective(other, LOSS, (X, Y)).value(objective.theta)
    assert torch.equal(module[0].weight, other[0].weight)
