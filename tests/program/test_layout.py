"""Orders of numbers are index maps: chains of them are one, those that leave all where it is cost no row, and copies that nothing reads are left out."""

from __future__ import annotations

import doctest
from dataclasses import replace

import numpy as np
import pytest

from landscape.errors import InternalError
from landscape.objective.lowered import checked
from landscape.objective.place_check import Mode
from landscape.objective.program_check import check_program
from landscape.program import layout
from landscape.program.codes import Op
from landscape.program.layout import (
    View,
    broadcast,
    first_to_last,
    is_identity,
    last_to_first,
    strided,
    through,
)
from landscape.program.table import Column, Program
from tests.cases import CASES
from tests.networks import network

COPIES = (Op.GATHER, Op.TRANSPOSE)


def program_of(
    graph: str, shape: int | tuple[int, ...], out: int | tuple[int, ...], mode: Mode = Mode.DERIVATIVES
) -> Program:
    """Lower a network of a line of text."""
    return checked(network(graph, shape, out, loss="mse", n=3)(np.random.default_rng(0)), mode)


def ops_of(program: Program) -> list[Op]:
    return [Op(op) for op in program.rows[1:, Column.OP]]


def map_of(program: Program, row: int, column: Column = Column.MAP) -> list[int]:
    start = program.rows[row, column]
    count = program.rows[row, Column.NUMBERS] or program.rows[row, Column.SIZE]
    return program.links[start : start + count].tolist() if start >= 0 else []


class TestMaps:
    def test_the_examples_of_the_docstrings_hold(self):
        assert doctest.testmod(layout).failed == 0

    def test_a_map_followed_by_its_inverse_is_the_identity(self):
        order = np.random.default_rng(0).permutation(24)
        assert is_identity(through(order, np.argsort(order)), 24)
        assert is_identity(through(last_to_first((4, 2, 3)), first_to_last((4, 2, 3))), 24)

    def test_a_part_of_the_numbers_is_not_the_identity(self):
        assert not is_identity(np.arange(3), 4)

    def test_a_constant_stays_one_through_every_map(self):
        assert through(through(None, np.array([1, -1])), np.array([0, 1, -1])).tolist() == [1, -1, -1]
        assert View(0, np.array([0, -1])).filled
        assert not View(0, np.array([0, 1])).filled

    def test_shapes_are_spread_as_numpy_spreads_them(self):
        numbers = np.arange(12.0).reshape(4, 1, 3)
        spread = np.broadcast_to(numbers, (2, 4, 5, 3))
        assert np.array_equal(numbers.ravel()[broadcast((4, 1, 3), (2, 4, 5, 3))], spread.ravel())

    @pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0)])
    def test_matrices_of_a_transposed_value_have_even_steps(self, axes):
        places = np.arange(24).reshape(2, 3, 4).transpose(axes)
        found = strided(places.ravel(), *places.shape[1:])
        assert found is not None
        rows, columns = np.arange(places.shape[1]), np.arange(places.shape[2])
        expected = found.starts[:, None, None] + found.row * rows[:, None] + found.column * columns
        assert np.array_equal(expected, places)

    def test_matrices_without_even_steps_are_none(self):
        assert strided(np.array([0, 2, 1, 4]), 1, 4) is None
        assert strided(np.array([0, 1, 2, 3, 4, 6, 5, 7]), 2, 2) is None


