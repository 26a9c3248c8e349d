"""A module that is imported is the same function of θ, gradient and all, and what would be another function is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError
from tests.torch.test_from_torch import data, draw, of

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch

POINTS = 3


def zeroed(module: Any, *names: str) -> Any:
    """Set parameters to zero, as heads are that should do nothing at first."""
    with torch.no_grad():
        for name in names:
            module.get_parameter(name).zero_()
    return module


def with_parameters(module: Any, **arrays: Any) -> Any:
    for name, array in arrays.items():
        module.register_parameter(name, nn.Parameter(array))
    return draw(module)


def with_buffer(module: Any, array: Any) -> Any:
    module.register_buffer("kept", array)
    return module


def changed(h: Any, function: str) -> Any:
    """Call a method that changes a value in place, and leave its result alone."""
    getattr(h, function)()
    return h


def standardized(s: Any, x: Any) -> Any:
    w = s.a.weight
    w = (w - w.mean((1, 2, 3), keepdim=True)) / w.std((1, 2, 3), keepdim=True)
    return s.b(F.conv2d(x, w).flatten(1))


def without_gradient(s: Any, x: Any) -> Any:
    with torch.no_grad():
        h = torch.tanh(s.a(x))
    return s.b(h)


def pre_activated(s: Any, x: Any) -> Any:
    """Add the input after a module has rectified it in place."""
    return s.b(s.a(s.relu(x)) + x)


def kept_view(s: Any, x: Any) -> Any:
    h = s.a(x)
    part = h.view(-1, 2, 3)
    h.relu_()
    return s.b(part.flatten(1))


def added_part(s: Any, x: Any) -> Any:
    return s.b(x + s.place[:, :3]).flatten(1)


def added_row(s: Any, x: Any) -> Any:
    return s.b(x + s.place.expand(3, 4)).flatten(1)


def added_parts_that_overlap(s: Any, x: Any) -> Any:
    return s.b(torch.tanh(x + s.place[:3]) + s.place[1:4]).flatten(1)


def tied_weight_alone() -> Any:
    module = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    module[2].weight = module[0].weight
    return module


def frozen_setting() -> Any:
    """Make a network whose slope is a parameter that nothing trains, a whole number at that."""
    module = of(lambda s, x: s.b(F.elu(s.a(x), s.slope.item())), a=nn.Linear(4, 4), b=nn.Linear(4, 3))
    module.slope = nn.Parameter(torch.tensor(2), requires_grad=False)
    return module


L = nn.Linear
NINE = torch.arange(9.0).view(3, 3)


def pair(forward: Any, *zero: str, width: int = 4) -> Any:
    return zeroed(of(forward, a=L(4, width), b=L(width, 3)), *zero)


# A module, the shape of an example, and what it is refused with; None where it has to be taken.
CASES: dict[str, tuple[Any, tuple[int, ...], str | None]] = {
    "plain": (pair(lambda s, x: s.b(torch.tanh(s.a(x)))), (4,), None),
    "head_of_zeros": (pair(lambda s, x: s.b(F.gelu(s.a(x))), "b.weight", "b.bias"), (4,), None),
    "all_zeros": (pair(lambda s, x: s.b(F.silu(s.a(x))), "a.weight", "a.bias", "b.weight", "b.bias"), (4,), None),
    "rectified_by_a_statement": (pair(lambda s, x: s.b(changed(s.a(x), "relu_")), "b.weight", "b.bias"), (4,), None),
    "changed_twice_by_statements": (pair(lambda s, x: s.b((lambda h: (h.add_(x), h.relu_(), h)[2])(s.a(x)))), (4,), None),
    "rectified_in_place_and_read_again": (of(pre_activated, a=L(4, 4), b=L(4, 3), relu=nn.ReLU(inplace=True)), (4,), None),
    "rectified_by_a_function_in_place": (pair(lambda s, x: s.b((lambda h: F.relu(h, inplace=True) + h)(s.a(x)))), (4,), None),
    "added_in_place": (pair(lambda s, x: s.b((lambda h: h.add_(x) + h)(s.a(x)))), (4,), None),
    "a_view_of_what_is_changed": (of(kept_view, a=L(4, 6), b=L(6, 3)), (4,), None),
    "written_into_a_value": (pair(lambda s, x: s.b((lambda h: (torch.tanh(h, out=h), h)[1])(s.a(x)))), (4,), "out="),
    "a_parameter_for_a_setting": (
        with_parameters(of(lambda s, x: s.b(F.elu(s.a(x), s.slope.item())), a=L(4, 4), b=L(4, 3)), slope=torch.ones(())), (4,), "at a second, random θ",
    ),
    "a_frozen_number_for_a_setting": (frozen_setting(), (4,), None),
    "tied_by_transposition": (of(lambda s, x: F.linear(torch.tanh(s.a(x)), s.a.weight.t()), a=L(4, 3)), (4,), None),
    "tied_by_transposition_with_a_bias": (
        with_parameters(of(lambda s, x: F.linear(torch.tanh(s.a(x)), s.a.weight.t(), s.bias), a=L(4, 3)), bias=torch.zeros(4)),
        (4,), None,
    ),
    "masked": (of(lambda s, x: F.linear(x, s.a.weight * torch.eye(4)[:3], s.a.bias), a=L(4, 3)), (4,), None),
    "standardized": (of(standardized, a=nn.Conv2d(1, 2, 3, bias=False), b=L(2, 3)), (1, 3, 3), None),
    "one_plus_gamma": (
        of(lambda s, x: s.b(F.layer_norm(x, (4,), 1 + s.n.weight, s.n.bias + 0)), n=nn.LayerNorm(4), b=L(4, 3)), (4,), None,
    ),
    "weight_norm": (nn.Sequential(nn.utils.parametrizations.weight_norm(L(4, 3))), (4,), None),
    "spectral_norm": (nn.Sequential(nn.utils.parametrizations.spectral_norm(L(4, 3)), nn.Tanh()), (4,), None),
    "weight_that_is_a_buffer": (with_buffer(of(lambda s, x: F.linear(torch.tanh(s.b(x)), s.kept), b=L(4, 3)), NINE), (4,), None),
    "weight_computed_from_a_buffer": (with_buffer(of(lambda s, x: F.linear(torch.tanh(s.b(x)), s.kept.t()), b=L(4, 3)), NINE), (4,), None),
    "without_a_gradient": (pair(without_gradient), (4,), r"no gradient with respect to a\.(weight|bias).*requires_grad_\(False\)"),
    "frozen": (pair(lambda s, x: s.b(torch.tanh(s.a(x)))), (4,), None),
    "a_head_that_evaluation_does_not_use": (of(lambda s, x: s.a(x) if not s.training else s.b(x), a=L(4, 3), b=L(4, 9)), (4,), None),
    "shared": (of(lambda s, x: s.b(torch.tanh(s.a(torch.tanh(s.a(x))))), a=L(4, 4), b=L(4, 3)), (4,), None),
    "shared_weight_of_two_biases": (tied_weight_alone(), (4,), None),
    "normalized": (nn.Sequential(L(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.LayerNorm(6), L(6, 3)), (4,), None),
    "convolutional": (
        nn.Sequential(nn.Conv2d(1, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(True), nn.MaxPool2d(2), nn.Flatten(), L(12, 3)), (1, 6, 6), None,
    ),
    "attending": (nn.Sequential(nn.TransformerEncoderLayer(4, 2, 6, 0.1, batch_first=True), nn.Flatten(), L(12, 3)), (3, 4), None),
    "a_part_of_a_position": (with_parameters(of(added_part, b=L(4, 2)), place=torch.zeros(1, 5, 4)), (3, 4), None),
    "one_row_for_all_positions": (with_parameters(of(added_row, b=L(4, 2)), place=torch.zeros(1, 4)), (3, 4), None),
    "positions_that_overlap": (with_parameters(of(added_parts_that_overlap, b=L(4, 2)), place=torch.zeros(5, 4)), (3, 4), None),
}  # fmt: skip
CASES["frozen"][0].a.requires_grad_(False)


def own_name(slot: Any) -> str:
    """The module's name of a parameter, which may be a node of its own."""
    return str(slot.name).removesuffix(".value")


