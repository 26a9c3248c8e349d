"""Points of known kind, of functions and of the smallest networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from landscape.model import Model, build_model
from landscape.objective import CallableObjective, NetworkObjective
from tests.curvature.matrices import matrix_of, quadratic, toy


@dataclass(frozen=True)
class Known:
    """A point and its kind, with the inertia where that is one number."""

    build: Callable[[], tuple[Any, Any]]
    kind: str
    inertia: tuple[int, int, int] | None
    words: str = ""
    options: tuple[tuple[str, Any], ...] = ()


def polynomial(value: Callable, gradient: Callable, matrix: Callable, size: int) -> CallableObjective:
    """Give a function with its derivatives."""
    return CallableObjective(
        lambda x: float(value(*x)),
        lambda x: np.array(gradient(*x), float),
        lambda x, v: np.array(matrix(*x), float) @ v,
        size=size,
    )


def monkey_saddle() -> CallableObjective:
    """Give x³ − 3xy²."""
    return polynomial(
        lambda x, y: x**3 - 3 * x * y**2,
        lambda x, y: [3 * x**2 - 3 * y**2, -6 * x * y],
        lambda x, y: [[6 * x, -6 * y], [-6 * y, -6 * x]],
        2,
    )


def peano() -> CallableObjective:
    """Give (y − x²)(y − 2x²), which rises along every line through the origin, and is no minimum there."""
    return polynomial(
        lambda x, y: (y - x**2) * (y - 2 * x**2),
        lambda x, y: [8 * x**3 - 6 * x * y, 2 * y - 3 * x**2],
        lambda x, y: [[24 * x**2 - 6 * y, -6 * x], [-6 * x, 2]],
        2,
    )


def quartic() -> CallableObjective:
    """Give x⁴."""
    return polynomial(lambda x: x**4, lambda x: [4 * x**3], lambda x: [[12 * x**2]], 1)


def crossed() -> CallableObjective:
    """Give x²y², at its least on both axes."""
    return polynomial(
        lambda x, y: x**2 * y**2,
        lambda x, y: [2 * x * y**2, 2 * x**2 * y],
        lambda x, y: [[2 * y**2, 4 * x * y], [4 * x * y, 2 * x**2]],
        2,
    )


def bent_valley() -> CallableObjective:
    """Give (y − x²)² + x⁴, a strict minimum with a singular Hessian whose cubic part matters."""
    return polynomial(
        lambda x, y: (y - x**2) ** 2 + x**4,
        lambda x, y: [-4 * x * (y - x**2) + 4 * x**3, 2 * (y - x**2)],
        lambda x, y: [[-4 * (y - x**2) + 20 * x**2, -4 * x], [-4 * x, 2]],
        2,
    )


def quartic_pair() -> CallableObjective:
    """Give x⁴ + y⁴ + x²y² + z²: two null directions, positive on all of them."""
    return polynomial(
        lambda x, y, z: x**4 + y**4 + x**2 * y**2 + z**2,
        lambda x, y, z: [4 * x**3 + 2 * x * y**2, 4 * y**3 + 2 * y * x**2, 2 * z],
        lambda x, y, z: [
            [12 * x**2 + 2 * y**2, 4 * x * y, 0],
            [4 * x * y, 12 * y**2 + 2 * x**2, 0],
            [0, 0, 2],
        ],
        3,
    )


def absolute(sign: float = 1.0) -> CallableObjective:
    """Give ±|x|."""
    return polynomial(lambda x: sign * abs(x), lambda x: [sign * np.sign(x)], lambda x: [[0.0]], 1)


def toy_network(first: float, second: float) -> Model:
    """Build the lecture's y = w₂w₁x with one example, 1 → 1."""
    return build_model(
        nodes=[{"name": "first", "op": "dense"}, {"name": "second", "op": "dense"}],
        parameters={"first.weight": np.array([[float(first)]]), "second.weight": np.array([[float(second)]])},
        loss="mse",
        x_train=np.ones((1, 1)),
        y_train=np.ones((1, 1)),
    )


def data(seed: int = 0, examples: int = 40, features: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Draw inputs, and noise for targets."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((examples, features)), rng.standard_normal((examples, 1))


def linear_regression() -> Model:
    """Build a linear model at the solution of its normal equations."""
    x, noise = data()
    y = x @ np.array([[1.0], [-2.0], [0.5]]) + noise
    solution = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)[0]
    return build_model(layers=[(solution[:3], solution[3])], loss="mse", x_train=x, y_train=y)


