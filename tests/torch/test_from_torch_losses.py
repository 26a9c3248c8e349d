"""Losses that people train with: the value, gradient and product of an imported model are PyTorch's."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import landscape
from landscape.errors import InputError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

N = 24


def dense(out: int, *more: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, out), *more)


def images(out: int, *more: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, out, 1), *more)


def ids(*shape: int, ignored: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(3)
    found = rng.integers(0, 3, shape)
    return found if ignored is None else np.where(rng.random(shape) < 0.3, ignored, found)


def shares(*shape: int, axis: int = 1) -> np.ndarray:
    raw = np.exp(np.random.default_rng(4).standard_normal(shape))
    return raw / raw.sum(axis=axis, keepdims=True)


def units(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).random(shape)


def bits(*shape: int) -> np.ndarray:
    return np.random.default_rng(6).integers(0, 2, shape).astype(np.float64)


THREE = torch.tensor([0.5, 2.0, 1.5])
FOCAL = "sigmoid_focal_loss"
# Module, loss, targets, the format's name of the loss.
CASES = {
    "class_weights": (dense(3), nn.CrossEntropyLoss(weight=THREE), ids(N), "cross_entropy"),
    "smoothing": (dense(3), nn.CrossEntropyLoss(label_smoothing=0.2), ids(N), "cross_entropy"),
    "weights_and_smoothing": (
        dense(3), nn.CrossEntropyLoss(weight=THREE, label_smoothing=0.2, ignore_index=7), ids(N, ignored=7), "cross_entropy",
    ),
    "weights_of_nll": (dense(3, nn.LogSoftmax(1)), nn.NLLLoss(weight=THREE), ids(N), "cross_entropy"),
    "soft": (dense(3), nn.CrossEntropyLoss(), shares(N, 3), "cross_entropy"),
    "soft_weights": (dense(3), nn.CrossEntropyLoss(weight=THREE, label_smoothing=0.1), shares(N, 3), "cross_entropy"),
    "one_hot_weights": (dense(3), nn.CrossEntropyLoss(weight=THREE), np.eye(3)[ids(N)], "cross_entropy"),
    "sum": (dense(3), nn.CrossEntropyLoss(reduction="sum"), ids(N), "cross_entropy"),
    "sum_of_weights": (dense(3), nn.CrossEntropyLoss(weight=THREE, reduction="sum", ignore_index=1), ids(N), "cross_entropy"),
    "partial": (dense(3), functools.partial(F.cross_entropy, label_smoothing=0.1, weight=THREE), ids(N), "cross_entropy"),
    "dense": (images(3), nn.CrossEntropyLoss(ignore_index=255), ids(N, 3, 4, ignored=255), "cross_entropy"),
    "dense_weights": (images(3), nn.CrossEntropyLoss(weight=THREE), ids(N, 3, 4), "cross_entropy"),
    "dense_nll": (images(3, nn.LogSoftmax(1)), nn.NLLLoss(), ids(N, 3, 4), "cross_entropy"),
    "dense_soft": (images(3), nn.CrossEntropyLoss(), shares(N, 3, 3, 4), "cross_entropy"),
    "binary_images": (images(1), nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0])), bits(N, 1, 3, 4), "binary_cross_entropy"),
    "binary_pixels": (images(1, nn.AvgPool2d((3, 4))), nn.BCEWithLogitsLoss(), bits(N, 1, 1, 1), "binary_cross_entropy"),
    "binary_soft": (dense(2), nn.BCEWithLogitsLoss(weight=torch.tensor([1.0, 3.0])), units(N, 2), "binary_cross_entropy"),
    "binary_both": (
        dense(3), nn.BCEWithLogitsLoss(weight=THREE, pos_weight=torch.tensor([3.0, 1.0, 0.0])), units(N, 3), "binary_cross_entropy"
    ),
    "binary_sum": (dense(2), nn.BCEWithLogitsLoss(reduction="sum"), bits(N, 2), "binary_cross_entropy"),
    "binary_sigmoid": (dense(3, nn.Sigmoid()), nn.BCELoss(weight=THREE), units(N, 3), "binary_cross_entropy"),
    "divergence": (dense(3, nn.LogSoftmax(1)), nn.KLDivLoss(reduction="batchmean"), shares(N, 3), "kl_divergence"),
    "divergence_mean": (dense(3, nn.LogSoftmax(1)), nn.KLDivLoss(), shares(N, 3), "kl_divergence"),
    "divergence_logs": (
        dense(3, nn.LogSoftmax(1)), nn.KLDivLoss(reduction="sum", log_target=True), np.log(shares(N, 3)), "kl_divergence"
    ),
    "poisson": (dense(2), nn.PoissonNLLLoss(), ids(N, 2), "poisson"),
    "poisson_rate": (dense(2, nn.Softplus()), nn.PoissonNLLLoss(log_input=False), ids(N, 2), "poisson_rate"),
    "hinge_embedding": (dense(1), nn.HingeEmbeddingLoss(margin=0.7), 2 * bits(N, 1) - 1, "hinge_embedding"),
    "soft_margin": (dense(2), nn.SoftMarginLoss(), 2 * bits(N, 2) - 1, "binary_cross_entropy"),
    "multi_margin": (dense(3), nn.MultiMarginLoss(weight=THREE, margin=0.8), ids(N), "multi_margin"),
    "squared_margin": (dense(3), nn.MultiMarginLoss(p=2, reduction="sum"), ids(N), "multi_margin"),
    "multi_label": (dense(3), nn.MultiLabelSoftMarginLoss(weight=THREE), bits(N, 3), "binary_cross_entropy"),
    "multi_label_sum": (dense(3), nn.MultiLabelSoftMarginLoss(reduction="sum"), bits(N, 3), "binary_cross_entropy"),
    "mse_sum": (dense(2), nn.MSELoss(reduction="sum"), units(N, 2), "mse"),
    "huber_sum": (dense(2), nn.HuberLoss(reduction="sum", delta=0.3), units(N, 2), "huber"),
    "smooth_l1_sum": (dense(2), functools.partial(F.smooth_l1_loss, reduction="sum", beta=0.3), units(N, 2), "huber"),
}  # fmt: skip


def drawn(module: nn.Module) -> nn.Module:
    """Give a module in float64 whose parameters are of order one."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return module.double()


