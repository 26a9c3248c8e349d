"""Every kernel for a GPU, run line by line by Numba's simulator, computes what the referee does."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.objective import NetworkObjective
from tests import reference
from tests.cases import CASES
from tests.cuda.conditions import GENERAL, SMALL, WIDER, few, in_simulator
from tests.engine import TOLERANCE, VALUE_TOLERANCE, distance, vectors

pytestmark = in_simulator
AXES = (np.array([-0.5, 0.5]), np.array([0.25, 1.0]))


def objective(name, dtype="float64", **options):
    return NetworkObjective(few(name), dtype=dtype, device="cuda", **options)


@pytest.mark.parametrize("name", [*SMALL, *WIDER, *GENERAL])
def test_value_gradient_and_product_are_the_referees(name):
    engine, model = objective(name), few(name)
    theta, vector = model.theta, vectors(CASES[name], 1)[0]
    value, gradient = engine.value_and_gradient(theta)
    assert value == pytest.approx(reference.value(model, theta), rel=VALUE_TOLERANCE["float64"])
    assert distance(gradient, reference.gradient(model, theta)) <= TOLERANCE["float64"]
    assert distance(engine.hvp(theta, vector), reference.hvp(model, theta, vector)) <= TOLERANCE["float64"]


def test_float32_is_float32s_distance_from_the_referee():
    engine, model = objective("chain_gelu", "float32"), few("chain_gelu")
    value, gradient = engine.value_and_gradient(model.theta)
    assert value == pytest.approx(reference.value(model, model.theta), rel=TOLERANCE["float32"])
    assert distance(gradient, reference.gradient(model, model.theta)) <= TOLERANCE["float32"]


def test_the_number_of_threads_reaches_what_stays_on_the_cpu():
    assert objective("chain_gelu", threads=1).on_cpu.threads == 1


def swept(engine, theta, directions):
    sweep = engine.sweep(theta, directions, AXES)
    for step in range(sweep.steps):
        sweep.run(step)
    return sweep.finish()


@pytest.mark.parametrize(
    "name", ["chain_gelu", "frozen_first", "conv_batchnorm", "position", "layernorm_first", "late_branch"]
)
def test_a_sweep_has_the_losses_of_its_points(name):
    model = few(name)
    directions = vectors(CASES[name], 2)
    # The second direction leaves the first layer alone, so that rows are fixed, affine and neither.
    directions[1, : model.layout[0].stop] = 0
    found = swept(objective(name), model.theta, directions)
    grid = [(a, b) for a in AXES[0] for b in AXES[1]]
    expected = [reference.loss(model, model.theta + np.array(at) @ directions) for at in grid]
    assert found["loss"] == pytest.approx(expected, rel=1e-11)


def test_a_full_memory_makes_the_runs_shorter_and_changes_no_bit(monkeypatch):
    from landscape.objective import gpu

    model, thetas = few("chain_gelu"), few("chain_gelu").theta + np.arange(3)[:, None] * 0.01
    whole = objective("chain_gelu").values(thetas)
    allocate = gpu.Gpu.empty

    def narrow(self, shape, dtype):
        if len(shape) == 3 and shape[0] > 1:
            raise gpu.DeviceMemoryError("full")
        return allocate(self, shape, dtype)

    monkeypatch.setattr(gpu.Gpu, "empty", narrow)
    assert objective("chain_gelu").values(thetas).tobytes() == whole.tobytes()
    monkeypatch.setattr(gpu.Gpu, "empty", lambda *given: (_ for _ in ()).throw(gpu.DeviceMemoryError("full")))
    with pytest.raises(Exception, match=r"memory is full: .* MiB are needed"):
        NetworkObjective(model, device="cuda").value(model.theta)


def test_the_number_of_blocks_changes_no_bit(monkeypatch):
    from landscape.objective import gpu

    model = few("huber_delta", 9)
    found = []
    for blocks in (1, 3):
        monkeypatch.setattr(gpu, "SIMULATED_BLOCKS", blocks)
        found.append(NetworkObjective(model, device="cuda").gradient(model.theta).tobytes())
    assert found[0] == found[1]
