"""What `from_torch` takes beside arrays, what it says about the user's own loop, and what it says where it takes nothing."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError
from tests.torch.test_from_torch import data, difference, of

torch = pytest.importorskip("torch")
prune = pytest.importorskip("torch.nn.utils.prune")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch


def refused(module: Any, examples: Any = None, loss: Any = "cross_entropy") -> str:
    with pytest.raises(InputError) as caught:
        landscape.from_torch(module, loss, data(4) if examples is None else examples)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def net() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))


# Regression: who broadcasts what, and the mend.


def regression(module: Any, target: Any) -> Any:
    return landscape.from_torch(module, nn.MSELoss(), (data(4)[0], target))


@pytest.mark.parametrize(
    ("module", "shape", "mend"),
    [(nn.Linear(4, 1), (7,), "y.unsqueeze(1)"), (nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)), (7, 1), "y.squeeze(1)")],
)  # fmt: skip
def test_targets_that_a_loop_would_broadcast_are_said(module, shape, mend):
    target = data(4)[0].sum(axis=1)
    with torch.no_grad():  # outputs that rise with the targets, which broadcasting would not see
        for parameter in module.parameters():
            parameter.fill_(0.3)
    model = regression(module, target.reshape(shape))
    found = [sentence for sentence in model.inferred if "broadcasts them to [N, N]" in sentence]
    assert len(found) == 1
    assert mend in found[0]
    # What is said is so: with the mend PyTorch's loss is ours, and without it another.
    x, y = torch.from_numpy(data(4)[0]), torch.from_numpy(target.reshape(shape))
    mended = y.unsqueeze(1) if "unsqueeze" in mend else y.squeeze(1)
    value = landscape.NetworkObjective(model).value(model.theta)
    assert value == pytest.approx(F.mse_loss(module(x), mended).item(), rel=1e-5)
    with pytest.warns(UserWarning, match="different to the input size"):
        assert abs(F.mse_loss(module(x), y).item() - value) > 1e-3


@pytest.mark.parametrize("module", [nn.Linear(4, 2), nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))])
def test_targets_in_the_outputs_shape_have_no_remark(module):
    with torch.no_grad():
        shape = module(torch.zeros(7, 4)).shape
    model = regression(module, np.zeros(shape, np.float32))
    assert not any("broadcasts" in sentence for sentence in model.inferred)


# Data of PyTorch.


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        x, y = data(4)
        return iter((torch.from_numpy(row), int(label)) for row, label in zip(x, y, strict=True))


def loaders() -> dict[str, Any]:
    x, y = data(4)
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    loader = torch.utils.data.DataLoader
    return {
        "dataset": dataset,
        "loader": loader(dataset, batch_size=3),
        "shuffled": loader(dataset, batch_size=2, shuffle=True, drop_last=True),
        "stream": loader(Stream(), batch_size=3),
        "subset": torch.utils.data.Subset(dataset, range(7)),
    }


@pytest.mark.parametrize("name", ["dataset", "loader", "shuffled", "stream", "subset"])
def test_a_dataset_or_loader_is_read_in_its_order(name):
    expected = landscape.from_torch(net(), "cross_entropy", data(4))
    model = landscape.from_torch(net(), "cross_entropy", loaders()[name])
    assert model.data_fingerprint() == expected.data_fingerprint()


def test_a_loader_that_does_not_fit_or_has_other_batches_is_refused(monkeypatch):
    x, y = (torch.from_numpy(array) for array in data(4))
    three = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y, y), batch_size=3)
    assert "expected batches (x, y) of the loader, found 3 parts" in refused(net(), three)
    monkeypatch.setattr("landscape.importers.data.available_memory", lambda: 100)
    assert "into memory" in refused(net(), loaders()["loader"])


# Networks that are not finite.


def test_a_network_with_nan_comes_in_for_the_commands_that_take_it():
    module = net()
    with torch.no_grad():
        module[2].weight[0, 1] = float("nan")
    model = landscape.from_torch(module, "cross_entropy", data(4))
    assert np.isnan(model.parameters["2.weight"]).sum() == 1
    assert any("2.weight: 1 value is not finite" in sentence for sentence in model.inferred)
    assert "7 of 21 numbers are NaN or infinite, at the same places in both" in model.inferred[-1]
    assert "at a second, random θ they differ by at most" in model.inferred[-1]


def test_outputs_that_are_nan_elsewhere_are_refused():
    class Hidden(nn.Module):
        """Another function when it runs than when it was traced: it hides what is not finite."""

        def __init__(self):
            super().__init__()
            self.fc, self.traced = nn.Linear(4, 3), False

        def forward(self, x):
            x, self.traced = self.fc(x), True
            return x

        def __call__(self, x):
            found = super().__call__(x)
            return torch.nan_to_num(found) if isinstance(found, torch.Tensor) else found

    module = Hidden()
    with torch.no_grad():
        module.fc.weight[0, 0] = float("nan")
    assert "not finite at other places" in refused(module)


def test_data_that_are_not_finite_are_refused():
    x, y = data(4)
    x[2, 1] = np.nan
    assert "x_train: 1 value is not finite" in refused(net(), (x, y))


# Modules that only run another, and modules without a Python to trace.


class OptimizedModule(nn.Module):
    """What torch.compile makes of a module, without its slow import."""

    def __init__(self, module):
        super().__init__()
        self._orig_mod = module

    def forward(self, *given):
        return self._orig_mod(*given)


@pytest.mark.parametrize("wrap", [OptimizedModule, nn.DataParallel])
def test_a_module_that_only_runs_another_is_that_one(wrap):
    model = landscape.from_torch(wrap(net()), "cross_entropy", data(4))
    assert list(model.parameters) == list(net().state_dict())
    assert difference(model) < 1e-12


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize("kind", ["scripted", "traced", "inside", "quantized"])
def test_programs_and_quantized_modules_are_named_with_what_to_give(kind):
    make = {
        "scripted": lambda: torch.jit.script(net()),
        "traced": lambda: torch.jit.trace(net(), torch.zeros(1, 4)),
        "inside": lambda: nn.Sequential(torch.jit.script(net())),
        "quantized": lambda: torch.ao.quantization.quantize_dynamic(net()),
    }
    message = refused(make[kind]())
    assert ("quantized" if kind == "quantized" else "TorchScript") in message
    assert "expected the module" in message


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:torch.quantize_per_tensor:UserWarning")
def test_files_of_programs_and_quantized_modules_are_one_line(tmp_path):
    torch.jit.script(net()).save(tmp_path / "script.pt")
    quantized = torch.ao.quantization.quantize_dynamic(net())
    torch.save(quantized.state_dict(), tmp_path / "state.pt")
    torch.save(quantized, tmp_path / "module.pt")
    for name in ("script", "state", "module"):
        with pytest.raises(InputError, match=r"save module\.state_dict\(\)") as caught:
            landscape.import_file(tmp_path / f"{name}.pt", data(4))
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="expected an array of numbers"):
        landscape.from_state_dict(quantized.state_dict(), data(4))


# Messages that lead on.


class Choosing(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        if x.sum() > 0:
            x = -x
        return self.fc(x)


MESSAGES = {
    "complex_numbers": (of(lambda s, x: s.a(torch.fft.fft(x).real), a=nn.Linear(4, 3)), r"fft.*TorchObjective"),
    "choice": (Choosing(), r"control flow \(an `if`, .*on a value\), at test_from_torch_messages\.py:\d+: 'if x\.sum\(\) > 0:'; .*TorchObjective"),
    "lazy": (nn.Sequential(nn.LazyLinear(3)), r"call the module once on an example"),
    "several": (
        of(lambda s, x: s.a(torch.sort(x)[0]) + torch.cumprod(x, 1)[:, :3], a=nn.Linear(4, 3)), r"sort.*\(nor is cumprod\).*TorchObjective",
    ),
    "random": (of(lambda s, x: s.a(x + torch.randn_like(x)), a=nn.Linear(4, 3)), r"draws random numbers in evaluation.*TorchObjective"),
    "statistics_of_a_batch": (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False)), r"1 \(BatchNorm1d\).*statistics of its batch"),
    "loop": (of(lambda s, x: sum(s.a(row) for row in x), a=nn.Linear(4, 3)), r"a loop over a value"),
    "complex": (nn.Linear(4, 3, dtype=torch.complex64), "weight: is complex"),
    "two_outputs": (of(lambda s, x: (s.a(x), s.a(-x)), a=nn.Linear(4, 3)), r"puts out 2 tensors.*output="),
    "mixing": (of(lambda s, x: s.a(x - x.mean(0)), a=nn.Linear(4, 3)), r"mean.*mixes the examples"),
    "no_parameters": (nn.Sequential(nn.Softmax(-1)), "no parameter that is trained"),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_says_what_is_there_and_leads_on(name):
    module, words = MESSAGES[name]
    message = refused(module)
    assert re.search(words, message), message


def test_several_inputs_of_a_module_of_one_and_other_data_are_named():
    x, y = data(4)
    assert "takes 2 positional arguments but 3 were given" in refused(net(), ((x, x), y))
    assert "found [7, 6] rows" in refused(net(), ((x, x[:6]), y))
    assert "found 3 parts" in refused(net(), (x, y, y))
    assert "found a int" in refused(net(), 3)


def test_a_pruned_layer_and_several_inputs_and_outputs_come_in():
    x, y = data(4)
    pruned = prune.l1_unstructured(nn.Linear(4, 3), "weight", 0.3)
    assert landscape.from_torch(pruned, "cross_entropy", (x, y)).size == 15

    class Two(nn.Module):
        """Two inputs and two outputs."""

        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(2, 3)

        def forward(self, one, two):
            return {"first": self.a(one), "logits": self.a(one) + self.b(two)}

    for given in ((x, x[:, :2]), [x, x[:, :2]]):
        model = landscape.from_torch(Two(), "cross_entropy", (given, y), output="logits")
        assert model.size == 24
        assert model.input_shape == (6,)
    assert landscape.from_torch(Two(), "cross_entropy", ((x, x[:, :2]), y), output=0).size == 15
    with pytest.raises(InputError, match="output: expected one of 0 to 1: first, logits, found 'third'"):
        landscape.from_torch(Two(), "cross_entropy", ((x, x[:, :2]), y), output="third")


def test_a_sum_in_place_of_the_mean_is_explained():
    x, y = data(4)
    model = landscape.from_torch(net(), nn.CrossEntropyLoss(reduction="sum"), (x, y))
    assert model.loss_scale == len(y)
    assert any(f"the loss is a sum: over all {len(y)} training examples" in line for line in model.inferred)


def test_a_sigmoid_under_a_squeeze_goes_into_the_loss():
    module = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid(), nn.Flatten(0))
    x, y = data(4, classes=2)
    model = landscape.from_torch(module, nn.BCELoss(), (x, y.astype(np.float32)))
    assert (model.loss, [node.op for node in model.nodes]) == ("binary_cross_entropy", ["dense"])


def test_a_concatenation_of_one_value_is_that_value():
    module = of(lambda s, x: s.b(torch.cat([s.a(x)], 1)), a=nn.Linear(4, 4), b=nn.Linear(4, 3))
    model = landscape.from_torch(module, "cross_entropy", data(4))
    assert [node.op for node in model.nodes] == ["dense", "dense"]


def test_a_softmax_before_a_loss_that_has_one_is_said():
    module = nn.Sequential(nn.Linear(4, 3), nn.Softmax(-1))
    twice = landscape.from_torch(module, nn.CrossEntropyLoss(), data(4))
    assert any("has a softmax in it" in sentence for sentence in twice.inferred)
    x, y = data(4, classes=2)
    module = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
    twice = landscape.from_torch(module, nn.BCEWithLogitsLoss(), (x, y))
    assert any("has a sigmoid in it" in sentence for sentence in twice.inferred)


def test_a_padding_row_is_in_theta_and_that_is_said():
    module = nn.Sequential(nn.Embedding(6, 4, padding_idx=0, sparse=True), nn.Flatten(), nn.Linear(12, 3))
    ids = np.random.default_rng(0).integers(0, 6, (7, 3))
    model = landscape.from_torch(module, "cross_entropy", (ids, np.arange(7) % 3))
    assert any("row 0 of 0.weight is padding" in sentence for sentence in model.inferred)
    assert model.size == 24 + 39