class TestRows:
    @pytest.mark.parametrize(
        "line",
        [
            "r reshape shape=[2,-1]",
            "r reshape shape=[3,2,2] | s reshape shape=[12]",
            "t transpose axes=[1]",
            "s slice axis=1",
            "p pad before=[0] after=[0]",
            "e expand shape=[12]",
            "a slice axis=1 step=-1 start=-1 stop=-13 | b slice axis=1 step=-1 start=-1 stop=-13",
            "r reshape shape=[3,4] | t transpose axes=[2,1] | u transpose axes=[2,1] | f flatten",
            "m reduce_sum axes=[]",
        ],
    )
    def test_what_leaves_all_where_it_is_costs_no_row(self, line):
        shape = (2, 6) if line.endswith("[2,-1]") else (12,)
        out = "d dense 6 3" if shape == (2, 6) else "d dense 12 3"
        program = program_of(f"a0 dense 5 12 | t0 tanh | {line} | {out}", 5, (2, 3) if len(shape) > 1 else 3)
        assert ops_of(program) == [Op.DENSE, Op.ACTIVATION, Op.DENSE]

    def test_a_chain_of_layouts_is_one_gather(self):
        line = (
            "a dense 5 12 | r reshape shape=[3,4] | t transpose axes=[2,1] | s slice axis=1 start=1 | k take axis=2 indices=[2,0,2]"
            "| p pad before=[0,1] after=[0,0] | f flatten | d dense 12 3"
        )
        program = program_of(line, 5, 3)
        assert ops_of(program) == [Op.DENSE, Op.GATHER, Op.DENSE]
        numbers = np.arange(12).reshape(3, 4).T[1:][:, [2, 0, 2]]
        assert map_of(program, 2) == np.pad(numbers, ((0, 0), (1, 0)), constant_values=-1).ravel().tolist()

    def test_two_constants_take_two_copies(self):
        line = "a dense 3 3 | p pad before=[1] after=[0] value=0.5 | q pad before=[0] after=[1] value={} | d dense 5 2"
        assert ops_of(program_of(line.format(0.5), 3, 2)).count(Op.GATHER) == 1
        assert ops_of(program_of(line.format(0.25), 3, 2)).count(Op.GATHER) == 2

    def test_channels_last_of_a_convolution_and_back_cost_nothing(self):
        line = "c conv2d 2 5 2 2 | t transpose axes=[2,3,1] | {}b transpose axes=[3,1,2] | d conv2d 5 3 2 2"
        shape, out = (2, 4, 5), (3, 2, 3)
        plain = ops_of(program_of("c conv2d 2 5 2 2 | d conv2d 5 3 2 2", shape, out))
        assert ops_of(program_of(line.format(""), shape, out)) == plain
        # A layer over the channels reads the convolution's own order. What it writes lies channels last, as the next one reads it.
        between = ops_of(program_of(line.format("l layernorm 5 | up dense 5 5 | "), shape, out))
        assert [op for op in between if op not in plain] == [Op.LAYERNORM, Op.DENSE]
        assert sum(op in COPIES for op in between) == sum(op in COPIES for op in plain)

    def test_a_shuffle_of_channels_between_convolutions_is_one_gather(self):
        ops = ops_of(checked(CASES["channel_shuffle"].model, Mode.DERIVATIVES))
        first, second = (k for k, op in enumerate(ops) if op == Op.CONVOLUTION)
        assert ops[first + 1 : second] == [Op.ACTIVATION, Op.GATHER]

    def test_two_readers_of_one_order_share_its_copy(self):
        line = "a dense 5 6 | s slice axis=1 start=2 | d dense 4 3 | e dense 4 3 : s | f add : d e"
        assert ops_of(program_of(line, 5, 3)).count(Op.GATHER) == 1

    def test_a_sum_and_a_product_read_views_where_they_lie(self):
        line = "a dense 5 6 | s slice axis=1 start=2 | t slice axis=1 stop=4 : a | q subtract : s t | m multiply : q t"
        program = program_of(line, 5, 4)
        assert ops_of(program) == [Op.DENSE, Op.COMBINE, Op.PRODUCT]
        assert (map_of(program, 2), map_of(program, 2, Column.OTHER_MAP)) == ([2, 3, 4, 5], [0, 1, 2, 3])

    def test_factors_with_even_steps_are_read_where_they_lie(self):
        line = "a dense 4 6 | t transpose axes=[2,1] | m matmul : t a | f flatten | d dense 36 2"
        assert ops_of(program_of(line, (3, 4), 2)) == [Op.DENSE, Op.MATMUL, Op.DENSE]

    def test_a_copy_that_nothing_reads_is_left_out(self):
        # What only an unused node reads in another order goes where that is a copy too, and stays where it computes.
        unused = "a dense 5 6 | s slice axis=1 start=2 | {} d dense 6 3 : a"
        assert ops_of(program_of(unused.format("t take axis=1 indices=[0] | "), 5, 3)) == [Op.DENSE, Op.DENSE]
        kept = ops_of(program_of(unused.format("u dense 4 2 | "), 5, 3))
        assert kept == [Op.DENSE, Op.GATHER, Op.DENSE, Op.DENSE]

    def test_a_view_of_the_data_is_the_only_copy_of_them(self):
        line = "s slice axis=1 start=2 | d dense 3 3"
        assert ops_of(program_of(line, 5, 3)) == [Op.GATHER, Op.DENSE]

    def test_queries_keys_and_values_of_one_projection_are_no_copy_where_they_lie_side_by_side(self):
        ops = ops_of(checked(CASES["vision_transformer"].model, Mode.DERIVATIVES))
        at = ops.index(Op.ATTENTION)
        assert ops[at - 1 : at + 2] == [Op.DENSE, Op.ATTENTION, Op.DENSE]

    def test_numbers_of_all_examples_lie_side_by_side_in_few_features(self):
        program = checked(CASES["weight_norm"].model, Mode.DERIVATIVES)
        parameters = program.rows[program.rows[:, Column.OP] == Op.PARAMETER]
        assert parameters[:, [Column.NUMBERS, Column.SIZE]].tolist() == [[20, 2], [5, 1], [5, 1]]


