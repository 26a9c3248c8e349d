"""Units behind products of values: heads that are written out, gates, convolutions in groups, weights that are parameters of their own."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.alignment import align, symmetry_of
from landscape.model import Model
from tests.alignment.test_align import planted
from tests.alignment.test_symmetry import disturbed, outputs
from tests.networks import network
from tests.random_graphs import random_model

# By name: a network, and the sizes of its groups of units, in the order of the graph.
NETWORKS = {
    # Four heads of three rows each; queries and keys of one head go with its values.
    "heads": (
        "q dense 5 12 | k dense 5 12 : input | v dense 5 12 : input | a reshape shape=[6,4,3] : q | b transpose axes=[2,1,3]"
        "| c reshape shape=[6,4,3] : k | d transpose axes=[2,1,3] | e reshape shape=[6,4,3] : v | f transpose axes=[2,1,3]"
        "| g scaled_dot_product_attention causal=true : b d f | h transpose axes=[2,1,3] | i reshape shape=[6,12] | out dense 12 3",
        (6, 5), (6, 3), [4],
    ),
    "heads_of_one_projection": (
        "x dense 5 24 | r reshape shape=[6,3,4,2] | t transpose axes=[2,3,1,4] | q take axis=1 indices=[0] : t | k take axis=1 indices=[1] : t"
        "| v take axis=1 indices=[2] : t | a scaled_dot_product_attention : q k v | b reshape shape=[4,6,2] | c transpose axes=[2,1,3]"
        "| d reshape shape=[6,8] | out dense 8 3",
        (6, 5), (6, 3), [4],
    ),
    "heads_of_slices": (
        "x dense 5 24 | q slice axis=2 stop=8 | k slice axis=2 start=8 stop=16 : x | v slice axis=2 start=16 : x | a reshape shape=[6,4,2] : q"
        "| b transpose axes=[2,1,3] | c reshape shape=[6,4,2] : k | d transpose axes=[2,3,1] | m matmul : b d | s softmax | e reshape shape=[6,4,2] : v"
        "| f transpose axes=[2,1,3] | n matmul : s f | g transpose axes=[2,1,3] | h reshape shape=[6,8] | out dense 8 3",
        (6, 5), (6, 3), [4],
    ),
    # One head: the rows of queries and keys that are multiplied, and those of the values, in any order.
    "rows_of_one_head": (
        "q dense 5 4 | k dense 5 4 : input | v dense 5 7 : input | a scaled_dot_product_attention : q k v | out dense 7 3", (6, 5), (6, 3), [4, 7],
    ),
    "gate": (
        "x dense 5 14 | a slice axis=1 stop=7 | b slice axis=1 start=7 : x | g sigmoid | m multiply : a g | out dense 7 3", (5,), 3, [7],
    ),
    "gate_of_two_layers": (
        "a dense 5 7 | b dense 5 7 : input | g silu | m multiply : a g | out dense 7 3", (5,), 3, [7],
    ),
    "convolution_in_groups": (
        "a conv2d 2 8 1 1 | t tanh | b conv2d 2 12 2 2 groups=4 | s silu | c conv2d 12 3 1 1 | mean reduce_mean axes=[2,3]", (2, 4, 3), 3, [4],
    ),
    "each_channel_by_itself": (
        "a conv2d 2 6 1 1 | t tanh | b conv2d 1 6 2 2 groups=6 | s tanh | c conv2d 6 3 1 1 | mean reduce_mean axes=[2,3]", (2, 4, 3), 3, [6],
    ),
    "weights_of_their_own": (
        "w parameter 5 8 | a matmul : input w | t tanh | v parameter 8 4 | b matmul : t v | s silu | out dense 4 3", (6, 5), (6, 3), [8, 4],
    ),
    "a_weight_from_the_left": (
        "w parameter 9 6 | a matmul : w input | t tanh | v parameter 2 9 | b matmul : v t | s silu | flat flatten | out dense 10 3", (6, 5), 3, [9, 2],
    ),
}  # fmt: skip


def model_of(name: str) -> Model:
    spec, shape, target, _ = NETWORKS[name]
    return network(spec, shape, target, n=9)(np.random.default_rng(3))


@pytest.mark.parametrize("name", NETWORKS)
def test_units_behind_products_change_places_without_a_change_of_the_outputs(name):
    model = model_of(name)
    assert [group.size for group in symmetry_of(model).groups] == NETWORKS[name][3]
    assert not symmetry_of(model).stays
    expected = outputs(model)
    changed = 0
    for seed in range(3):
        moved, _ = disturbed(model, seed)
        # One of some orders of a few heads may be the order as it was.
        changed += not np.array_equal(moved.theta, model.theta)
        assert np.abs(outputs(moved) - expected).max() <= 1e-12 * max(1.0, np.abs(expected).max())
    assert changed >= 2


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("method", ["weights", "activations"])
def test_their_planted_orders_are_found(name, method):
    model = model_of(name)
    found = align(model, planted(model, 2), method=method, threads=1)
    assert found.distance[1] <= 1e-12 * found.distance[0]


# The last ones read a parameter as a weight and as rows or channels of numbers.
@pytest.mark.parametrize("seed", [*range(60), 4425, 6322, 11247, 11450, 1001898])
def test_units_of_random_graphs_change_places_without_a_change_of_the_outputs(seed):
    model = random_model(seed)
    expected, moved = outputs(model), outputs(disturbed(model, seed)[0])
    assert np.abs(moved - expected).max(initial=0.0) <= 1e-10 * max(1.0, np.abs(expected).max(initial=0.0))


def test_a_parameter_that_is_read_in_two_ways_stays():
    """Its rows are added to units, and its transpose is a factor of a product, which a permutation of the rows would change."""
    spec = (
        "a dense 3 4 | p parameter 5 4 | s add : a p | b dense 4 2 | t transpose axes=[2,1] : p | m matmul : t input"
        "| r reduce_mean axes=[1,2] keepdims=true | out add : b r"
    )
    model = network(spec, (5, 3), (5, 2), n=4, loss="mse")(np.random.default_rng(3))
    assert symmetry_of(model).groups == ()


def test_heads_that_two_splits_cut_differently_stay():
    """Once as four heads of three, once as three of four: no permutation of whole heads respects both."""
    spec = (
        "x dense 5 12 | a reshape shape=[6,4,3] | b reduce_max axes=[3] | f dense 4 3 | c reshape shape=[6,3,4] : x | d reduce_max axes=[3]"
        "| g dense 3 3 | out add : f g"
    )
    model = network(spec, (6, 5), (6, 3), n=4)(np.random.default_rng(3))
    assert symmetry_of(model).groups == ()
