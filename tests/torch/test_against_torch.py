"""PyTorch in float64 judges the referee and the engine alike: values, gradients, Hessian-vector products."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from landscape.objective import RecomputedObjective
from tests import reference
from tests.cases import CASES
from tests.engine import DTYPES, TOLERANCE, VALUE_TOLERANCE, distance, every_case, objective, vectors
from tests.networks import network

torch = pytest.importorskip("torch")
F = torch.nn.functional
# What follows needs PyTorch.
from tests.torch.twin import tensors, torch_value  # noqa: E402

pytestmark = pytest.mark.torch
every_judged = pytest.mark.parametrize("judged", [*DTYPES, "referee"])
TOLERANCES = TOLERANCE | {"referee": 1e-12}
VALUE_TOLERANCES = VALUE_TOLERANCE | {"referee": 1e-13}


@cache
def judgement(name: str) -> tuple[float, np.ndarray, np.ndarray]:
    """PyTorch's value, gradient and product by double backward at a case's θ."""
    case = CASES[name]
    theta = torch.from_numpy(case.model.theta.copy()).requires_grad_()
    value = torch_value(case.model, theta)
    (gradient,) = torch.autograd.grad(value, theta, create_graph=True)
    along = gradient @ torch.from_numpy(vectors(case, 1)[0])
    (product,) = torch.autograd.grad(along, theta)
    return float(value.detach()), gradient.detach().numpy(), product.numpy()


@every_judged
@every_case
def test_value_is_pytorchs(name, judged):
    model = CASES[name].model
    found = (
        reference.value(model, model.theta)
        if judged == "referee"
        else objective(name, judged).value(model.theta)
    )
    assert found == pytest.approx(judgement(name)[0], rel=VALUE_TOLERANCES[judged])


@every_judged
@every_case
def test_gradient_is_pytorchs(name, judged):
    model = CASES[name].model
    found = (
        reference.gradient(model, model.theta)
        if judged == "referee"
        else objective(name, judged).gradient(model.theta)
    )
    assert distance(found, judgement(name)[1]) <= TOLERANCES[judged]


@every_judged
@every_case
def test_product_is_pytorchs(name, judged):
    case = CASES[name]
    theta, v = case.model.theta, vectors(case, 1)[0]
    found = (
        reference.hvp(case.model, theta, v) if judged == "referee" else objective(name, judged).hvp(theta, v)
    )
    assert distance(found, judgement(name)[2]) <= TOLERANCES[judged]


@pytest.mark.parametrize("name", ["chain_softplus", "large_logits", "wide"])
def test_losses_far_from_the_centre_are_pytorchs(name):
    model = CASES[name].model
    theta = 20.0 * model.theta
    expected = float(torch_value(model, torch.from_numpy(theta)))
    assert reference.value(model, theta) == pytest.approx(expected, rel=1e-12)
    assert objective(name, "float64").value(theta) == pytest.approx(expected, rel=1e-12)


def test_recomputed_statistics_are_those_of_update_bn():
    module = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Tanh(), torch.nn.Conv2d(3, 4, 2), torch.nn.BatchNorm2d(4),
        torch.nn.Flatten(), torch.nn.Linear(8, 3),
    ).double()  # fmt: skip
    graph = (
        "c conv2d 2 3 3 3 | b batchnorm 3 batch_size=8 | t tanh | d conv2d 3 4 2 2 | e batchnorm 4 batch_size=8"
        "| flat flatten | fc dense 8 3"
    )
    model = network(graph, (2, 5, 4), 3, n=21)(np.random.default_rng(3))
    names = {"0": "c", "1": "b", "3": "d", "4": "e", "6": "fc"}
    owned = {**model.parameters, **model.buffers}
    state = {
        key: torch.from_numpy(np.array(owned[f"{names[key.split('.')[0]]}.{key.split('.')[1]}"])).double()
        for key in module.state_dict()
        if "tracked" not in key
    }
    module.load_state_dict(state, strict=False)
    x, y = tensors(model)
    torch.optim.swa_utils.update_bn(x.split(8), module)
    expected = float(F.cross_entropy(module.eval()(x), y).detach())
    assert RecomputedObjective(model).value(model.theta) == pytest.approx(expected, rel=1e-12)
