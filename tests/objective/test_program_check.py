"""No kernel runs from a table that leads it outside its buffers: every program passes one check, which finds any offset that is planted wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from landscape.errors import ComputationError, InputError, InternalError
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, VALUE
from landscape.kernels.cpu.table import OPS
from landscape.model import Model, build_model
from landscape.objective import NetworkObjective, cpu_engine, cpu_training
from landscape.objective.grid_plan import make_plan
from landscape.objective.lowered import checked
from landscape.objective.lowered import lowered as lowered_for
from landscape.objective.op_sizes import SIZES
from landscape.objective.plan_check import check_plan
from landscape.objective.program_check import Mode, check_data, check_notes, check_program, view
from landscape.objective.scratch_sizes import noted_rows
from landscape.objective.workspace import plan_workspace
from landscape.program.codes import Op
from landscape.program.table import Column, Geometry, Program
from landscape.training import train
from tests.cases import CASES
from tests.engine import every_case
from tests.networks import network as described
from tests.random_graphs import random_model
from tests.reference_general import LAYOUTS

every_mode = pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.name.lower())
# What nothing reads in a program for values: reverse passes are not run, and an activation rides on other rows.
OF_REVERSE = (Column.ACTIVE, Column.TRAINED, Column.LAST_READER, Column.ADJOINT)
FAR = 10**6
MOVES = ("identity", "dropout", "flatten", *LAYOUTS)
DROPPED = described(
    "c conv2d 1 4 2 2 groups=2 | n batchnorm 4 | t tanh | d dropout p=0.5 | q add : d d | flat flatten | fc dense 16 3",
    (2, 3, 3),
    3,
)
# Between them they have every op.
NAMES = ("skip", "multiply_gate", "concat_token_features", "softmax_inside", "layernorm", "groupnorm", "resnet", "lenet", "avgpool",
         "batch_statistics_of_images", "batchnorm_first", "image_joints", "position", "attention", "frozen_embedding", "channel_shuffle",
         "weight_norm", "standardized_weights", "reductions", "strided_factors", "products_of_values")  # fmt: skip


@cache
def models() -> list[Model]:
    """Models that have every op."""
    return [DROPPED(np.random.default_rng(0)), *(CASES[name].model for name in NAMES)]


@cache
def one_of_each(mode: Mode) -> dict[Op, tuple[Program, Model, int]]:
    """For each op, one program and the number of its row there."""
    found: dict[Op, tuple[Program, Model, int]] = {}
    for model in models():
        program = checked(model, mode)
        for row, op in enumerate(program.rows[:, Column.OP].tolist()):
            found.setdefault(Op(op), (program, model, row))
    return found


def is_found(program: Program, model: Model, mode: Mode) -> bool:
    """Say whether the check refuses a program, in one line."""
    try:
        check_program(program, model, mode)
    except InternalError as error:
        return "\n" not in str(error)
    return False


@every_case
def test_every_case_passes_in_every_mode(name):
    for mode in Mode:
        checked(CASES[name].model, mode)


def gives_its_input(model: Model) -> bool:
    """Say whether nodes that move numbers at most lead from the data to the output, and leave all where they were."""
    nodes, name = {node.name: node for node in model.nodes}, model.nodes[-1].name
    places = np.arange(np.prod(model.input_shape, dtype=int)).reshape(1, *model.input_shape)
    chain = []
    while name in nodes and (nodes[name].op in MOVES or nodes[name].attributes.get("axes") == ()):
        chain.append(nodes[name])
        name = nodes[name].inputs[0]
    if name != "input":
        return False
    moved = places
    for node in reversed(chain):
        if node.op in LAYOUTS:
            moved = LAYOUTS[node.op](moved, {**node.attributes, "value": -1})
        moved = moved.reshape(1, *node.shape)
    return np.array_equal(moved.ravel(), places.ravel())


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_pass_in_every_mode_or_have_no_output_of_their_own(seed):
    model = random_model(seed)
    if gives_its_input(model):
        with pytest.raises(InputError, match="the output is the input itself"):
            checked(model, Mode.VALUES)
        return
    for mode in Mode:
        program = checked(model, mode)
        assert program.output_size == np.prod(model.nodes[-1].shape)
        check_data(program, model, int(program.rows[0, Column.SIZE]) + 1)


def test_every_op_has_sizes_and_rules():
    assert set(SIZES) == set(Op) - {Op.INPUT}
    # A mask is drawn by training itself.
    assert set(OPS) == set(Op) - {Op.INPUT, Op.MASK}
    for file in OPS.values():
        assert set(file.RULES) >= {VALUE, BACKWARD, TANGENT}
        assert set(file.RULES) & {REVERSE, CURVED}


@every_mode
def test_every_op_is_planted_into(mode):
    there = set(one_of_each(mode))
    assert set(Op) - there <= ({Op.MASK} if mode != Mode.TRAINING else {Op.BATCHNORM})


@every_mode
@pytest.mark.parametrize("column", Column)
def test_a_wrong_number_in_any_column_of_any_op_is_found(column, mode):
    if mode == Mode.VALUES and column in OF_REVERSE:
        return
    for op, (program, model, row) in one_of_each(mode).items():
        for off in (FAR, -FAR):
            rows = program.rows.copy()
            rows[row, column] += off
            assert is_found(replace(program, rows=rows), model, mode), f"{op.name} {off}"


@every_mode
@pytest.mark.parametrize(
    "column",
    [c for c in Column if c not in (Column.OP, Column.CODE, Column.OUTPUT, Column.ADJOINT, *OF_REVERSE)],
)
def test_a_number_that_is_wrong_by_one_is_found_in_any_column_that_is_no_place_to_choose(column, mode):
    for op, (program, model, row) in one_of_each(mode).items():
        if op == Op.CONCAT and column == Column.GROUPS:
            continue
        for off in (1, -1):
            rows = program.rows.copy()
            rows[row, column] += off
            assert is_found(replace(program, rows=rows), model, mode), f"{op.name} {off}"


@every_mode
@pytest.mark.parametrize("place", Geometry)
def test_a_wrong_number_in_any_column_of_the_geometry_is_found(place, mode):
    for op, (program, model, row) in one_of_each(mode).items():
        for off in (1, FAR, -FAR) if len(program.geometry) else ():
            geometry = program.geometry.copy()
            # Turned lines are any number that there is scratch for, and causal is as good as not.
            if off == 1 and (
                place in (Geometry.LINES, Geometry.CAUSAL) or is_free_choice(op, place, geometry[row])
            ):
                continue
            geometry[row, place] += off
            assert is_found(replace(program, geometry=geometry), model, mode), f"{op.name} {off}"


def is_free_choice(op: Op, place: Geometry, shape: np.ndarray) -> bool:
    """Say whether one more may lead to no other memory: channels before others, a larger window of a pool, a dilated one of one tap."""
    if op in (Op.MAXPOOL, Op.AVGPOOL) and place in (Geometry.KERNEL_Y, Geometry.KERNEL_X):
        return True
    if op == Op.PAD_CHANNELS:
        return place in (Geometry.BEFORE, Geometry.STRIDE_Y, Geometry.STRIDE_X)
    kernels = {Geometry.DILATION_Y: Geometry.KERNEL_Y, Geometry.DILATION_X: Geometry.KERNEL_X}
    if place in kernels:
        return bool(shape[kernels[place]] == 1)
    return place in (Geometry.STRIDE_Y, Geometry.STRIDE_X) or (op == Op.ATTENTION and place == Geometry.HEADS)


@every_mode
def test_less_room_than_the_rows_take_is_found(mode):
    for program, model, _ in one_of_each(mode).values():
        assert is_found(replace(program, features=program.features - 1), model, mode)
        assert is_found(replace(program, parameters=program.parameters - 1), model, mode)
        assert is_found(replace(program, links=program.links[:-1]), model, mode)
        assert is_found(replace(program, scratch=7), model, mode)
        for row, ranges in enumerate(program.ranges):
            shifted = (
                *program.ranges[:row],
                tuple((a + 1, b + 1) for a, b in ranges),
                *program.ranges[row + 1 :],
            )
            assert not ranges or is_found(replace(program, ranges=shifted), model, mode)


@pytest.mark.parametrize("name", ["lenet", "attention", "conv_batchnorm"])
def test_scratch_of_a_row_less_than_the_widest_op_takes_is_found(name):
    model = CASES[name].model
    program = checked(model, Mode.DERIVATIVES)
    assert is_found(replace(program, scratch=program.scratch - 1), model, Mode.DERIVATIVES)


@pytest.mark.parametrize("name", ["layernorm", "conv_batchnorm", "attention"])
def test_less_room_than_a_gpu_notes_is_found(name):
    network = lowered_for(CASES[name].model, np.dtype("float64"), Mode.DERIVATIVES).network
    needed = max(noted_rows(view(network, number)) for number in range(len(network.rows)))
    check_notes(network, needed)
    with pytest.raises(InternalError, match="on a GPU"):
        check_notes(network, needed - 1)


@pytest.mark.parametrize("name", ["skip", "late_branch", "conv_batchnorm", "attention"])
def test_a_wrong_place_in_the_plan_of_a_scan_is_found(name):
    model = CASES[name].model
    program = checked(model, Mode.VALUES)
    directions = np.ones((2, program.parameters))
    directions[:, : model.layout[0].stop] = 0
    plan, shared, products = make_plan(program, directions)
    check_plan(program, plan, shared, products)
    for field in ("fixed", "affine", "order", "places", "inner", "affine_places", "ranges"):
        array = getattr(plan, field)
        for place in range(array.size):
            wrong = array.copy()
            wrong.flat[place] += FAR
            if field == "inner" and place not in (0, *plan.fixed):
                continue
            with pytest.raises(InternalError):
                check_plan(program, plan._replace(**{field: wrong}), shared, products)
    for room in ((shared - 1, products), (shared, products - 1)):
        if len(plan.fixed if room[0] < shared else plan.affine):
            with pytest.raises(InternalError):
                check_plan(program, plan, *room)


def passing_on(op: str, width: int = 3) -> Model:
    """A network that gives its input, beside a branch that leads nowhere."""
    x = np.random.default_rng(0).standard_normal((9, width))
    return build_model(
        nodes=[{"name": "a", "op": "dense"}, {"name": "d", "op": op, "inputs": ["input"]}],
        parameters={"a.weight": np.ones((1, width))}, loss="mse", x_train=x, y_train=x,
    )  # fmt: skip


@pytest.mark.parametrize("op", ["dropout", "flatten", "identity"])
def test_an_output_that_is_the_input_is_refused_by_all_that_lower_a_network(op):
    model = passing_on(op)
    for work in (
        lambda: NetworkObjective(model),
        lambda: train(model, steps=2, batch_size=4, threads=1),
        lambda: plan_workspace(model),
    ):
        with pytest.raises(InputError, match="'d': the output is the input itself") as caught:
            work()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("user", [cpu_engine, cpu_training])
def test_nothing_runs_from_a_program_that_is_wrong(monkeypatch, user):
    from landscape.objective import lowered

    def shifted(*given, **options):
        program = lower(*given, **options)
        program.rows[-1, Column.WEIGHT] += 1
        return program

    lower = lowered.lower
    monkeypatch.setattr(lowered, "lower", shifted)
    monkeypatch.setattr(user, "share_work", lambda *given: pytest.fail("a kernel ran"))
    model = CASES["chain_tanh"].model
    with pytest.raises(ComputationError, match=r"internal error.*row .*WEIGHT"):
        NetworkObjective(model).value(model.theta) if user is cpu_engine else train(model, steps=1, threads=1)


BESIDE = described(
    "c dense 18 5 | o dense 5 7 | e elu : c | n batchnorm 5 : e | g gelu : o",
    (18,),
    7,
)


@pytest.mark.parametrize("seed", [None, *range(120)])
def test_the_memory_of_every_kind_of_work_holds_the_program_that_runs_in_it(seed):
    """Programs of one network differ: that for values leaves out rows that do not lead to the output, that for derivatives keeps them."""
    model = BESIDE(np.random.default_rng(0)) if seed is None else random_model(seed)
    try:
        network = NetworkObjective(model, dtype="float64", threads=1).on_cpu
    except InputError:
        return
    tiled, width = network.tiled, network.tiled.tiles.width
    for program, buffers in (
        (tiled.plain.program, network.buffers()),
        (tiled.full.program, network.derivative_buffers()),
    ):
        assert buffers.scratch.shape == (1, program.scratch, width)
        assert buffers.work.shape == (1, program.features * width)
    derivatives, adjoints = network.derivative_buffers(), tiled.reverse.program.rows[1:]
    assert derivatives.gradient.shape == (1, tiled.full.program.parameters)
    last = (adjoints[:, Column.ADJOINT] + adjoints[:, Column.SIZE]).max()
    assert last * width <= derivatives.adjoint.size
    assert tiled.reverse.program.scratch <= tiled.full.program.scratch


def test_a_branch_that_nothing_reads_takes_more_scratch_than_the_values_do():
    """So that the test above can fail."""
    tiled = NetworkObjective(BESIDE(np.random.default_rng(0))).on_cpu.tiled
    assert tiled.full.program.scratch > tiled.plain.program.scratch


@pytest.mark.parametrize("name", ["weight_norm", "standardized_weights", "products_of_values"])
def test_what_is_the_same_for_all_examples_comes_first_and_stays(name):
    program = checked(CASES[name].model, Mode.VALUES)
    alike = program.rows[1:, Column.NUMBERS] > 0
    count = int(alike.sum())
    assert count > 0
    assert alike[:count].all()
    read = {
        int(source)
        for row in program.rows[1 + count :]
        for source in program.links[row[Column.FIRST] :][: row[Column.INPUTS]]
        if 0 < source <= count
    }
    assert read
    for source in read:
        start, size = program.rows[source, Column.OUTPUT], program.rows[source, Column.SIZE]
        for other in program.rows[source + 1 :]:
            assert other[Column.OUTPUT] >= start + size or other[Column.OUTPUT] + other[Column.SIZE] <= start


def test_a_place_that_a_later_row_would_take_from_a_computed_weight_is_found():
    model = CASES["weight_norm"].model
    program = checked(model, Mode.VALUES)
    table = program.rows.copy()
    count = int((table[1:, Column.NUMBERS] > 0).sum())
    # The last row comes after all readers of the weight, in this tile.
    weight = int(program.links[table[count + 1, Column.FIRST] + 1])
    assert table[weight, Column.NUMBERS] > 0
    table[-1, Column.OUTPUT] = table[weight, Column.OUTPUT]
    with pytest.raises(InternalError):
        check_program(replace(program, rows=table), model, Mode.VALUES)
