"""Random networks against PyTorch in float64: `python benchmarks/fuzz_graphs.py --seconds 900` (needs torch).

Each seed is a graph of any ops of the format with odd sizes, shared and frozen parameters, one example or many, batches of any size, logits that may be
saturated. Compared are the value, the outputs, the gradient, a Hessian-vector product, a scan of three points, the dense Hessian where it is had at once,
and a step of training. Where the two disagree, the referee in long doubles judges: a seed fails if the engine is farther from it than PyTorch is, by far.

It prints counts, and for each disagreement the seed that makes it again (`--seed SEED --graphs 1`); the exit status is 1 where there is one.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from landscape.errors import ComputationError, InputError
from landscape.model import Model
from landscape.objective import NetworkObjective, as_one_batch
from landscape.objective.whole import WholeHessian, is_dense
from landscape.training import train
from tests import reference
from tests.random_graphs import random_model
from tests.torch.twin import value_and_outputs

Array = np.ndarray
Check = tuple[str, Array, Array, Callable[[], Array]]
LONG = np.longdouble
# Shares of the largest entry: what needs no judge, and how much farther off than PyTorch the engine may be.
AGREES, FARTHER = 1e-9, 30.0
# What is zero but for rounding is compared with a share of the gradient's largest entry, or with a number.
OF_GRADIENT, SMALLEST = 1e-7, 1e-6
DENSE_PARAMETERS = 120
POINTS = np.array([-0.3, 0.0, 0.2])


def judged(model: Model, theta: Array, vector: Array) -> dict[str, Array]:
    """PyTorch's value, outputs, gradient and product."""
    point = torch.from_numpy(theta.copy()).requires_grad_()
    value, outputs = value_and_outputs(model, point)
    gradient = product = torch.zeros(len(theta), dtype=torch.float64)
    if value.requires_grad:
        (found,) = torch.autograd.grad(value, point, create_graph=True, allow_unused=True)
        gradient = gradient if found is None else found
    if gradient.requires_grad:
        (found,) = torch.autograd.grad(gradient @ torch.from_numpy(vector), point, allow_unused=True)
        product = product if found is None else found
    found = {"value": value.reshape(1), "outputs": outputs, "gradient": gradient, "product": product}
    return {name: tensor.detach().numpy() for name, tensor in found.items()}


def referees(model: Model, theta: Array, vector: Array) -> dict[str, Callable[[], Array]]:
    """The referee's in long doubles, each computed when it is asked for."""
    point, along = theta.astype(LONG), vector.astype(LONG)
    x, _ = reference.examples(model, "train", None)
    return {
        "value": lambda: np.array([reference.value(model, point)]),
        "outputs": lambda: reference.forward(model, point, x)[model.nodes[-1].name],
        "gradient": lambda: reference.gradient(model, point),
        "product": lambda: reference.hvp(model, point, along),
    }


def checks(model: Model, rng: np.random.Generator) -> list[Check]:
    """Everything that is compared for a model: its name, the engine's, PyTorch's, and the referee's when it is asked for."""
    theta, vector = model.theta, rng.standard_normal(model.size)
    engine = NetworkObjective(model, threads=1)
    value, gradient = engine.value_and_gradient(theta)
    ours = {
        "value": np.array([value]),
        "outputs": engine.outputs(theta),
        "gradient": gradient,
        "product": engine.hvp(theta, vector),
    }
    theirs, referee = judged(model, theta, vector), referees(model, theta, vector)
    found = [(name, ours[name], theirs[name], referee[name]) for name in ours]
    found.append(("value alone", np.array([engine.value(theta)]), theirs["value"], referee["value"]))
    return found + of_scans(model, engine, vector, rng) + of_hessian(engine, theta) + of_training(model, rng)


def of_scans(model: Model, engine: NetworkObjective, vector: Array, rng: np.random.Generator) -> list[Check]:
    """A line of three points, along a direction that leaves some parameters alone; the penalty is no part of a scan."""
    if not model.size:
        return []
    for slot in model.layout:
        if rng.random() < 0.4:
            vector[slot.start : slot.stop] = 0
    sweep = engine.sweep(model.theta, vector[None], (POINTS,))
    for step in range(sweep.steps):
        sweep.run(step)
    thetas, bare = model.theta + POINTS[:, None] * vector, replace(model, weight_decay=0.0)
    theirs = [float(value_and_outputs(bare, torch.from_numpy(theta))[0]) for theta in thetas]

    def referee() -> Array:
        return np.array([reference.value(bare, theta.astype(LONG)) for theta in thetas])

    return [("scan", sweep.finish()["loss"], np.array(theirs), referee)]