def softmax_regression(weight_decay: float = 0.0) -> Model:
    """Build a softmax regression near its minimum: overlapping classes, so that there is one."""
    x, _ = data(1, 60)
    labels = np.random.default_rng(2).integers(0, 3, len(x))
    model = build_model(
        layers=[(np.zeros((3, 3)), np.zeros(3))],
        loss="cross_entropy",
        x_train=x,
        y_train=labels,
        weight_decay=weight_decay,
    )
    objective = NetworkObjective(model)
    found = minimize(objective.value_and_gradient, model.theta, jac=True, method="L-BFGS-B")
    return model.with_theta(found.x)


def dead_network() -> Model:
    """Build a ReLU network whose units are all dead and whose output is the targets' mean."""
    x, y = data(3, 30, 2)
    rng = np.random.default_rng(4)
    layers = [
        (0.1 * rng.standard_normal((2, 4)), np.full(4, -10.0)),
        (rng.standard_normal((4, 1)), np.array([y.mean()])),
    ]
    return build_model(layers=layers, activation="relu", loss="mse", x_train=x, y_train=y)


def zero_tanh() -> Model:
    """Build a tanh network with all parameters zero but the output's bias: the moons' saddle."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((50, 2))
    labels = (x[:, 0] + 0.3 * rng.standard_normal(50) > 0).astype(int)
    layers = [(np.zeros((2, 4)), np.zeros(4)), (np.zeros((4, 2)), np.log(np.bincount(labels) / len(labels)))]
    return build_model(layers=layers, activation="tanh", loss="cross_entropy", x_train=x, y_train=labels)


INERTIA = np.r_[np.full(3, -1.0), [-0.5, -0.5 + 1e-6], np.zeros(4), np.full(3, 2.0), 5.0]

TEN: dict[str, Known] = {
    "bowl": Known(
        lambda: (quadratic(matrix_of(np.r_[1e-6, np.full(3, 2.0), 7.0])), 0.1 * np.ones(5)),
        "minimum",
        (5, 0, 0),
        options=(("radius", 1.0),),
    ),
    "dome": Known(lambda: (quadratic(-np.diag([1.0, 1.0, 3.0])), np.zeros(3)), "maximum", (0, 0, 3)),
    "toy network at the origin": Known(lambda: (toy_network(0, 0), None), "saddle", (1, 0, 1)),
    "toy network at (1, 1)": Known(lambda: (toy_network(1, 1), None), "degenerate minimum", (1, 1, 0)),
    "(y − x²)(y − 2x²)": Known(lambda: (peano(), [0.0, 0.0]), "undetermined", (1, 1, 0), "no minimum"),
    "monkey saddle": Known(lambda: (monkey_saddle(), [0.0, 0.0]), "undetermined", (0, 2, 0), "no minimum"),
    "x⁴": Known(lambda: (quartic(), [0.01]), "degenerate minimum", (0, 1, 0), "f₄"),
    "dead ReLU network": Known(lambda: (dead_network(), None), "plateau", (1, 16, 0), "dead units"),
    "|x|": Known(lambda: (absolute(), [0.0]), "minimum", None, "jumps"),
    "zero-start tanh": Known(lambda: (zero_tanh(), None), "saddle", None),
}

MORE: dict[str, Known] = {
    "a quadratic with clusters and zeros": Known(
        lambda: (quadratic(matrix_of(INERTIA)), 0.3 * np.ones(13)),
        "saddle",
        (4, 4, 5),
        options=(("radius", 2.0),),
    ),
    "x²y²": Known(lambda: (crossed(), [0.0, 0.0]), "undetermined", (0, 2, 0), "not proven"),
    "x²y², at its lower bound": Known(
        lambda: (crossed(), [0.0, 0.0]), "degenerate minimum", (0, 2, 0), "bound", (("lower_bound", 0.0),)
    ),
    "x⁴ + y⁴ + x²y² + z²": Known(
        lambda: (quartic_pair(), [0.0, 0.0, 0.0]), "degenerate minimum", (1, 2, 0), "2 null vectors"
    ),
    "(y − x²)² + x⁴": Known(lambda: (bent_valley(), [0.0, 0.0]), "degenerate minimum", (1, 1, 0), "f₄"),
    "−|x|": Known(lambda: (absolute(-1.0), [0.0]), "not critical", None, "slope"),
    "the toy function's valley, no bound known": Known(
        lambda: (toy(), [1.0, 1.0]), "undetermined", (1, 1, 0), "not proven"
    ),
    "linear regression": Known(lambda: (linear_regression(), None), "minimum", (4, 0, 0)),
    "softmax regression": Known(
        lambda: (softmax_regression(), None), "degenerate minimum", (8, 4, 0), "a shift of all logits"
    ),
    "softmax regression with weight decay": Known(
        lambda: (softmax_regression(0.1), None), "minimum", (12, 0, 0)
    ),
}
