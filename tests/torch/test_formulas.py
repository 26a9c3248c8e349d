"""Every function of one number against PyTorch in float64: value, slope and curvature, at kinks, at 0 and far out too."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.formulas.activations import ACTIVATIONS
from landscape.ops.table import OPERATIONS
from tests.formulas.compiled import apply

torch = pytest.importorskip("torch")
# What follows needs PyTorch.
from tests.torch.twin import OPS  # noqa: E402

pytestmark = pytest.mark.torch
# Attributes without a default.
GIVEN = {"scale": -1.5, "shift": 0.5, "clip_below": 0.5, "clip_above": 0.5, "power": 3.0}
# PyTorch's second derivative is the right side's at 0, where ours is the left side's as the slope is.
RIGHT = ("elu", "celu", "selu")
# Functions whose value 0 is there, and infinite derivatives; below it they have none.
POSITIVE = ("log", "log1p", "sqrt", "rsqrt")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_slope_and_curvature_are_pytorchs(name):
    formula, op = ACTIVATIONS[name], OPERATIONS[name.removesuffix("_tanh") if name == "gelu_tanh" else name]
    attributes = {key: attribute.default for key, attribute in op.attributes.items()}
    p = 0.0
    if formula.attribute is not None:
        p = GIVEN.get(name, attributes[formula.attribute])
        attributes[formula.attribute] = p
    if name == "gelu_tanh":
        attributes["approximate"] = "tanh"
    kinks = [-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0]
    z = np.concatenate([np.linspace(-8, 8, 97) + 0.0125, kinks, [-1e4, -40.0, 40.0, 1e4]])
    z = np.abs(z) if name in POSITIVE else z
    x = torch.tensor(z, requires_grad=True)
    value = OPS[op.name]([x], {}, attributes)
    (slope,) = torch.autograd.grad(
        value.sum(), x, create_graph=True, allow_unused=True, materialize_grads=True
    )
    curvature = torch.zeros_like(x)
    if slope.requires_grad:
        (curvature,) = torch.autograd.grad(slope.sum(), x, allow_unused=True, materialize_grads=True)
    ours = apply(formula.value, z, p)
    derivatives = [apply(part, z, ours, p) for part in (formula.slope, formula.curvature)]
    for found, theirs in zip([ours, *derivatives], (value, slope, curvature), strict=True):
        judge = theirs.numpy(force=True)
        there = np.isfinite(judge) & ~((z == 0) & (found is derivatives[1]) & (name in RIGHT))
        assert there.sum() > 90
        assert np.allclose(found[there], judge[there], rtol=1e-11, atol=1e-12), z[there][
            np.argmax(np.abs(found - judge)[there])
        ]
