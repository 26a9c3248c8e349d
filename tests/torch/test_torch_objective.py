"""A PyTorch module as an objective: the engine's numbers where both can, and a module that is as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError, TorchObjective
from tests.torch.test_from_torch import data, draw, of

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch

L = nn.Linear


def tied() -> Any:
    module = nn.Sequential(L(4, 4), nn.Tanh(), L(4, 4), nn.Tanh(), L(4, 3))
    module[2].weight = module[0].weight
    return draw(module)


# Networks that both can evaluate, and the shape of an example.
NETWORKS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "perceptron": (lambda: draw(nn.Sequential(L(4, 6), nn.Tanh(), L(6, 3))), (4,)),
    "normalized": (
        lambda: draw(nn.Sequential(L(4, 6), nn.BatchNorm1d(6), nn.GELU(), nn.LayerNorm(6), L(6, 3))),
        (4,),
    ),
    "convolutional": (
        lambda: draw(nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.SiLU(), nn.MaxPool2d(2), nn.Flatten(), L(12, 3))),
        (1, 6, 6),
    ),
    "attending": (
        lambda: draw(nn.Sequential(nn.TransformerEncoderLayer(4, 2, 6, 0.1, batch_first=True), nn.Flatten(), L(12, 3))),
        (3, 4),
    ),
    "dropped": (lambda: draw(nn.Sequential(L(4, 6), nn.Dropout(0.5), nn.Tanh(), L(6, 3))), (4,)),
    "tied": (tied, (4,)),
}  # fmt: skip
# Networks that only PyTorch evaluates here.


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.head = nn.LSTM(4, 5, batch_first=True), L(5, 3)

    def forward(self, x):
        return self.head(self.cells(x)[0][:, -1])


class Choosing(nn.Module):
    """Its way depends on the data, which no importer follows."""

    def __init__(self):
        super().__init__()
        self.one, self.other = L(4, 3), L(4, 3)

    def forward(self, x):
        return self.one(x) if float(x.sum()) > 0 else torch.tanh(self.other(x)) + self.one(x) ** 2


ONLY_HERE: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "recurrent": (Recurrent, (5, 4)),
    "choosing": (Choosing, (4,)),
}
BOTH = {**NETWORKS, **ONLY_HERE}
TOLERANCES = {"float64": 1e-10, "float32": 1e-5}


def made(name: str, **options: Any) -> TorchObjective:
    torch.manual_seed(0)
    build, shape = BOTH[name]
    return TorchObjective(build(), nn.CrossEntropyLoss(), data(*shape), batch_size=3, **options)


def placed(model: Any, objective: TorchObjective, vector: np.ndarray) -> np.ndarray:
    """Bring a vector in the order of the model's slots into that of named_parameters."""
    slots = {slot.name.removesuffix(".value"): vector[slot.start : slot.stop] for slot in model.layout}
    return np.concatenate([slots[name] for name in objective.names])


