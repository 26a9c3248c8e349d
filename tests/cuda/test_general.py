"""Each row of the general ops, alone in a small network, has the CPU's numbers in the simulator: both dtypes, a batch of one, a last tile that is not full."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.kernels.cuda.inverses import factor_places, with_inverses
from landscape.kernels.lowering import lower
from landscape.objective import NetworkObjective
from landscape.program.codes import Op
from landscape.program.table import Column
from landscape.training import train_many
from tests.cases import CASES, LAYOUTS, VALUES
from tests.cuda.conditions import few, in_simulator
from tests.engine import TOLERANCE, distance
from tests.networks import network

AXES = (np.array([-0.5, 0.5]), np.array([0.25]))
# The row, and a network of an odd width that has it: of outputs that differ between examples, then of some that are the same for all.
ROWS = {
    "gather": (Op.GATHER, "fc1 dense 5 3 | p take axis=1 indices=[2,0,2,1,0] | fc2 dense 5 2"),
    "gather_with_a_constant": (Op.GATHER, "fc1 dense 5 3 | p pad before=[2] after=[1] value=0.5 | fc2 dense 6 2"),
    "gather_spread": (Op.GATHER, "w parameter 1 3 | e expand shape=[5,3] | s slice axis=1 start=1 : e | flat reshape shape=[12] | a dense 12 2"),
    "gather_single": (Op.GATHER, "w parameter 5 3 | t transpose axes=[2,1] | fc1 dense 3 : input t | s silu | fc2 dense 3 2"),
    "parameter": (Op.PARAMETER, "w parameter 7 5 | fc1 dense 7 : input w | t tanh | fc2 dense 7 2"),
    "constant": (Op.PARAMETER, "w constant 7 5 | fc1 dense : input w | t tanh | fc2 dense 7 2"),
    "combine": (Op.COMBINE, "a dense 5 3 | b dense 5 3 : input | c subtract : a b | t tanh | fc2 dense 3 2"),
    "combine_broadcast": (
        Op.COMBINE, "a dense 5 3 | r reshape shape=[3,1] | b dense 5 2 : input | c add : r b | f reshape shape=[6] | t tanh | fc2 dense 6 2",
    ),
    "combine_with_one_number": (Op.COMBINE, "a dense 5 3 | o parameter | c subtract : o a | t tanh | fc2 dense 3 2"),
    "combine_single": (Op.COMBINE, "v parameter 3 1 | u parameter 5 | w subtract : v u | fc1 dense 3 : input w | s silu | fc2 dense 3 2"),
    "product_of_views_of_one_row": (
        Op.PRODUCT, "a dense 5 4 | l slice axis=1 stop=3 | r slice axis=1 start=1 : a | c multiply : l r | t tanh | fc2 dense 3 2",
    ),
    "product_with_one_number": (Op.PRODUCT, "a dense 5 3 | o parameter | c multiply : o a | t tanh | fc2 dense 3 2"),
    "product_with_several": (Op.PRODUCT, "a dense 5 3 | g parameter 3 | c divide : a g | t tanh | fc2 dense 3 2"),
    "product_single": (Op.PRODUCT, "v parameter 3 1 | u parameter 5 | w multiply : v u | fc1 dense 3 : input w | s silu | fc2 dense 3 2"),
    "largest": (Op.LARGEST, "a dense 5 6 | r reshape shape=[2,3] | m reduce_max axes=[1] | t tanh | fc2 dense 3 2"),
    "least_single": (
        Op.LARGEST, "w parameter 3 5 | m reduce_min axes=[2] keepdims=true | c subtract : w m | fc1 dense 3 : input c | s silu | fc2 dense 3 2",
    ),
    "sum": (Op.MEAN, "a dense 5 6 | s silu | r reshape shape=[3,2] | m reduce_sum axes=[2] | fc2 dense 3 2"),
    "mean_single": (
        Op.MEAN, "w parameter 3 5 | m reduce_mean axes=[1] | c subtract : w m | fc1 dense 3 : input c | s silu | fc2 dense 3 2",
    ),
    "matmul": (
        Op.MATMUL, "a dense 5 6 | l reshape shape=[3,2] | b dense 5 2 : input | r reshape shape=[2,1] | m matmul : l r | f reshape shape=[3] | fc2 dense 3 2",
    ),
    "matmul_of_one_factor": (
        Op.MATMUL, "a dense 5 6 | l reshape shape=[3,2] | r transpose axes=[2,1] | m matmul : l r | f reshape shape=[9] | t tanh | fc2 dense 9 2",
    ),
    "dense_of": (Op.DENSE_OF, "a dense 5 3 | w parameter 4 3 | b parameter 4 | d dense : a w b | t tanh | fc2 dense 4 2"),
    "convolution_of": (
        Op.CONVOLUTION_OF, "r reshape shape=[1,5] | c conv1d 1 2 2 | w parameter 3 2 3 | d conv1d 3 padding=1 : c w | t tanh | f flatten | fc2 dense 12 2",
    ),
}  # fmt: skip


def model_of(name: str, examples: int):
    return network(ROWS[name][1], 5, 2, n=examples)(np.random.default_rng(len(name)))


def swept(engine, theta, directions):
    sweep = engine.sweep(theta, directions, AXES)
    for step in range(sweep.steps):
        sweep.run(step)
    return sweep.finish()["loss"]


@pytest.mark.parametrize("name", ROWS)
def test_the_network_of_a_row_has_it(name):
    assert ROWS[name][0] in lower(model_of(name, 3), derivatives=True).rows[:, Column.OP]


@in_simulator
@pytest.mark.parametrize(("dtype", "examples"), [("float64", 1), ("float64", 19), ("float32", 3)])
@pytest.mark.parametrize("name", ROWS)
def test_values_gradients_products_and_sweeps_of_a_row_are_the_cpus(name, dtype, examples):
    model, rng = model_of(name, examples), np.random.default_rng(1)
    gpu, cpu = (NetworkObjective(model, dtype=dtype, device=device) for device in ("cuda", "cpu"))
    theta, vectors = model.theta, rng.standard_normal((2, model.size)) / np.sqrt(model.size)
    # The second direction leaves the first parameters alone, so that rows are fixed, affine and neither.
    vectors[1, : model.layout[0].stop] = 0
    for found, expected in (
        (gpu.values(theta[None]), cpu.values(theta[None])),
        (gpu.gradient(theta), cpu.gradient(theta)),
        (gpu.hvps(theta, vectors), cpu.hvps(theta, vectors)),
        (swept(gpu, theta, vectors), swept(cpu, theta, vectors)),
    ):
        assert np.linalg.norm(expected) > 0
        assert distance(found, expected) <= TOLERANCE[dtype]


@in_simulator
def test_a_number_that_is_not_one_stays_the_largest():
    model = model_of("largest", 2)
    model.data["x_train"][0, 0] = np.nan
    value, expected = (
        NetworkObjective(model, dtype="float64", device=d).value(model.theta) for d in ("cuda", "cpu")
    )
    assert np.isnan(value)
    assert np.isnan(expected)


@in_simulator
@pytest.mark.parametrize(
    "name", ["masked_weight", "products_of_values", "reductions", "weight_of_a_sequence"]
)
def test_a_training_of_a_network_of_general_ops_is_the_cpus(name):
    common = {"steps": 2, "learning_rate": 0.05, "looks": 2, "dtype": "float64", "seed": [0], "batch_size": 2}
    ours, theirs = (train_many(few(name), device=device, **common) for device in ("cuda", "cpu"))
    assert np.allclose(ours.theta, theirs.theta, rtol=0, atol=1e-13)
    assert np.allclose(ours.losses["train_loss"], theirs.losses["train_loss"], rtol=1e-12)


@pytest.mark.parametrize("name", [*LAYOUTS, *VALUES])
def test_an_inverse_lists_the_readers_of_each_number_in_their_order(name):
    program = lower(CASES[name].model, derivatives=True)
    rows, links = with_inverses(program.rows, program.links)
    assert np.array_equal(rows[:, : len(Column)], program.rows)
    assert np.array_equal(links[: len(program.links)], program.links)
    for row in rows:
        for number, start in enumerate(row[len(Column) :]):
            if start < 0:
                continue
            first = row[Column.MAP + number]
            places = links[first : first + (row[Column.NUMBERS] or row[Column.SIZE])]
            if row[Column.OP] == Op.MATMUL:
                places = factor_places(links[row[Column.MAP] :], number)
            source = rows[links[row[Column.FIRST] + number]]
            for n in range(source[Column.NUMBERS] or source[Column.SIZE]):
                readers = links[links[start + n] : links[start + n + 1]]
                assert readers.tolist() == np.flatnonzero(places == n).tolist()
