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
    "relu6": (nn.ReLU6(), F.relu6),
    "hardtanh": (nn.Hardtanh(-0.4, 0.4), lambda x: F.hardtanh(x, -0.4, 0.4)),
    "hardsigmoid": (nn.Hardsigmoid(), F.hardsigmoid),
    "hardswish": (nn.Hardswish(), F.hardswish),
    "selu": (nn.SELU(), F.selu),
    "celu": (nn.CELU(0.7), lambda x: F.celu(x, 0.7)),
    "mish": (nn.Mish(), F.mish),
    "softsign": (nn.Softsign(), F.softsign),
    "logsigmoid": (nn.LogSigmoid(), F.logsigmoid),
    "tanhshrink": (nn.Tanhshrink(), F.tanhshrink),
    "softshrink": (nn.Softshrink(0.2), lambda x: F.softshrink(x, 0.2)),
    "hardshrink": (nn.Hardshrink(0.2), lambda x: F.hardshrink(x, 0.2)),
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


# Functions of each number, with the ops that they become.
FUNCTIONS = {
    **{
        name: (getattr(torch, name), [name])
        for name in ("abs", "square", "exp", "expm1", "sin", "cos", "tan", "atan", "sinh", "cosh", "erf")
    },
    **{
        name: (lambda x, name=name: getattr(x.abs() + 0.1, name)(), ["abs", "shift", name])
        for name in ("log", "log1p", "sqrt", "rsqrt", "reciprocal")
    },
    "sign": (lambda x: x.sign() + x, ["sign", "add"]),
    "floor": (lambda x: torch.floor(x) * x, ["floor", "multiply"]),
    "relu6_in_place": (lambda x: F.relu6(x * 4, inplace=True), ["scale", "relu6"]),
    "hardtanh_from_zero": (lambda x: F.hardtanh(x, 0, 0.5), ["relu", "clip_above"]),
    "hardtanh_of_six": (lambda x: F.hardtanh(x * 4, 0.0, 6.0), ["scale", "relu6"]),
    "hardtanh_aside": (lambda x: F.hardtanh(x, -0.25, 0.75), ["shift", "hardtanh", "shift"]),
    "clamp": (lambda x: x.clamp(-0.3, max=0.5), ["clip_below", "clip_above"]),
    "clamp_below": (lambda x: torch.clamp(x, min=-0.3), ["clip_below"]),
    "clamp_min": (lambda x: x.clamp_min(-0.3), ["clip_below"]),
    "clamp_max": (lambda x: torch.clamp_max(x, 0.3), ["clip_above"]),
    "numbers": (lambda x: 1 - (2 * x + 1) / 3 - 0.5, ["scale", "shift", "scale", "scale", "shift", "shift"]),
    "numbers_turned": (lambda x: 2 / (3 + x * x.abs()) + torch.rsub(x, 1), ["abs", "multiply", "shift", "reciprocal", "scale", "scale", "shift", "add"]),
    "alpha": (lambda x: torch.add(x, torch.sub(x, 0.5, alpha=2), alpha=0.3), ["shift", "scale", "add"]),
    "negative": (lambda x: -x, ["scale"]),
    "powers": (lambda x: x**3 + x**2 + x**1, ["power", "square", "add", "add"]),
    "roots": (lambda x: (x.abs() + 0.1) ** 0.5 + torch.pow(x.abs() + 0.2, -0.5), ["abs", "shift", "sqrt", "abs", "shift", "rsqrt", "add"]),
    "base": (lambda x: 2.0**x, ["scale", "exp"]),
    "softplus_beta": (lambda x: F.softplus(x, beta=2.0), ["scale", "softplus", "scale"]),
    "quick_gelu": (lambda x: x * torch.sigmoid(1.702 * x), ["scale", "sigmoid", "multiply"]),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_each_number_has_pytorchs_value_and_gradient(name):
    function, expected = FUNCTIONS[name]
    module = of(lambda self, x: self.b(function(self.a(x))), a=nn.Linear(4, 5), b=nn.Linear(5, 3))
    model = landscape.from_torch(module, "cross_entropy", data(4))
    assert ops(model) == ["dense", *expected, "dense"]
    assert difference(model) < 1e-12
    x, y = (torch.tensor(array) for array in data(4))
    module = module.double()
    loss = F.cross_entropy(module(x.double()), y)
    gradient = torch.cat([part.ravel() for part in torch.autograd.grad(loss, list(module.parameters()))])
    found = landscape.NetworkObjective(model).value_and_gradient(model.theta)
    assert found[0] == pytest.approx(loss.item(), rel=1e-12)
    assert np.allclose(found[1], gradient.numpy(), rtol=1e-10, atol=1e-13)


def test_a_number_in_a_buffer_is_fixed_and_one_that_is_trained_is_not():
    module = of(lambda self, x: self.a(x) * self.size, a=nn.Linear(4, 3))
    module.register_buffer("size", torch.tensor(0.5))
    assert ops(landscape.from_torch(module, "cross_entropy", data(4))) == ["dense", "scale"]


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
    model = landscape.from_torch(module, "cross_entropy", data(4))
    assert model.size == 15
    assert model.nodes[-1].frozen == ("bias",)


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
    "function": (of(lambda s, x: torch.lgamma(s.a(x)), a=nn.Linear(4, 3)), r"lgamma in forward: 'lgamma' is not supported"),
    "infinite": (of(lambda s, x: s.a(x) * float("inf"), a=nn.Linear(4, 3)), "expected a finite number"),
    "tuple": (of(lambda s, x: (s.a(x), x), a=nn.Linear(4, 3)), "puts out 2 tensors"),
    "mixed_examples": (of(lambda s, x: s.a(x).sum(0, keepdim=True) + s.a(x), a=nn.Linear(4, 3)), "mixes the examples"),
    "shape": (nn.Sequential(nn.Linear(5, 3)), "fails on the first examples"),
    "random_in_evaluation": (of(lambda s, x: F.dropout(s.a(x)), a=nn.Linear(4, 3)), "dropout in forward: training=True"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_translated_names_module_and_op(name):
    module, word = REFUSED[name]
    with pytest.raises(InputError, match=word) as caught:
        landscape.from_torch(module, "cross_entropy", data(4))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "loss",
    ["hinge", nn.CrossEntropyLoss(reduction="none"), nn.TripletMarginLoss(), nn.KLDivLoss(), print, nn.BCELoss()],
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


class InSingle(nn.Module):
    """A network that computes a part in float32, whatever its own precision."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x):
        return self.last(torch.tanh(self.first(x).float() * 1.7).to(x.dtype))


class AskedInSingle(InSingle):
    """The same, which only the second way in can follow."""

    def forward(self, x):
        if x.dim() != 2:
            raise ValueError("expected rows")
        return super().forward(x)


@pytest.mark.parametrize("kind", [InSingle, AskedInSingle])
def test_a_module_that_rounds_on_the_way_is_compared_to_what_is_left(kind):
    torch.manual_seed(0)
    module, x, y = kind().double(), torch.randn(9, 4), torch.randint(0, 3, (9,))
    model = landscape.from_torch(module, "cross_entropy", (x, y))
    expected = nn.functional.cross_entropy(module(x.double()), y).item()
    assert landscape.NetworkObjective(model).value(model.theta) == pytest.approx(expected, rel=1e-5)