def close(found: Any, expected: Any, tolerance: float) -> bool:
    return bool(np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", NETWORKS)
def test_value_gradient_and_product_are_those_of_the_engine(name, dtype):
    build, shape = NETWORKS[name]
    module, examples = build(), data(*shape)
    model = landscape.from_torch(module, "cross_entropy", examples, weight_decay=0.1)
    engine = landscape.NetworkObjective(model)
    ours = TorchObjective(module, "cross_entropy", examples, weight_decay=0.1, dtype=dtype, batch_size=3)
    rng = np.random.default_rng(0)
    theta, vector = (
        model.theta + 0.1 * rng.standard_normal(model.size),
        rng.standard_normal(model.size),
    )
    slots = [slot.name.removesuffix(".value") for slot in model.layout]
    if set(slots) != set(ours.names):
        # One matrix of the format for several of PyTorch's: the same sum, in another cut.
        assert model.size == ours.size
        assert abs(engine.value(model.theta) - ours.value(ours.theta)) < TOLERANCES[dtype]
        return
    point, along = placed(model, ours, theta), placed(model, ours, vector)
    tolerance = TOLERANCES[dtype]
    assert abs(ours.value(point) - engine.value(theta)) < tolerance
    assert close(ours.gradient(point), placed(model, ours, engine.gradient(theta)), tolerance)
    assert close(ours.hvp(point, along), placed(model, ours, engine.hvp(theta, vector)), tolerance)
    here, there = ours.evaluate(point), engine.evaluate(theta)
    assert (here.accuracy, round(here.penalty, 9)) == (there.accuracy, round(there.penalty, 9))


@pytest.mark.parametrize("name", BOTH)
def test_a_product_is_symmetric_and_the_derivative_of_the_gradient(name):
    objective = made(name, dtype="float64", weight_decay=0.01)
    assert objective.doubt == ""
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal((2, objective.size))
    theta = objective.theta + 0.05 * rng.standard_normal(objective.size)
    hu, hv = objective.hvps(theta, np.stack([u, v]))
    assert abs(u @ hv - v @ hu) < 1e-11 * np.linalg.norm(hu) * np.linalg.norm(v)
    h = 1e-5
    slope = (objective.gradient(theta + h * v) - objective.gradient(theta - h * v)) / (2 * h)
    assert np.abs(slope - hv).max() < 1e-6 * max(1.0, np.abs(hv).max())
    rise = (objective.value(theta + h * v) - objective.value(theta - h * v)) / (2 * h)
    assert rise == pytest.approx(objective.gradient(theta) @ v, rel=1e-6)


def test_batches_are_weighed_by_their_examples():
    whole = made("perceptron", dtype="float64")
    parts = TorchObjective(whole.host.module, nn.CrossEntropyLoss(), data(4), dtype="float64", batch_size=5)
    x, y = data(4)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y)), batch_size=4
    )
    loaded = TorchObjective(whole.host.module, F.cross_entropy, loader, dtype="float64")
    listed = TorchObjective(
        whole.host.module, F.cross_entropy, [(x[:6], y[:6]), (x[6:], y[6:])], dtype="float64"
    )
    with torch.no_grad():
        expected = float(
            F.cross_entropy(whole.host.module.double()(torch.tensor(x).double()), torch.tensor(y))
        )
    theta = whole.theta
    for objective in (whole, parts, loaded, listed):
        assert objective.value(theta) == pytest.approx(expected, abs=1e-14)


LOSSES: dict[str, tuple[Any, Any]] = {
    "weighed": (nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 0.2])), None),
    "left_out": (nn.CrossEntropyLoss(ignore_index=1), None),
    "weighed_and_left_out": (nn.CrossEntropyLoss(torch.tensor([1.0, 5.0, 0.2]), ignore_index=0), None),
    "summed": (nn.CrossEntropyLoss(reduction="sum"), None),
    "smoothed": (nn.CrossEntropyLoss(label_smoothing=0.2), None),
    "own": (lambda output, target: (output.logsumexp(1) - output[:, 0] + 0 * target).mean(), None),
    "squares": (nn.MSELoss(), np.random.default_rng(3).standard_normal((7, 3)).astype(np.float32)),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_over_batches_is_that_over_all_examples(name):
    loss, targets = LOSSES[name]
    x, y = data(4)
    y = y if targets is None else targets
    module = draw(nn.Sequential(L(4, 6), nn.Tanh(), L(6, 3))).double()
    objective = TorchObjective(module, loss, (x.astype(np.float64), y), batch_size=3)
    outputs = module(torch.tensor(x).double())
    wide = loss.double() if isinstance(loss, nn.Module) else loss
    target = torch.tensor(y)
    whole = wide(outputs, target.double() if target.is_floating_point() else target)
    assert objective.value(objective.theta) == pytest.approx(float(whole.detach()), rel=1e-13)
    slope = torch.autograd.grad(whole, list(module.parameters()))
    expected = np.concatenate([part.numpy().reshape(-1) for part in slope])
    assert close(objective.gradient(objective.theta), expected, 1e-13)