def planted(program: Program, row: int, **columns: int) -> Program:
    """Write other numbers into a row."""
    rows = program.rows.copy()
    for name, number in columns.items():
        rows[row, Column[name]] = number
    return replace(program, rows=rows)


def row_with(program: Program, op: Op) -> int:
    return int(np.flatnonzero(program.rows[:, Column.OP] == op)[0])


WITH_MAPS = {
    Op.GATHER: "channel_shuffle",
    Op.COMBINE: "broadcasts",
    Op.PRODUCT: "weight_norm",
    Op.MATMUL: "strided_factors",
}


@pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.name.lower())
class TestWhatIsWrong:
    def refused(self, program: Program, name: str, mode: Mode) -> str:
        with pytest.raises(InternalError) as caught:
            check_program(program, CASES[name].model, mode)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    @pytest.mark.parametrize("op", WITH_MAPS, ids=lambda op: op.name.lower())
    def test_a_place_outside_of_the_row_that_is_read_is_found(self, op, mode):
        name = WITH_MAPS[op]
        program = checked(CASES[name].model, mode)
        row = row_with(program, op)
        column = Column.MAP if program.rows[row, Column.MAP] >= 0 else Column.OTHER_MAP
        start = program.rows[row, column] + (8 if op == Op.MATMUL else 0)
        for wrong in (10**6, -2):
            links = program.links.copy()
            links[start] = wrong
            assert op.name in self.refused(replace(program, links=links), name, mode)

    def test_a_constant_where_an_op_has_none_is_found(self, mode):
        program = checked(CASES["broadcasts"].model, mode)
        row = row_with(program, Op.COMBINE)
        links = program.links.copy()
        links[program.rows[row, Column.OTHER_MAP]] = -1
        assert "reads places -1 to" in self.refused(replace(program, links=links), "broadcasts", mode)

    @pytest.mark.parametrize("place", range(8))
    def test_another_size_or_step_in_the_plan_of_a_product_is_found(self, place, mode):
        name = "strided_factors"
        program = checked(CASES[name].model, mode)
        links = program.links.copy()
        links[program.rows[row_with(program, Op.MATMUL), Column.MAP] + place] += 10**3
        self.refused(replace(program, links=links), name, mode)

    def test_a_map_that_begins_within_another_is_found(self, mode):
        name = "views_of_the_data"
        program = checked(CASES[name].model, mode)
        one, two, *_ = np.flatnonzero(program.rows[:, Column.OP] == Op.GATHER).tolist()
        start = int(program.rows[one, Column.MAP])
        assert "index maps at" in self.refused(planted(program, two, MAP=start + 1), name, mode)
        assert "expected a place among the links" in self.refused(planted(program, two, MAP=-7), name, mode)

    def test_a_wrong_count_of_numbers_that_all_examples_share_is_found(self, mode):
        name = "weight_norm"
        program = checked(CASES[name].model, mode)
        row = row_with(program, Op.PARAMETER)
        for wrong in (0, 19, 21, 33, -1):
            self.refused(planted(program, row, NUMBERS=wrong), name, mode)

    def test_numbers_of_all_examples_that_are_read_as_those_of_each_are_found(self, mode):
        name = "tied_autoencoder"
        program = checked(CASES[name].model, mode)
        links = program.links.copy()
        first = program.rows[row_with(program, Op.DENSE_OF), Column.FIRST]
        links[first : first + 2] = links[first : first + 2][::-1]
        self.refused(replace(program, links=links), name, mode)

    @pytest.mark.parametrize("name", ["gated_channels", "reductions_of_images", "reductions_of_parameters"])
    def test_a_reduction_of_another_size_is_found(self, name, mode):
        program = checked(CASES[name].model, mode)
        for row in np.flatnonzero(np.isin(program.rows[:, Column.OP], (Op.MEAN, Op.LARGEST))):
            for column in ("GROUPS", "WIDE", "OUT"):
                more = int(program.rows[row, Column[column]]) + 1
                self.refused(planted(program, int(row), **{column: more}), name, mode)