def placed(module: Any, model: Any, theta: np.ndarray) -> None:
    """Put a θ into the module by the names of its parameters."""
    state = dict(module.named_parameters())
    with torch.no_grad():
        for slot in model.layout:
            part = torch.from_numpy(theta[slot.start : slot.stop].reshape(slot.shape))
            if own_name(slot) in state:
                state[own_name(slot)].copy_(part)
            else:  # the part of a position that is read
                module.place[:, : slot.shape[0]] = part


def torch_gradient(module: Any, model: Any, value: Any) -> np.ndarray:
    state = {name: p for name, p in module.named_parameters() if p.requires_grad}
    found = dict(zip(state, torch.autograd.grad(value, list(state.values()), allow_unused=True), strict=True))
    parts = [
        found[own_name(slot)] if own_name(slot) in found else found["place"][:, : slot.shape[0]]
        for slot in model.layout
    ]
    assert sum(part.numel() for part in parts) >= sum(
        int((gradient != 0).sum()) for gradient in found.values() if gradient is not None
    )
    return np.concatenate([part.flatten().numpy() for part in parts])


@pytest.mark.parametrize("name", CASES)
def test_a_module_is_refused_or_is_the_same_function_of_theta(name):
    module, shape, refusal = CASES[name]
    x, y = data(*shape)
    y = y % 2 if "position" in name else y
    if refusal is not None:
        with pytest.raises(InputError, match=refusal) as caught:
            landscape.from_torch(module, "cross_entropy", (x, y))
        assert "\n" not in str(caught.value)
        return
    model = landscape.from_torch(module, "cross_entropy", (x, y))
    assert "at a second, random θ" in model.inferred[-1]
    objective = landscape.NetworkObjective(model)
    module = module.double().eval()
    rng = np.random.default_rng(5)
    for _ in range(POINTS):
        theta = model.theta + rng.standard_normal(model.size)
        placed(module, model, theta)
        value = F.cross_entropy(module(torch.tensor(x).double()), torch.tensor(y))
        expected = torch_gradient(module, model, value)
        assert objective.value(theta) == pytest.approx(float(value.detach()), rel=1e-11)
        assert np.abs(objective.gradient(theta) - expected).max() < 1e-10 * np.abs(expected).max()


