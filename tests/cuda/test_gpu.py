"""On a GPU: numbers equal the CPU's, and are bit-identical for any launch and any previous contents of the memory.

The simulator runs the same lines on the first of the cases, at small sizes.
"""

from __future__ import annotations

import numpy as np
import pytest

from landscape.objective import NetworkObjective
from landscape.training import descend, train_many
from tests.cases import CASES
from tests.cuda.conditions import GENERAL, SMALL, WIDER, few, on_gpu, sized
from tests.engine import TOLERANCE, distance, every_dtype

pytestmark = [pytest.mark.gpu, on_gpu]
AXES = (np.linspace(-0.5, 0.5, sized(2, 7)), np.linspace(-1.0, 1.0, sized(1, 5)))


def model_of(name):
    return sized(few, lambda name: CASES[name].model)(name)


def pair(name, dtype):
    return [NetworkObjective(model_of(name), dtype=dtype, device=device) for device in ("cuda", "cpu")]


def cases(*names):
    """Parametrize by cases, in the simulator by the first only."""
    return pytest.mark.parametrize("name", names[: sized(1, len(names))])


def fresh(shape):
    """Return numbers that no other test uses."""
    return np.random.default_rng().standard_normal(shape)


def swept(engine, theta, directions):
    sweep = engine.sweep(theta, directions, AXES)
    for step in range(sweep.steps):
        sweep.run(step)
    return sweep.finish()["loss"]


@pytest.fixture(autouse=True)
def poisoned(monkeypatch):
    """Fill what is allocated with NaN, so that a number that no kernel sets is seen."""
    from landscape.objective.gpu import Gpu

    def empty(self, shape, dtype):
        poison = np.nan if np.issubdtype(dtype, np.floating) else -(2**30)
        return self.put(np.full(shape, poison, dtype))

    monkeypatch.setattr(Gpu, "empty", empty)


@every_dtype
@cases(*SMALL, *WIDER, *GENERAL, "wide", "several_tiles", "causal_transformer", "lenet", "vision_transformer")
def test_values_gradients_products_and_sweeps_are_the_cpus(name, dtype):
    gpu, cpu = pair(name, dtype)
    thetas = gpu.model.theta + 0.1 * fresh((3, gpu.size))
    vectors = fresh((2, gpu.size)) / np.sqrt(gpu.size)
    assert distance(gpu.values(thetas), cpu.values(thetas)) <= TOLERANCE[dtype]
    assert distance(gpu.gradients(thetas), cpu.gradients(thetas)) <= TOLERANCE[dtype]
    assert distance(gpu.hvps(thetas[0], vectors), cpu.hvps(thetas[0], vectors)) <= TOLERANCE[dtype]
    grids = [swept(engine, thetas[0], vectors) for engine in (gpu, cpu)]
    assert distance(*grids) <= TOLERANCE[dtype]


@every_dtype
@cases("several_tiles", "transformer_block", "conv_sequence_dilated")
def test_changing_launch_shapes_changes_no_bit(name, dtype, monkeypatch):
    from landscape.objective.gpu import Gpu

    engine = NetworkObjective(model_of(name), dtype=dtype, device="cuda")
    theta, vectors = engine.model.theta, fresh((sized(2, 40), engine.size))
    found = set()
    for blocks in sized((1, 3), (1, 3, 64, 1024, 1024)):
        monkeypatch.setattr(Gpu, "blocks", blocks)
        numbers = (
            engine.values(theta + vectors),
            engine.gradients(theta + vectors),
            engine.hvps(theta, vectors),
        )
        found.add(b"".join(array.tobytes() for array in numbers))
    assert len(found) == 1


@every_dtype
@cases("several_tiles", "transformer_block", "lenet")
def test_a_block_of_any_shape_has_the_cpus_numbers(name, dtype, monkeypatch):
    from landscape.kernels.cuda.shape import MIDDLE, NARROW, TINY, WIDE, eased

    cpu = NetworkObjective(model_of(name), dtype=dtype)
    theta, vectors = cpu.model.theta, fresh((2, cpu.size)) / np.sqrt(cpu.size)
    for shape in sized((TINY._replace(rows=1, columns=2),), (NARROW, MIDDLE, WIDE)):

        def chosen(features, examples, kind, wide=False, single=False, general=False, shape=shape):
            return eased(shape, kind, wide=wide, general=general)

        monkeypatch.setattr("landscape.objective.cuda_network.shape_for", chosen)
        gpu = NetworkObjective(model_of(name), dtype=dtype, device="cuda")
        assert distance(gpu.gradient(theta), cpu.gradient(theta)) <= TOLERANCE[dtype]
        assert distance(gpu.hvps(theta, vectors), cpu.hvps(theta, vectors)) <= TOLERANCE[dtype]


@cases("chain_tanh", "image_joints", "causal_transformer")
def test_an_ensemble_is_the_cpus(name):
    model, common = (
        model_of(name),
        {"dtype": "float64", "steps": sized(2, 20), "learning_rate": 0.01, "looks": sized(2, 20)},
    )
    seeds = list(range(sized(1, 70)))
    ours, theirs = (
        train_many(model, device=device, optimizer=["adam", "sgd"], seed=seeds, batch_size=8, **common)
        for device in ("cuda", "cpu")
    )
    assert distance(ours.theta, theirs.theta) <= 1e-9


# Starts on Beale's walls leave for infinity: a GPU overflows in silence, and Python, which the simulator runs, warns.
@pytest.mark.filterwarnings("ignore:.*(overflow|invalid value) encountered:RuntimeWarning")
def test_many_descents_are_the_cpus():
    starts, common = (
        2.0 * fresh((sized(5, 3000), 2)),
        {"dtype": "float64", "steps": 20, "learning_rate": 0.01},
    )
    starts[0] = 4.0, 4.0
    paths = [descend("beale", starts, device=device, every=20, **common).path for device in ("cuda", "cpu")]
    assert np.allclose(*paths, rtol=1e-9, equal_nan=True)