def of_hessian(engine: NetworkObjective, theta: Array) -> list[Check]:
    """Compare the dense Hessian that is computed at once with that of products."""
    if not 0 < len(theta) <= DENSE_PARAMETERS or not is_dense(engine):
        return []
    whole, half = WholeHessian(engine, theta), np.zeros((len(theta), len(theta)))
    for _ in whole.parts(half):
        pass
    products = engine.hvps(theta, np.eye(len(theta)))
    return [("dense Hessian", whole.finish(half), products, lambda: products)]


def of_training(model: Model, rng: np.random.Generator) -> list[Check]:
    """A step of plain descent with all examples for a batch, without dropout."""
    nodes = tuple(
        replace(node, attributes=node.attributes | {"p": 0.0}) if node.op == "dropout" else node
        for node in model.nodes
    )
    model = replace(model, nodes=nodes, weight_decay=0.0)
    batch = as_one_batch(model)
    gradient = judged(batch, model.theta, model.theta)["gradient"]
    largest = float(np.abs(gradient).max(initial=0.0))
    if not 1e-100 < largest < 1e100:
        return []
    rate = float(0.1 * (1.0 + np.abs(model.theta).max()) / largest)
    try:
        done = train(model, optimizer="sgd", learning_rate=rate, batch_size=model.examples("train"), steps=1, dtype="float64", threads=1)  # fmt: skip
    except (InputError, ComputationError):
        # One example has no variance, and a step may diverge.
        return []

    def referee() -> Array:
        return model.theta - rate * reference.gradient(batch, model.theta.astype(LONG))

    return [("training", done.theta, model.theta - rate * gradient, referee)]


def wrong(ours: Array, theirs: Array, referee: Callable[[], Array], least: float) -> str | None:
    """Return the engine's error, or None if it is as accurate as PyTorch; differences below `least` are rounding of larger numbers."""
    if ours.shape != theirs.shape:
        return f"shape {list(ours.shape)}, PyTorch's {list(theirs.shape)}"
    if not ours.size or (not np.isfinite(ours).all() and not np.isfinite(theirs).all()):
        return None
    scale = max(float(np.abs(theirs).max()), least)
    if float(np.abs(ours - theirs).max()) <= AGREES * scale:
        return None
    judge = referee()
    off, other = (float(np.abs(found - judge).max()) / scale for found in (ours, theirs))
    if np.isfinite(off) and off <= max(AGREES, FARTHER * other):
        return None
    return f"{off:.2g} of the largest entry from the referee, PyTorch {other:.2g}"


def graph_of(model: Model) -> str:
    """Write a model's nodes in a line."""
    return " | ".join(f"{node.name} {node.op} : {' '.join(node.inputs)}" for node in model.nodes)


def main() -> int:
    """Try graphs until the time is over."""
    parser = argparse.ArgumentParser(description="Compare random networks with PyTorch.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to try")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--graphs", type=int, default=10**9, help="how many graphs at most")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    counts: collections.Counter[str] = collections.Counter()
    failures, seed, end = 0, options.seed, None
    while seed < options.seed + options.graphs and (end is None or time.monotonic() < end):
        model, rng = random_model(seed), np.random.default_rng(seed)
        try:
            found = checks(model, rng)
        except InputError as error:
            counts[f"refused: {str(error).split(': ', 1)[-1][:60]}"] += 1
            found = []
        scale = max((float(np.abs(theirs).max(initial=0.0)) for name, _, theirs, _ in found if name == "gradient"), default=0.0)  # fmt: skip
        with np.errstate(all="ignore"):
            for name, ours, theirs, referee in found:
                counts[name] += 1
                told = wrong(ours, theirs, referee, OF_GRADIENT * scale + SMALLEST)
                if told:
                    failures += 1
                    print(f"seed {seed}: {name}: {told}\n    {model.loss}: {graph_of(model)}", flush=True)
        counts["graphs"] += 1
        # The first has the kernels compiled.
        end = end if end is not None else time.monotonic() + options.seconds
        seed += 1
    print(", ".join(f"{count} {name}" for name, count in counts.most_common()))
    print(f"seeds {options.seed} to {seed - 1}: {failures} disagreements")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
