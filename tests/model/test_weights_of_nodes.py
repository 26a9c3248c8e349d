"""Nodes that read other nodes: shapes that are spread, weights that come from nodes, parameters that are frozen."""

from __future__ import annotations

from typing import Any

import pytest

from landscape.errors import InputError
from landscape.model.graph import read_nodes
from tests.model.test_operations import place

Shape = tuple[int, ...]


PAIR: list[dict[str, Any]] = [
    {"name": "w", "op": "parameter", "shape": [5, 4]},
    {"name": "b", "op": "parameter", "shape": [5]},
]
FOUND = {"w.value": (5, 4), "b.value": (5,)}


def last_of(*nodes: dict[str, Any], shape: Shape = (4,), found: dict[str, Shape] | None = None) -> Any:
    """Read nodes after a parameter [5, 4] and one [5]; give the last."""
    return read_nodes([*PAIR, *nodes], shape, FOUND | (found or {}))[-1]


class TestShapesOfTwo:
    def test_shapes_are_aligned_at_the_last_axis(self):
        for op in ("add", "multiply", "subtract", "divide"):
            node = last_of({"name": "n", "op": op, "inputs": ["input", "w"]}, shape=(3, 5, 1))
            assert node.shape == (3, 5, 4)

    @pytest.mark.parametrize("op", ["add", "multiply", "subtract", "divide"])
    def test_sizes_that_differ_and_are_not_1_are_refused(self, op):
        with pytest.raises(
            InputError, match=rf"'n': {op}: reads inputs of equal shapes, or of 1 where they differ"
        ):
            last_of({"name": "n", "op": op, "inputs": ["w", "b"]})

    def test_groups_of_matrices_are_spread(self):
        node = last_of({"name": "n", "op": "matmul", "inputs": ["input", "w"]}, shape=(2, 3, 6, 5))
        assert node.shape == (2, 3, 6, 4)
        with pytest.raises(InputError, match="of 1 where they differ"):
            read_nodes(
                [
                    {"name": "p", "op": "parameter", "shape": [3, 4, 4]},
                    {"name": "n", "op": "matmul", "inputs": ["input", "p"]},
                ],
                (2, 4, 4),
                {"p.value": (3, 4, 4)},
            )

    def test_queries_keys_and_values_go_together(self):
        nodes = [
            {"name": name, "op": "parameter", "shape": shape}
            for name, shape in (("k", [2, 7, 4]), ("v", [7, 3]), ("m", [5, 7]))
        ]
        found = {"k.value": (2, 7, 4), "v.value": (7, 3), "m.value": (5, 7)}
        node = {"name": "n", "op": "scaled_dot_product_attention", "inputs": ["input", "k", "v", "m"]}
        assert last_of(*nodes, node, shape=(2, 5, 4), found=found).shape == (2, 5, 3)
        with pytest.raises(InputError, match=r"reads queries \[N, …, T, E\]"):
            last_of(*nodes, node | {"inputs": ["input", "v", "v"]}, shape=(2, 5, 4), found=found)
        with pytest.raises(
            InputError,
            match=r"mask: expected a shape that can be broadcast to \[N, 2, 5, 7\], found \[N, 7, 3\]",
        ):
            last_of(*nodes, node | {"inputs": ["input", "k", "v", "v"]}, shape=(2, 5, 4), found=found)


