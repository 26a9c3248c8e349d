"""One place knows the names of optimizers: this package's, PyTorch's, and what a near miss means."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest

import landscape
from landscape.curvature.point import preconditioner_of
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


def small():
    x = np.linspace(-1, 1, 20)[:, None]
    return build_model(layers=[(np.zeros((1, 1)), np.zeros(1))], loss="mse", x_train=x, y_train=x)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: landscape.train(small(), optimizer="adm"),
        lambda: landscape.train_many(small(), optimizer=["sgd", "adm"]),
        lambda: landscape.race(small(), optimizers=["adm"]),
        lambda: landscape.diagnose(small(), optimizer="adm"),
        lambda: landscape.descend("rosenbrock", [0.0, 0.0], optimizer="adm"),
        lambda: landscape.study_learning_rate(small(), optimizers=["adm"]),
        lambda: landscape.study_schedule(small(), optimizer="adm"),
        lambda: landscape.study_batch_size(small(), optimizer="adm"),
        lambda: landscape.study_stability(small(), optimizer="adm"),
    ],
)
def test_whatever_takes_an_optimizer_reads_its_name_in_the_one_place(ask):
    with pytest.raises(InputError, match="did you mean 'adam'"):
        ask()


@pytest.mark.parametrize(
    ("name", "divides"), [("Adam", True), ("torch.optim.AdamW", True), ("SGD", False), ("my own", False)]
)
def test_the_state_of_adam_in_a_file_is_known_by_pytorchs_name_too(name, divides):
    state = {"v": np.ones(2), "step": np.array(3)}
    found = preconditioner_of(replace(small(), optimizer=state, training={"optimizer": name}))
    assert (found is not None) == divides
