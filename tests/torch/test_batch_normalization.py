"""Training with batch normalization, step by step against PyTorch's modules and optimizers in float64."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.training import Recipe, train
from tests.networks import network
from tests.training import twins

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
nn = torch.nn

IMAGES = (
    "c conv2d 2 3 3 3 bias=false | b batchnorm 3 | t tanh | d conv2d 3 4 2 2 bias=false | e batchnorm 4 momentum=0.3"
    "| s silu | flat flatten | fc dense 8 3"
)
FEATURES = "fc1 dense 5 6 bias=false | b batchnorm 6 eps=0.01 | t tanh | fc2 dense 6 3"


def images():
    """Two convolutions, each with its normalization."""
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.Tanh(), nn.Conv2d(3, 4, 2, bias=False), nn.BatchNorm2d(4, momentum=0.3),
        nn.SiLU(), nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip


def features():
    """A hidden layer that is normalized."""
    return nn.Sequential(nn.Linear(5, 6, bias=False), nn.BatchNorm1d(6, eps=0.01), nn.Tanh(), nn.Linear(6, 3))


def flat(module, wanted):
    """Join a module's parameters or buffers, in the order of its layers."""
    arrays = [value for key, value in module.state_dict().items() if wanted(key) and "tracked" not in key]
    return np.concatenate([value.numpy().ravel() for value in arrays])


def steps_in_torch(module, model, recipe, optimizer):
    """Train in PyTorch on the same batches; give parameters, running statistics and evaluated loss before each step and after the last."""
    owned = {**model.parameters, **model.buffers}
    keys = [key for key in module.state_dict() if "tracked" not in key]
    state = {
        key: torch.from_numpy(np.array(owned[name], np.float64))
        for key, name in zip(keys, ordered(model), strict=True)
    }
    module.load_state_dict(state, strict=False)
    x, y = (torch.from_numpy(model.data[f"{axis}_train"]) for axis in "xy")
    x, found = x.double(), []
    for step in range(recipe.steps + 1):
        module.eval()
        loss = float(nn.functional.cross_entropy(module(x), y).detach())
        found.append(
            (flat(module, lambda key: "running" not in key), flat(module, lambda key: "running" in key), loss)
        )
        module.train()
        rows = torch.from_numpy(twins.batch(recipe, step, len(y)))
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x[rows]), y[rows]).backward()
        optimizer.step()
    return found


def ordered(model):
    """Name a model's arrays in the order of a module's state: parameters and buffers of a layer together."""
    owned = [*model.parameters, *model.buffers]
    return [key for node in model.nodes for key in owned if key.startswith(f"{node.name}.")]


@pytest.mark.parametrize(
    ("graph", "shape", "make"), [(IMAGES, (2, 5, 4), images), (FEATURES, 5, features)], ids=["2d", "1d"]
)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_every_step_is_pytorchs_with_its_running_statistics(graph, shape, make, optimizer):
    model = network(graph, shape, 3, n=23)(np.random.default_rng(3))
    recipe = Recipe(optimizer=optimizer, learning_rate=0.02, batch_size=6, steps=9, momentum=0.9)
    module = make().double()
    theirs = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
        "adam": lambda p: torch.optim.Adam(p, lr=0.02),
    }[optimizer](module.parameters())
    settings = {"optimizer": optimizer, "learning_rate": 0.02, "batch_size": 6, "steps": 9, "momentum": 0.9}
    done = train(model, **settings, checkpoints=10, history=10, dtype="float64")
    expected = steps_in_torch(module, model, recipe, theirs)
    for step, (theta, buffers, loss) in enumerate(expected):
        np.testing.assert_allclose(done.checkpoints[step], theta, rtol=1e-8, atol=1e-11)
        np.testing.assert_allclose(done.checkpoint_buffers[step], buffers, rtol=1e-10)
        assert done.history["train_loss"][step] == pytest.approx(loss, rel=1e-10)
