"""One place knows the names of optimizers: this package's, PyTorch's, and what a near miss means."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.formulas.optimizers import OPTIMIZERS
from landscape.model import build_model
from landscape.optimizer_names import ALIASES, NAMES, NEAREST, nearest_optimizer, optimizer_name
from landscape.training import Recipe, train


def test_the_names_are_those_of_the_table_of_updates():
    assert tuple(OPTIMIZERS) == NAMES
    assert {*ALIASES.values(), *NEAREST.values()} <= set(NAMES)
    assert all(optimizer_name(name) == name for name in NAMES)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("SGD", "sgd"), ("Adam", "adam"), ("AdamW", "adamw"), ("RMSprop", "rmsprop"), ("RMSProp", "rmsprop"), ("Adagrad", "adagrad"),
        ("RAdam", "radam"), ("torch.optim.Adam", "adam"), ("torch.optim.adam.Adam", "adam"), ("AMSGrad", "amsgrad"), ("Lion", "lion"),
        ("heavy-ball", "heavy_ball"), ("heavyball ", "heavy_ball"), ("SGD with momentum", "heavy_ball"), ("Nesterov", "nesterov"), ("SAM", "sam"),
    ],
)  # fmt: skip
def test_other_spellings_are_understood(given, meant):
    assert optimizer_name(given) == meant
    assert Recipe(optimizer=given) == Recipe(optimizer=meant)


@pytest.mark.parametrize("given", ["adm", "Adamm", "sgdd", "rmspop", "lionn"])
def test_a_near_miss_is_told_what_is_meant(given):
    with pytest.raises(InputError, match="did you mean '") as refused:
        optimizer_name(given)
    assert str(refused.value).startswith("optimizer: expected one of sgd, ")


@pytest.mark.parametrize("given", ["Adadelta", "NAdam", "LBFGS", "Adamax", "ASGD", "Rprop", "SparseAdam"])
def test_an_optimizer_of_pytorch_that_does_not_run_here_is_refused_with_the_nearest(given):
    with pytest.raises(InputError, match=f"does not run here; the nearest is '{nearest_optimizer(given)}'"):
        optimizer_name(given)


@pytest.mark.torch
def test_every_optimizer_of_pytorch_is_known_by_its_name():
    torch = pytest.importorskip("torch")
    names = [name for name, found in vars(torch.optim).items() if inspect.isclass(found)]
    for name in set(names) - {"Optimizer"}:
        known = nearest_optimizer(name)
        assert known in NAMES or optimizer_name(name) in NAMES


def test_a_training_by_pytorchs_name_is_the_same_training():
    x = np.linspace(-1, 1, 20)[:, None]
    model = build_model(layers=[(np.zeros((1, 1)), np.zeros(1))], loss="mse", x_train=x, y_train=x)
    asked = {"learning_rate": 0.1, "steps": 20, "dtype": "float64", "threads": 1}
    one, other = (train(model, optimizer=name, momentum=0.9, **asked) for name in ("SGD", "sgd"))
    assert one.fingerprint() == other.fingerprint()
    assert one.training == other.training
    assert one.training["optimizer"] == "sgd"