def test_parameters_that_are_not_in_theta_are_named():
    unused = landscape.from_torch(CASES["a_head_that_evaluation_does_not_use"][0], "cross_entropy", data(4))
    assert any("evaluation does not use them: b.weight, b.bias (45 numbers)" in s for s in unused.inferred)
    frozen = landscape.from_torch(CASES["frozen"][0].float(), "cross_entropy", data(4))
    assert any("they are frozen: a.weight, a.bias (20 numbers)" in s for s in frozen.inferred)
    part = landscape.from_torch(
        CASES["a_part_of_a_position"][0].float(), "cross_entropy", (data(3, 4)[0], np.arange(7) % 2)
    )
    assert any("of place 8 of 20 numbers are not in θ" in s for s in part.inferred)  # fmt: skip


def test_data_are_left_as_they_are_by_a_module_that_changes_its_input():
    x = np.random.default_rng(0).standard_normal((7, 4))
    kept = x.copy()
    landscape.from_torch(
        nn.Sequential(nn.ReLU(inplace=True), L(4, 3)), "cross_entropy", (x, np.arange(7) % 3)
    )
    assert np.array_equal(x, kept)


def test_a_hook_that_changes_outputs_is_named():
    module = nn.Sequential(L(4, 5), nn.Tanh(), L(5, 3))
    module[1].register_forward_hook(lambda part, given, out: 2 * out)
    with pytest.raises(InputError, match=r"outputs differ .*\(1: a hook runs there"):
        landscape.from_torch(module, "cross_entropy", data(4))


def test_a_loss_of_the_users_is_a_part_of_the_network():
    class Half(nn.MSELoss):
        """A loss of another value under a known name."""

        def forward(self, input, target):
            return super().forward(input, target) / 2

    Half.__name__ = "MSELoss"
    x, _ = data(4)
    module = L(4, 1)
    model = landscape.from_torch(module, Half(), (x, x[:, :1]))
    expected = F.mse_loss(module(torch.from_numpy(x)), torch.from_numpy(x[:, :1])) / 2
    assert model.loss == "output"
    assert landscape.NetworkObjective(model).value(model.theta) == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda out, y: (out.mean() - y.mean()) ** 2, "not the mean"),
        (lambda out, y: ((out - y) ** 2).mean(1), "more than one number"),
    ],
)
def test_a_loss_that_is_no_mean_over_the_examples_is_refused(loss, words):
    x, _ = data(4)
    with pytest.raises(InputError, match=words):
        landscape.from_torch(L(4, 1), loss, (x, x[:, :1]))