class TestWeightsOfNodes:
    def test_a_layer_reads_its_weight_and_bias_from_nodes(self):
        assert last_of({"name": "n", "op": "dense", "inputs": ["input", "w", "b"]}, shape=(3, 4)).shape == (
            3,
            5,
        )
        own = last_of({"name": "n", "op": "dense", "inputs": ["input", "w"]}, found={"n.bias": (5,)})
        assert own.shape == (5,)

    @pytest.mark.parametrize(("op", "kernel"), [("conv1d", [3]), ("conv2d", [3, 2])])
    def test_so_does_a_convolution(self, op, kernel):
        nodes = [
            {"name": "p", "op": "parameter", "shape": [6, 2, *kernel]},
            {"name": "n", "op": op, "inputs": ["input", "p"], "groups": 2},
        ]
        image = (9, 8)[: len(kernel)]
        assert read_nodes(nodes, (4, *image), {"p.value": (6, 2, *kernel)})[-1].shape[0] == 6

    def test_a_weight_that_depends_on_the_examples_is_refused(self):
        nodes = [
            {"name": "d", "op": "dense", "inputs": ["input"]},
            {"name": "n", "op": "dense", "inputs": ["input", "d"]},
        ]
        with pytest.raises(
            InputError, match="'n': inputs: 'd' depends on the examples; expected weights that follow"
        ):
            last_of(*nodes, shape=(6, 4), found={"d.weight": (4, 4)})
        with pytest.raises(InputError, match="'n': inputs: 'input' depends on the examples"):
            last_of({"name": "n", "op": "dense", "inputs": ["input", "input"]}, shape=(4, 4))

    def test_a_weight_of_another_shape_is_refused_by_its_key(self):
        with pytest.raises(InputError, match=r"n.weight: expected shape \[out, 3\], found \[5, 4\]"):
            last_of({"name": "n", "op": "dense", "inputs": ["input", "w"]}, shape=(3,))
        with pytest.raises(InputError, match=r"n.bias: expected shape \[5\], found \[5, 4\]"):
            last_of({"name": "n", "op": "dense", "inputs": ["input", "w", "w"]})

    def test_a_key_beside_a_weight_of_a_node_is_refused(self):
        with pytest.raises(
            InputError, match=r"'n\.weight': expected no such key, for the node reads it from another node"
        ):
            last_of({"name": "n", "op": "dense", "inputs": ["input", "w"]}, found={"n.weight": (5, 4)})

    def test_more_inputs_than_parameters_are_refused(self):
        with pytest.raises(InputError, match="dense reads 1 to 3 inputs, found 4"):
            last_of({"name": "n", "op": "dense", "inputs": ["input", "w", "b", "b"]})

    def test_what_a_layer_makes_of_parameters_differs_for_no_example_but_has_a_copy_for_each(self):
        assert not last_of(
            {"name": "n", "op": "dense", "inputs": ["b", "w"]} | {"inputs": ["input", "w"]}
        ).single


class TestFrozen:
    def freeze(self, **more: Any) -> Any:
        return read_nodes([{"name": "n", "op": "dense", **more}], (4,), {"n.weight": (5, 4), "n.bias": (5,)})[
            0
        ]

    def test_single_parameters_are_frozen_in_the_tables_order(self):
        assert self.freeze(frozen=["bias"]).frozen == ("bias",)
        assert self.freeze(frozen=["bias", "weight"]).frozen == ("weight", "bias")

    @pytest.mark.parametrize("wrong", ["bias", [], ["gamma"], [1], {"bias": True}])
    def test_other_names_are_refused(self, wrong):
        with pytest.raises(InputError, match="frozen: expected a list of names among weight, bias"):
            self.freeze(frozen=wrong)

    def test_buffers_and_ops_without_parameters_have_nothing_to_freeze(self):
        with pytest.raises(InputError, match="frozen: expected a list of names among none"):
            place("relu", (4,), frozen=["weight"])
        with pytest.raises(InputError, match="frozen: expected a list of names among weight, bias"):
            place("batchnorm", (4,), frozen=["running_mean"])

    def test_a_node_that_trains_nothing_or_shares_says_it_once(self):
        with pytest.raises(InputError, match="frozen: expected a node that has parameters of its own"):
            self.freeze(frozen=["bias"], trainable=False)
        with pytest.raises(InputError, match="frozen: expected a node that has parameters of its own"):
            self.freeze(frozen=["bias"], parameters_of="other")

    def test_who_shares_the_parameters_shares_what_is_frozen(self):
        nodes = [
            {"name": "a", "op": "dense", "frozen": ["bias"]},
            {"name": "c", "op": "dense", "parameters_of": "a"},
        ]
        both = read_nodes(nodes, (4,), {"a.weight": (4, 4), "a.bias": (4,)})
        assert [node.frozen for node in both] == [("bias",)] * 2
