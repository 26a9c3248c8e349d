"""Planted permutations are found, no written network computes something else, and signs flip only where they may."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.alignment import align, symmetry_of
from landscape.alignment.align import agreement_of
from landscape.alignment.groups import Order
from landscape.alignment.matching import match_weights
from landscape.errors import ComputationError, InputError
from landscape.model import Model, bundled_path, load_model
from tests.alignment.test_symmetry import built, dense, shuffled, sizes
from tests.scanning.examples import small_model


def planted(model: Model, seed: int) -> Model:
    symmetry, rng = symmetry_of(model), np.random.default_rng(seed)
    return symmetry.applied(model, [shuffled(group, rng) for group in symmetry.groups])


def stream(wide: int, inner: int, blocks: int, activation: str = "relu") -> Model:
    """Make a residual stream with blocks of two layers."""
    nodes, shapes = [dense("in")], sizes("in", 6, wide)
    last = "in"
    for k in range(blocks):
        nodes += [
            dense(f"a{k}", inputs=[last]), {"name": f"act{k}", "op": activation}, dense(f"b{k}"),
            {"name": f"sum{k}", "op": "add", "inputs": [last, f"b{k}"]},
        ]  # fmt: skip
        shapes |= sizes(f"a{k}", wide, inner) | sizes(f"b{k}", inner, wide)
        last = f"sum{k}"
    nodes.append(dense("out"))
    return built(nodes, shapes | sizes("out", wide, 2), (6,))


def chain(*wide: int, activation: str = "relu") -> Model:
    nodes, shapes = [], {}
    for k, (before, after) in enumerate(zip((6, *wide), (*wide, 2), strict=True)):
        nodes.append(dense(f"fc{k}"))
        shapes |= sizes(f"fc{k}", before, after)
        if k < len(wide):
            nodes.append({"name": f"act{k}", "op": activation})
    return built(nodes, shapes, (6,))


def matched(model: Model, other: Model, starts: int) -> Model:
    symmetry = symmetry_of(model)
    found = match_weights(
        dict(model.parameters), dict(other.parameters), symmetry.groups, starts=starts, seed=0
    )
    return symmetry.applied(other, found.orders)


@pytest.mark.parametrize("wide", [(32,), (48, 32, 64)], ids=str)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_planted_order_of_a_chain_of_layers_is_found(wide, activation):
    model = chain(*wide, activation=activation)
    for seed in range(5):
        assert np.array_equal(matched(model, planted(model, seed), 10).theta, model.theta)


@pytest.mark.parametrize("size", [(8, 32, 2), (16, 32, 2), (32, 32, 3)], ids=str)
def test_a_planted_order_of_a_residual_stream_is_found_from_ten_starts(size):
    model = stream(*size)
    for seed in range(3):
        found = matched(model, planted(model, seed), 10)
        assert np.allclose(found.theta, model.theta, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", ["digits", "lenet_bn", "transformer"])
@pytest.mark.parametrize("method", ["weights", "activations"])
def test_a_planted_order_of_a_bundled_network_is_found(name, method):
    model = load_model(bundled_path(name))
    found = align(model, planted(model, 1), method=method)
    assert found.agreement <= 1e-12
    kinds = {key.split(".")[-1] for key in model.buffers}
    assert all(np.isfinite(found.model.buffers[key]).all() for key in model.buffers), kinds
    # By activations too: units that give the same for all examples are told apart by their weights.
    assert found.distance[1] == 0.0
    assert np.array_equal(found.model.constants, model.constants)


def test_signs_that_were_turned_behind_tanh_are_turned_back():
    model = chain(12, 9, activation="tanh")
    symmetry = symmetry_of(model)
    signs = [np.where(np.arange(group.size) % 3 == 0, -1.0, 1.0) for group in symmetry.groups]
    turned = symmetry.applied(model, [Order(np.arange(len(one)), one) for one in signs])
    assert not np.array_equal(turned.theta, model.theta)
    found = align(model, turned, starts=1)
    assert np.array_equal(found.model.theta, model.theta)
    assert min(order.signs.min() for order in found.orders) == -1.0


def test_an_ascent_never_falls_and_ends():
    model, other = (
        stream(8, 16, 2),
        stream(8, 16, 2).with_theta(np.random.default_rng(5).standard_normal(stream(8, 16, 2).size)),
    )
    symmetry = symmetry_of(model)
    one, ten = (
        match_weights(dict(model.parameters), dict(other.parameters), symmetry.groups, starts=starts, seed=0) for starts in (1, 10)
    )  # fmt: skip
    before = sum(float(np.vdot(model.parameters[key], other.parameters[key])) for key in model.parameters)
    assert one.score > before
    assert ten.score >= one.score
    assert max(ten.sweeps) < 100


def test_another_function_is_refused():
    model = small_model()
    with pytest.raises(ComputationError, match="another function"):
        agreement_of(model, model.with_theta(model.theta + 0.1))


def test_what_cannot_be_compared_is_named():
    model, other = chain(8), chain(9)
    with pytest.raises(
        InputError,
        match=r"node 'fc0' is dense with the output \[N, 9\], expected dense with the output \[N, 8\]",
    ):
        align(model, other)
    with pytest.raises(InputError, match="nothing between them"):
        align(model, chain(8))
    with pytest.raises(InputError, match="unknown method 'weight'"):
        align(model, planted(model, 0), method="weight")
