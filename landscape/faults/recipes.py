"""One function for each case, which returns the untrained model and its training, with the fault or without.

The twin differs in the one thing that is wrong. Seeds draw data, start and batches.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from landscape import streams
from landscape.faults.data import (
    circles,
    digits,
    drawn,
    exclusive_or,
    heights,
    moons,
    products,
    sine,
    spiral,
    waves,
)
from landscape.faults.networks import dense, started
from landscape.model import Model, build_model

Recipe = tuple[Model, dict[str, Any]]
ADAM = {"optimizer": "adam", "learning_rate": 0.01}
# Of digits: the mean and the standard deviation of all pixels, and the largest value before they were scaled to 1.
MEAN, DEVIATION, LARGEST = 0.305, 0.375, 16.0


def dead_units(seed: int, healthy: bool) -> Recipe:
    """All hidden units of a ReLU network off on all inputs, by biases of −10."""
    model = dense(drawn(moons, seed), (2, 16, 16, 2))
    return started(model, "he", seed, bias=0.0 if healthy else -10.0), {"learning_rate": 0.1, "steps": 2000}


def zero_start(seed: int, healthy: bool) -> Recipe:
    """A start at zero, which is a saddle."""
    model = dense(drawn(moons, seed), (2, 8, 2), "tanh")
    settings = {"learning_rate": 0.5, "batch_size": 200, "steps": 2000}
    return (started(model, "xavier", seed) if healthy else model), settings


def constant_start(seed: int, healthy: bool) -> Recipe:
    """All parameters alike at the start, so that all units stay alike."""
    model = dense(drawn(products, seed, train=2000, held_out=500), (6, 32, 1), loss="mse")
    model = started(model, "he", seed) if healthy else model.with_theta(np.full(model.size, 0.01))
    return model, ADAM | {"steps": 2000}


def vanishing_gradient(seed: int, healthy: bool) -> Recipe:
    """Ten layers of sigmoids, each of which reduces the gradient to a quarter or less."""
    model = dense(digits(seed), (64, *[32] * (1 if healthy else 10), 10), "sigmoid")
    return started(model, "xavier", seed), {"learning_rate": 0.5, "steps": 1500}


def deep_plain(seed: int, healthy: bool) -> Recipe:
    """Forty layers without skips."""
    model = dense(digits(seed), (64, *[24] * 40, 10), residual=healthy)
    settings = {"learning_rate": 0.005, "momentum": 0.9, "steps": 1500}
    return started(model, "he", seed, branches=0.05), settings


def bouncing(seed: int, healthy: bool) -> Recipe:
    """A learning rate so large that it switches the units off permanently."""
    model = dense(digits(seed), (64, 32, 32, 10))
    settings = {"learning_rate": 0.1 if healthy else 1.2, "batch_size": 16, "steps": 1500}
    return started(model, "he", seed), settings


def slow_rate(seed: int, healthy: bool) -> Recipe:
    """A learning rate ten thousand times too small."""
    settings = ADAM | {"learning_rate": 1e-2 if healthy else 1e-6, "steps": 1500}
    return started(dense(digits(seed), (64, 32, 10)), "he", seed), settings


def xor_plateau(seed: int, healthy: bool) -> Recipe:
    """Absolute error of sigmoids, whose gradient is almost zero where both classes are balanced."""
    data = drawn(exclusive_or, seed, train=64)
    model = dense(data, (2, 4, 1), "sigmoid", "mse" if healthy else "mae", last="sigmoid")
    settings = ADAM if healthy else {"optimizer": "sgd"}
    return started(model, "xavier", seed), settings | {"learning_rate": 0.05, "batch_size": 64, "steps": 1000}


def constant_output(seed: int, healthy: bool) -> Recipe:
    """A softmax over one unit, which is 1 whatever goes in."""
    data = drawn(moons, seed)
    data |= {key: value[:, None].astype(float) for key, value in data.items() if key.startswith("y")}
    model = dense(data, (2, 16, 1), "relu", "mse", last="sigmoid" if healthy else "softmax")
    return started(model, "he", seed), ADAM | {"steps": 1500}


def over_regularized(seed: int, healthy: bool) -> Recipe:
    """A weight decay that shrinks the weights to almost zero."""
    model = dense(digits(seed), (64, 32, 10), weight_decay=1e-4 if healthy else 0.3)
    return started(model, "he", seed), {"learning_rate": 0.1, "batch_size": 256, "steps": 1500}


def output_range(seed: int, healthy: bool) -> Recipe:
    """A sigmoid at the end, and targets up to 10."""
    model = dense(drawn(heights, seed), (2, 32, 1), "tanh", "mse", last=None if healthy else "sigmoid")
    return started(model, "xavier", seed), ADAM | {"steps": 1500}


def large_batch(seed: int, healthy: bool) -> Recipe:
    """Batches so large that fifteen epochs are thirty updates."""
    settings = {"learning_rate": 0.1, "batch_size": 16 if healthy else 1000, "epochs": 15}
    return started(dense(digits(seed), (64, 32, 10)), "xavier", seed), settings


def too_narrow(seed: int, healthy: bool) -> Recipe:
    """Three hidden units for a spiral."""
    model = dense(drawn(spiral, seed), (2, 64, 64, 2) if healthy else (2, 3, 2))
    return started(model, "he", seed), ADAM | {"steps": 3000}


def linear(seed: int, healthy: bool) -> Recipe:
    """Three layers without activations, equivalent to one linear layer, for two circles."""
    model = dense(drawn(circles, seed), (2, 16, 16, 2), "relu" if healthy else "identity")
    return started(model, "xavier", seed), ADAM | {"learning_rate": 0.001, "batch_size": 200, "steps": 1500}


def few_examples(seed: int, healthy: bool) -> Recipe:
    """Twenty noisy examples for a network that can fit them all."""
    data = drawn(sine, seed, train=640 if healthy else 20, held_out=500)
    model = started(dense(data, (1, 64, 64, 1), "tanh", "mse"), "he", seed)
    settings = {"learning_rate": 0.003, "batch_size": 32 if healthy else 20, "steps": 5000}
    return model, ADAM | settings


def covariate_shift(seed: int, healthy: bool) -> Recipe:
    """Test inputs from a region without training inputs."""
    data = drawn(waves, seed, train=500)
    if not healthy:
        rng = streams.numpy_generator("shifted data of a known fault", seed)
        data["x_test"], data["y_test"] = waves(rng, len(data["x_test"]), center=1.0)
    return started(dense(data, (2, 32, 1), "tanh", "mse"), "xavier", seed), ADAM | {"steps": 1500}


def concept_shift(seed: int, healthy: bool) -> Recipe:
    """Test inputs like those of training, with the labels exchanged."""
    data = drawn(moons, seed)
    data["y_test"] = data["y_test"] if healthy else 1 - data["y_test"]
    return started(dense(data, (2, 16, 2)), "he", seed), ADAM | {"steps": 1000}


def unscaled_inputs(seed: int, healthy: bool) -> Recipe:
    """Test images as they were stored, from 0 to 16, for a network trained on standardized ones."""
    data = digits(seed)
    stored = LARGEST * data["x_test"]
    for key in ("x_train", "x_validation", "x_test"):
        data[key] = (data[key] - MEAN) / DEVIATION
    data["x_test"] = data["x_test"] if healthy else stored
    settings = ADAM | {"learning_rate": 0.003, "steps": 600}
    return started(dense(data, (64, 32, 10)), "he", seed), settings


def bounded_logits(seed: int, healthy: bool) -> Recipe:
    """A sigmoid on the logits, which leaves them between 0 and 1."""
    model = dense(digits(seed), (64, 32, 10), last=None if healthy else "sigmoid")
    return started(model, "he", seed), ADAM | {"steps": 1500}


def stale_statistics(seed: int, healthy: bool) -> Recipe:
    """Running statistics that follow the batches so slowly that they are still those of the start."""
    data = digits(seed)
    nodes = [
        {"name": "fc1", "op": "dense"}, {"name": "norm", "op": "batchnorm", "momentum": 0.1 if healthy else 0.001},
        {"name": "act", "op": "relu"}, {"name": "fc2", "op": "dense"},
    ]  # fmt: skip
    shapes = {
        "fc1.weight": (32, 64), "fc1.bias": (32,), "norm.weight": (32,), "norm.bias": (32,), "norm.running_mean": (32,),
        "norm.running_var": (32,), "fc2.weight": (10, 32), "fc2.bias": (10,),
    }  # fmt: skip
    zero = {key: np.ones(shape) if key.endswith("var") else np.zeros(shape) for key, shape in shapes.items()}
    model = build_model(nodes=nodes, parameters=zero, loss="cross_entropy", **data)  # type: ignore[arg-type]
    return started(model, "he", seed), ADAM | {"learning_rate": 0.03, "steps": 150}


def leakage(seed: int, healthy: bool) -> Recipe:
    """A third of the validation examples are training examples."""
    data = digits(seed)
    copied = 0 if healthy else len(data["x_validation"]) // 3
    for axis in "xy":
        data[f"{axis}_validation"] = np.concatenate(
            [data[f"{axis}_train"][:copied], data[f"{axis}_validation"][copied:]]
        )
    return started(dense(data, (64, 32, 10)), "he", seed), ADAM | {"steps": 600}


def sorted_split(seed: int, healthy: bool) -> Recipe:
    """Training and validation data cut from a sorted list, so that the last classes are in validation alone."""
    data = digits(seed)
    together = {axis: np.concatenate([data[f"{axis}_train"], data[f"{axis}_validation"]]) for axis in "xy"}
    order = np.arange(len(together["y"])) if healthy else np.argsort(together["y"], kind="stable")
    count = len(data["y_train"])
    for axis, array in together.items():
        data[f"{axis}_train"], data[f"{axis}_validation"] = np.split(array[order], [count])
    return started(dense(data, (64, 32, 10)), "he", seed), ADAM | {"steps": 600}


def wrong_loss(seed: int, healthy: bool) -> Recipe:
    """Targets that all equal the mean, as in effect for a loss that compares every output with every target."""
    data = drawn(products, seed, train=500)
    model = started(dense(data, (6, 32, 1), loss="mse"), "he", seed)
    if healthy:
        return model, ADAM | {"steps": 2000}
    mean = np.full_like(model.data["y_train"], data["y_train"].mean())
    return replace(model, data={**model.data, "y_train": mean}), ADAM | {
        "steps": 20_000,
        "afterwards": model.data,
    }


def unscaled_targets(seed: int, healthy: bool) -> Recipe:
    """Heights in millionths of a unit, up to ten million."""
    data = drawn(heights, seed)
    unit = 1.0 if healthy else 1e6
    data |= {key: unit * value for key, value in data.items() if key.startswith("y")}
    return started(dense(data, (2, 32, 1), "tanh", "mse"), "xavier", seed), ADAM | {"steps": 1500}
