"""PyTorch modules: outputs are the module's in float64; what cannot be traced or translated is named."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch

N = 7


def draw(module: Any) -> Any:
    """Move every parameter away from its special value (zero biases, unit weights)."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
        for name, buffer in module.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer += torch.rand(buffer.shape, generator=generator)
    return module


def data(*shape: int, classes: int = 3) -> tuple[Any, Any]:
    x = np.random.default_rng(0).standard_normal((N, *shape)).astype(np.float32)
    return x, np.arange(N) % classes


def of(forward: Any, **modules: Any) -> Any:
    """Make a module of a forward and its parts."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            for key, value in modules.items():
                setattr(self, key, value)

        def forward(self, x):
            return forward(self, x)

    return draw(Net())


def ops(model: Any) -> list[str]:
    return [node.op for node in model.nodes]


def difference(model: Any) -> float:
    assert "outputs equal those of the module" in model.inferred[-1]
    return float(model.inferred[-1].split("largest difference ")[1].split(",")[0])


ACTIVATIONS = {
    "relu": (nn.ReLU(), F.relu),
    "leaky_relu": (nn.LeakyReLU(0.3), lambda x: F.leaky_relu(x, 0.3)),
    "elu": (nn.ELU(0.7), lambda x: F.elu(x, alpha=0.7)),
    "tanh": (nn.Tanh(), torch.tanh),
    "sigmoid": (nn.Sigmoid(), lambda x: x.sigmoid()),
    "softplus": (nn.Softplus(), F.softplus),
    "silu": (nn.SiLU(), F.silu),
    "gelu": (nn.GELU("tanh"), lambda x: F.gelu(x, approximate="tanh")),
    "softmax": (nn.Softmax(-1), lambda x: F.softmax(x, dim=-1)),
    "dropout": (nn.Dropout(0.3), lambda x: F.dropout(x, 0.3, training=False)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_the_same_as_module_and_as_function(name):
    module, function = ACTIVATIONS[name]
    first = landscape.from_torch(
        nn.Sequential(nn.Linear(4, 5), module, nn.Linear(5, 3)), "cross_entropy", data(4)
    )
    net = of(lambda self, x: self.b(function(self.a(x))), a=nn.Linear(4, 5), b=nn.Linear(5, 3))
    second = landscape.from_torch(net, "cross_entropy", data(4))
    assert ops(first) == ops(second) == ["dense", name, "dense"]
    assert first.nodes[1].attributes == second.nodes[1].attributes
    assert max(difference(first), difference(second)) < 1e-13


NETWORKS = {
    "layernorm": (nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6, eps=0.1), nn.Tanh(), nn.Linear(6, 3)), (4,)),
    "layernorm_without_parameters": (nn.Sequential(nn.LayerNorm(4, elementwise_affine=False), nn.Linear(4, 3)), (4,)),
    "residual": (of(lambda s, x: s.b(F.relu(s.a(x)) + x), a=nn.Linear(4, 4), b=nn.Linear(4, 3)), (4,)),
    "residual_in_place": (of(lambda s, x: s.b(F.relu(s.a(x)).add_(x)), a=nn.Linear(4, 4), b=nn.Linear(4, 3)), (4,)),
    "gated": (of(lambda s, x: s.b(s.a(x).sigmoid() * x), a=nn.Linear(4, 4), b=nn.Linear(4, 3)), (4,)),
    "dense_block": (of(lambda s, x: s.b(torch.cat([x, s.a(x)], dim=1)), a=nn.Linear(4, 4), b=nn.Linear(8, 3)), (4,)),
    "flattened": (nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), (3, 4)),
    "viewed": (of(lambda s, x: s.a(x.view(x.size(0), -1)), a=nn.Linear(12, 3)), (3, 4)),
    "reshaped_input": (of(lambda s, x: s.a(x.reshape(-1, 3, 4)).flatten(1), a=nn.Linear(4, 1)), (12,)),
    "functional_linear": (of(lambda s, x: F.linear(torch.tanh(x), s.a.weight, s.a.bias), a=nn.Linear(4, 3)), (4,)),
    "sequence": (nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 2), nn.Flatten(), nn.Linear(6, 3)), (3, 4)),
    "shared": (of(lambda s, x: s.b(torch.tanh(s.a(torch.tanh(s.a(x))))), a=nn.Linear(4, 4), b=nn.Linear(4, 3)), (4,)),
    "nested": (nn.Sequential(nn.Sequential(nn.Linear(4, 5), nn.ReLU()), nn.Identity(), nn.Linear(5, 3)), (4,)),
    "without_bias": (nn.Sequential(nn.Linear(4, 5, bias=False), nn.ReLU(), nn.Linear(5, 3)), (4,)),
    "unused_part": (of(lambda s, x: (s.a(x), s.b(x))[0], a=nn.Linear(4, 3), b=nn.Linear(4, 9)), (4,)),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_modules_outputs(name):
    module, shape = NETWORKS[name]
    assert difference(landscape.from_torch(module, nn.CrossEntropyLoss(), data(*shape))) < 1e-12


def test_parameters_keep_their_names_and_bits_and_the_module_its_mode():
    module = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.5), nn.Linear(5, 3)).train()
    state = {key: value.clone() for key, value in module.state_dict().items()}
    model = landscape.from_torch(module, "cross_entropy", data(4))
    assert list(model.parameters) == list(state)
    assert all(model.parameters[key].tobytes() == value.numpy().tobytes() for key, value in state.items())
    assert module.training
    assert module[0].weight.dtype == torch.float32


def test_gradient_is_pytorchs():
    module = NETWORKS["residual"][0]
    x, y = data(4)
    model = landscape.from_torch(
        module, F.cross_entropy, (torch.tensor(x), torch.tensor(y)), weight_decay=0.1
    )
    double = of(lambda s, x: s.b(F.relu(s.a(x)) + x), a=nn.Linear(4, 4), b=nn.Linear(4, 3)).double()
    double.load_state_dict(module.state_dict())
    penalty = 0.05 * sum(p.square().sum() for p in double.parameters())
    (F.cross_entropy(double(torch.tensor(x).double()), torch.tensor(y)) + penalty).backward()
    expected = torch.cat([p.grad.flatten() for p in double.parameters()]).numpy()
    found = landscape.NetworkObjective(model).gradient(model.theta)
    assert np.linalg.norm(found - expected) < 1e-11 * np.linalg.norm(expected)


def test_a_module_that_is_called_twice_and_tied_weights_are_in_theta_once():
    model = landscape.from_torch(NETWORKS["shared"][0], "cross_entropy", data(4))
    assert model.size == 20 + 15
    module = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    module[2].weight, module[2].bias = module[0].weight, module[0].bias
    tied = landscape.from_torch(module, "cross_entropy", data(4))
    assert (tied.size, tied.nodes[2].parameters_of) == (20, "0")


def test_frozen_layers_are_not_in_theta():
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    module[0].requires_grad_(False)
    assert landscape.from_torch(module, "cross_entropy", data(4)).size == 18
    module[2].bias.requires_grad_(False)
    with pytest.raises(InputError, match=r"2 \(Linear\): its bias is frozen"):
        landscape.from_torch(module, "cross_entropy", data(4))


LOSSES = {
    "nll": (nn.NLLLoss(), nn.LogSoftmax(-1), 3, "cross_entropy", ["dense"]),
    "softmax_kept": (nn.CrossEntropyLoss(), nn.Softmax(-1), 3, "cross_entropy", ["dense", "softmax"]),
    "log_softmax": ("cross_entropy", nn.LogSoftmax(-1), 3, "cross_entropy", ["dense"]),
    "bce": (nn.BCELoss(), nn.Sigmoid(), 1, "binary_cross_entropy", ["dense"]),
    "bce_function": (F.binary_cross_entropy_with_logits, nn.Identity(), 1, "binary_cross_entropy", ["dense"]),
    "mse": (nn.MSELoss(), nn.Flatten(0), 1, "mse", ["dense"]),
    "mae": (F.l1_loss, nn.Identity(), 1, "mae", ["dense"]),
    "huber": (nn.HuberLoss(delta=0.5), nn.Identity(), 1, "huber", ["dense"]),
    "smooth_l1": (nn.SmoothL1Loss(beta=0.5), nn.Identity(), 1, "huber", ["dense"]),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_has_pytorchs_value(name):
    loss, end, width, meant, expected = LOSSES[name]
    module = draw(nn.Sequential(nn.Linear(4, width), end))
    x, classes = data(4, classes=max(width, 2))
    y = classes if meant == "cross_entropy" else classes.astype(np.float32) * (1 if "bce" in name else 2.5)
    model = landscape.from_torch(module, loss, (x, y))
    assert (model.loss, ops(model)) == (meant, expected)
    target = torch.tensor(y) if meant == "cross_entropy" else torch.tensor(y, dtype=torch.float64)
    output = module.double()(torch.tensor(x).double())
    output = output if meant == "cross_entropy" else output.reshape(target.shape)
    function = nn.CrossEntropyLoss() if loss == "cross_entropy" else loss
    value = landscape.NetworkObjective(model).value(model.theta)
    assert value == pytest.approx(float(function(output, target).detach()), rel=1e-12)


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def parts(x):
    return x[:, 0]


REFUSED = {
    "control_flow": (nn.Sequential(nn.Linear(4, 3), Branching()), r"1 \(Branching\) cannot be traced: .*control flow"),
    "module": (nn.Sequential(nn.Linear(4, 3), nn.ReLU6()), r"1 \(ReLU6\): 'ReLU6' is not supported; the nearest .* relu"),
    "recurrent": (of(lambda s, x: s.r(x)[0], r=nn.GRU(4, 3)), r"r \(GRU\): 'GRU' is not supported"),
    "function": (of(lambda s, x: torch.atan(s.a(x)), a=nn.Linear(4, 3)), r"atan in forward: 'atan' is not supported"),
    "constant": (of(lambda s, x: 2.0 * s.a(x), a=nn.Linear(4, 3)), "mul in forward: multiply of a constant"),
    "part": (of(lambda s, x: s.a(x)[:, :2], a=nn.Linear(4, 3)), "getitem in forward: takes a part"),
    "tuple": (of(lambda s, x: (s.a(x), x), a=nn.Linear(4, 3)), "puts out a tuple"),
    "mixed_examples": (of(lambda s, x: s.a(x).view(-1), a=nn.Linear(4, 3)), "mixes the examples|puts out"),
    "shape": (nn.Sequential(nn.Linear(5, 3)), "fails on the first examples"),
    "random_in_evaluation": (of(lambda s, x: F.dropout(s.a(x)), a=nn.Linear(4, 3)), "dropout in forward: training=True"),
    "prelu": (nn.Sequential(nn.Linear(4, 3), nn.PReLU()), "leaky_relu"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_translated_names_module_and_op(name):
    module, word = REFUSED[name]
    with pytest.raises(InputError, match=word) as caught:
        landscape.from_torch(module, "cross_entropy", data(4))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "loss",
    ["hinge", nn.CrossEntropyLoss(label_smoothing=0.1), nn.MSELoss(reduction="sum"), nn.KLDivLoss(), print, nn.BCELoss()],
)  # fmt: skip
def test_losses_that_the_format_does_not_have_are_refused(loss):
    with pytest.raises(InputError, match="loss"):
        landscape.from_torch(nn.Linear(4, 3), loss, data(4))


def test_unequal_outputs_are_refused():
    class Treacherous(nn.Module):
        """Another function when it runs than when it was traced."""

        def __init__(self):
            super().__init__()
            self.fc, self.traced = nn.Linear(4, 3), False

        def forward(self, x):
            x, self.traced = x + x if self.traced else x, True
            return self.fc(x)

    with pytest.raises(InputError, match=r"outputs differ .* nothing is written"):
        landscape.from_torch(Treacherous(), "cross_entropy", data(4))


def test_a_state_dict_goes_the_way_of_the_bare_form(tmp_path):
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    torch.save(module.state_dict(), tmp_path / "net.pt")
    model = landscape.import_file(tmp_path / "net.pt", data(4), activation="tanh")
    expected = landscape.from_torch(module, "cross_entropy", data(4))
    x, _ = data(4)
    found = landscape.NetworkObjective(model).outputs(model.theta)
    assert np.abs(found - landscape.NetworkObjective(expected).outputs(expected.theta)).max() < 1e-13
    assert np.abs(found - module(torch.tensor(x)).detach().numpy()).max() < 1e-5
    assert list(landscape.from_state_dict(module.state_dict(), data(4)).parameters) == list(model.parameters)


def test_a_pickled_module_is_refused_and_never_run(tmp_path):
    torch.save(nn.Linear(4, 3), tmp_path / "net.pt")
    with pytest.raises(InputError, match="no state dict needs"):
        landscape.import_file(tmp_path / "net.pt", data(4))


def rewritten(path: Any, change: Any) -> None:
    """Change a `.pt` file's index."""
    with zipfile.ZipFile(path) as archive:
        members = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, change(content) if name.endswith("data.pkl") else content)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (b"ccollections\nOrderedDict\n", b"cbuiltins\nbytearray\n", "no state dict needs"),
        (b"ccollections\nOrderedDict\n", b"cposix\nsystem\n", "no state dict needs"),
        (b"K\x04K\x01\x86", b"K\x00K\x00\x86", None),
        (b"K\x03K\x04\x86q", b"M\xff\xffM\xff\xff\x86q", "damaged|claims"),
    ],
)
def test_a_hostile_index_is_refused_before_it_is_run(tmp_path, old, new, word):
    path = tmp_path / "net.pt"
    torch.save({"0.weight": torch.ones(3, 4)}, path)
    rewritten(path, lambda content: content.replace(old, new))
    if word is None:  # strides of zero: the same number everywhere, and no more memory than was asked for
        assert landscape.import_file(path, data(4)).size == 12
        return
    with pytest.raises(InputError, match=word):
        landscape.import_file(path, data(4))


def test_strides_that_make_much_of_little_are_refused(tmp_path):
    torch.save({"0.weight": torch.ones(1, 1).expand(100_000, 100_000)}, tmp_path / "net.pt")
    with pytest.raises(InputError, match="claims 10000000000 numbers"):
        landscape.import_file(tmp_path / "net.pt", data(4))