def test_a_loss_of_batches_may_be_anything_of_a_module_and_a_batch():
    """The derivative of a network by its input, as physics-informed losses take it."""
    module = draw(nn.Sequential(L(1, 5), nn.Tanh(), L(5, 1))).double()
    points = torch.linspace(0, 1, 11, dtype=torch.float64)[:, None]

    def residual(module: Any, x: Any) -> tuple[Any, int]:
        with torch.enable_grad():
            x = x.requires_grad_(True)
            u = module(x)
            (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
        return ((slope + u) ** 2).mean(), len(x)

    objective = TorchObjective(module, None, points, batch_loss=residual, batch_size=4)
    whole, count = residual(module, points.clone())
    assert count == 11
    assert objective.value(objective.theta) == pytest.approx(float(whole.detach()), rel=1e-13)
    v = np.ones(objective.size)
    h = 1e-5
    slope = objective.gradient(objective.theta + h * v) - objective.gradient(objective.theta - h * v)
    assert close(objective.hvp(objective.theta, v), slope / (2 * h), 1e-7)


def test_a_second_derivative_that_is_wrong_or_missing_is_found_and_replaced(capsys):
    torch.manual_seed(0)
    module = nn.Sequential(nn.utils.parametrizations.weight_norm(L(4, 6)), nn.Tanh(), L(6, 3))
    objective = TorchObjective(module, nn.CrossEntropyLoss(), data(4), dtype="float64")
    product = objective.hvp(objective.theta, np.ones(objective.size))
    assert "not symmetric" in objective.doubt
    assert "central differences of gradients, since" in capsys.readouterr().err
    h = 1e-5
    slope = objective.gradient(objective.theta + h) - objective.gradient(objective.theta - h)
    assert close(product, slope / (2 * h), 1e-7)
    assert not landscape.complete(objective).exact

    centers = torch.arange(12.0).reshape(3, 4)
    module = of(lambda s, x: s.b(torch.cdist(s.a(x), centers.to(x.dtype), 3.0)), a=L(4, 4), b=L(3, 3))
    once = TorchObjective(module, nn.CrossEntropyLoss(), data(4), dtype="float64")
    assert "differentiating twice fails" in once.doubt
    record = landscape.analyze_hessian(once, top=1, bottom=0)
    assert record.settings["method"] == "finite-difference"


class Causal(nn.Module):
    """A language model of one block, as GPT-2's are, whose loss counts the words that are not left out."""

    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(7, 8), nn.Embedding(5, 8)
        self.norm, self.qkv, self.out, self.head = nn.LayerNorm(8), L(8, 24), L(8, 8), L(8, 7)

    def forward(self, x):
        h = self.words(x) + self.places(torch.arange(x.shape[1]))
        q, k, v = (part.unflatten(-1, (2, 4)).transpose(1, 2) for part in self.qkv(self.norm(h)).chunk(3, -1))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.head(h + self.out(mixed.transpose(1, 2).flatten(2)))


def test_a_language_model_is_differentiated_twice_by_the_kernel_of_products():
    torch.manual_seed(0)
    module = Causal().double()
    text = torch.randint(7, (6, 5))
    targets = text.roll(-1, 1).clone()
    targets[2, 1:] = -100

    def loss(module: Any, batch: Any) -> tuple[Any, Any]:
        x, y = batch
        return F.cross_entropy(module(x).flatten(0, 1), y.flatten()), (y != -100).sum()

    objective = TorchObjective(module, None, (text, targets), batch_loss=loss, batch_size=4)
    assert objective.doubt == ""
    assert objective.value(objective.theta) == pytest.approx(
        float(loss(module, (text, targets))[0].detach()), rel=1e-13
    )
    v = np.random.default_rng(0).standard_normal(objective.size)
    h = 1e-5
    slope = objective.gradient(objective.theta + h * v) - objective.gradient(objective.theta - h * v)
    assert close(objective.hvp(objective.theta, v), slope / (2 * h), 1e-7)


def test_statistics_taken_anew_are_those_of_the_engine():
    module, examples = NETWORKS["normalized"][0](), data(4)
    model = landscape.from_torch(module, "cross_entropy", examples)
    engine = landscape.RecomputedObjective(model)
    ours = TorchObjective(
        module, "cross_entropy", examples, dtype="float64", recompute_statistics=True, batch_size=7
    )
    # One batch on both sides.
    for theta in (ours.theta, 1.3 * ours.theta):
        assert ours.value(theta) == pytest.approx(engine.value(theta), rel=1e-12)
    with pytest.raises(InputError, match="recomputed statistics has values, no gradients"):
        ours.gradient(ours.theta)
    with pytest.raises(InputError, match="recomputed statistics has values, no gradients"):
        landscape.analyze_hessian(ours)
    with pytest.raises(InputError, match="expected batch normalization with running statistics, found none"):
        TorchObjective(nn.Linear(4, 3), "cross_entropy", examples, recompute_statistics=True)