def objective_of(module, loss, x, y):
    """Give the loss over all data as a function of flat parameters in the module's own order."""
    names = [name for name, _ in module.named_parameters()]
    shapes = [p.shape for p in module.parameters()]

    def value(flat):
        parts = torch.split(flat, [int(np.prod(shape)) for shape in shapes])
        there = {name: part.reshape(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        outputs = torch.func.functional_call(module, there, (x,))
        return loss(outputs, y)

    return value


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_value_gradient_and_product_are_pytorchs(name):
    module, loss, targets, meant = CASES[name]
    module = drawn(module)
    rng = np.random.default_rng(2)
    x = rng.standard_normal((N, 2, 3, 4) if isinstance(module[0], nn.Conv2d) else (N, 5))
    model = landscape.from_torch(module, loss, (x, targets))
    assert model.loss == meant
    y = torch.from_numpy(targets)
    y = y if targets.dtype.kind == "i" and meant in ("cross_entropy", "multi_margin") else y.double()
    own = (
        loss.double()
        if isinstance(loss, nn.Module)
        else functools.partial(loss.func, **doubled(loss.keywords))
    )
    flat = torch.cat([p.detach().reshape(-1) for p in module.parameters()])
    value = objective_of(module, own, torch.from_numpy(x), y)
    objective = landscape.NetworkObjective(model)
    assert objective.value(model.theta) == pytest.approx(float(value(flat)), rel=1e-9)
    gradient = torch.func.grad(value)(flat).numpy()
    scale = np.abs(gradient).max()
    assert np.allclose(objective.gradient(model.theta), gradient, atol=1e-9 * scale)
    direction = rng.standard_normal(model.size)
    # Not every loss of PyTorch has a second derivative.
    step = 1e-5 * torch.from_numpy(direction)
    up, down = (torch.func.grad(value)(flat + sign * step).numpy() for sign in (1, -1))
    assert np.allclose(objective.hvp(model.theta, direction), (up - down) / 2e-5, atol=1e-7 * scale)


def doubled(settings):
    """Give a function's settings with tensors in float64."""
    return {key: value.double() if hasattr(value, "double") else value for key, value in settings.items()}


def own(outputs, targets):
    return ((outputs - targets) ** 4).mean()


def gaussian(outputs, targets):
    return F.gaussian_nll_loss(outputs[:, :1], targets, F.softplus(outputs[:, 1:2]))


def evidence(outputs, targets):
    """A sum over the examples, divided by their number."""
    return (F.cross_entropy(outputs, targets) * len(outputs) + outputs.square().sum()) / len(outputs)


@pytest.mark.parametrize(
    ("loss", "targets"), [(own, units(N, 3)), (gaussian, units(N, 1)), (evidence, ids(N))]
)
def test_a_function_of_the_users_has_its_value(loss, targets):
    module, x = drawn(dense(3)), units(N, 5)
    model = landscape.from_torch(module, loss, (x, targets))
    expected = loss(module.double()(torch.from_numpy(x).double()), torch.from_numpy(np.asarray(targets)))
    assert landscape.NetworkObjective(model).value(model.theta) == pytest.approx(expected.item(), rel=1e-6)


class MeanAndVariance(nn.Module):
    """A network of two outputs."""

    def __init__(self):
        super().__init__()
        self.mean, self.variance = nn.Linear(5, 2), nn.Linear(5, 2)

    def forward(self, x):
        return self.mean(x), F.softplus(self.variance(x))


@pytest.mark.parametrize("full", [False, True])
def test_the_loss_of_a_mean_and_a_variance_takes_a_network_of_both(full):
    module, x, y, loss = drawn(MeanAndVariance()), units(N, 5), units(N, 2), nn.GaussianNLLLoss(full=full)
    model = landscape.from_torch(module, loss, (x, y))
    mean, variance = module.double()(torch.from_numpy(x).double())
    expected = loss(mean, torch.from_numpy(np.asarray(y)).double(), variance)
    assert landscape.NetworkObjective(model).value(model.theta) == pytest.approx(expected.item(), rel=1e-6)


REFUSED = {
    "own_sum": (lambda o, y: o.square().sum(), ids(N), "not the mean of those of its examples"),
    "none": (nn.CrossEntropyLoss(reduction="none"), ids(N), "reduction='none' gives a loss for each example"),
    "full": (nn.PoissonNLLLoss(full=True), ids(N, 3), "PoissonNLLLoss with full=False expected"),
    "gaussian": (nn.GaussianNLLLoss(), units(N, 3), "GaussianNLLLoss reads a mean and a variance; expected a network that puts out both"),
    "gaussian_by_name": ("GaussianNLLLoss", units(N, 3), "GaussianNLLLoss"),
    "weights": (nn.CrossEntropyLoss(weight=torch.ones(2)), ids(N), "class_weights: expected 3 numbers, one a class, found 2"),
    "negative": (nn.CrossEntropyLoss(weight=-torch.ones(3)), ids(N), "class_weights: expected a finite number from 0"),
    "signs": (nn.SoftMarginLoss(), bits(N, 3), "y_train: SoftMarginLoss expects 1 or -1, found 0"),
    "divergence": (nn.KLDivLoss(), shares(N, 3), "ends with log_softmax, found"),
    "triplet": (nn.TripletMarginLoss(), ids(N), "TripletMarginLoss compares the outputs of three inputs"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_taken_is_refused_in_one_line(name):
    loss, targets, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as caught:
        landscape.from_torch(drawn(dense(3)), loss, (units(N, 5), targets))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["kl_divergence", "focal", "poisson", "multi_margin", "hinge_embedding"])
def test_a_name_of_the_format_is_compared_with_its_gradient(name):
    targets = {"kl_divergence": shares(N, 3), "multi_margin": ids(N), "hinge_embedding": 2 * bits(N, 3) - 1}
    model = landscape.from_torch(drawn(dense(3)), name, (units(N, 5), targets.get(name, bits(N, 3))))
    assert "the gradient by" in model.inferred[-1]
