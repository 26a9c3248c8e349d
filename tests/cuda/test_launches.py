"""What the host gives to kernels has the types that `ptx.py` compiles them for, and launches keep to what every device has."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from landscape.objective import NetworkObjective
from landscape.training import descend, train_many
from tests.cases import CASES
from tests.cuda.conditions import compiled
from tests.cuda.ptx import KERNELS, signatures
from tests.engine import every_dtype

pytestmark = compiled
BLOCK_BYTES, THREADS, BLOCKS = 48 * 1024, 1024, 2**31 - 1


class Typed:
    """An array that is on a GPU, as far as its type tells."""

    def __init__(self, shape, dtype):
        import numba

        self.host = np.zeros(shape, dtype)
        self._numba_type_ = numba.types.Array(numba.from_dtype(np.dtype(dtype)), self.host.ndim, "C")

    def __len__(self):
        return len(self.host)


class Trained(Exception):  # noqa: N818
    """A training has been launched: what is never computed never ends."""


@pytest.fixture
def launches(monkeypatch):
    """Launch nothing, and note what would have been: a kernel's name, its arguments' types, the launch itself."""
    from numba.cuda.typing.typeof import Purpose, typeof

    from landscape.objective import devices
    from landscape.objective.gpu import Gpu

    found = []

    def run(self, kernel, shape, dtype, blocks, workspace, *arguments):
        types = tuple(typeof(argument, Purpose.argument) for argument in arguments)
        found.append((kernel.py_func.__name__, types, shape, blocks, workspace))
        if kernel.py_func.__name__ == "train":
            raise Trained

    monkeypatch.setattr(devices, "gpu_problem", lambda number: None)
    monkeypatch.setattr(Gpu, "__init__", lambda self, number: None)
    monkeypatch.setattr(Gpu, "blocks", 2112)
    monkeypatch.setattr(Gpu, "put", lambda self, array: Typed(array.shape, array.dtype))
    monkeypatch.setattr(Gpu, "empty", lambda self, shape, dtype: Typed(shape, dtype))
    monkeypatch.setattr(Gpu, "take", lambda self, array: array.host)
    monkeypatch.setattr(Gpu, "run", run)
    return found


def compute(name, dtype):
    """Ask for everything that has a kernel."""
    engine = NetworkObjective(CASES[name].model, dtype=dtype, device="cuda")
    theta, vectors = engine.model.theta, np.ones((2, engine.size))
    engine.values(theta + vectors), engine.gradients(theta + vectors), engine.hvps(theta, vectors)
    sweep = engine.sweep(theta, vectors, (np.arange(3.0), np.arange(2.0)))
    for step in range(sweep.steps):
        sweep.run(step)
    with pytest.raises(Trained):
        train_many(CASES[name].model, device="cuda", dtype=dtype, optimizer="sam", seed=[0, 1], steps=3)
    descend("beale", np.ones((5, 2)), device="cuda", dtype=dtype, steps=2, learning_rate=0.01)


@every_dtype
@pytest.mark.parametrize("name", ["chain_gelu", "wide", "broadcasts"])
def test_a_launch_has_the_types_that_are_tested_and_fits_every_device(name, dtype, launches):
    import numba

    compute(name, dtype)
    expected = signatures(numba.from_dtype(np.dtype(dtype)))
    assert {kernel for kernel, *_ in launches} == set(KERNELS)
    for kernel, types, shape, blocks, workspace in launches:
        assert types == expected[kernel]
        assert 1 <= blocks <= BLOCKS
        assert shape.threads <= THREADS
        assert shape.stage_bytes(np.dtype(dtype)) + workspace + shape.static_bytes <= BLOCK_BYTES


def test_that_a_grid_is_small_is_not_told():
    from numba.cuda.dispatcher import errors

    from landscape.kernels.cuda.target import PerformanceWarning

    assert PerformanceWarning is errors.NumbaPerformanceWarning
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PerformanceWarning)
        warnings.warn(
            errors.NumbaPerformanceWarning("Grid size 1 will likely result in under-utilization"),
            stacklevel=1,
        )
