"""In float64 the kernels assemble for an older device too, without spills."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cuda.conditions import compiled
from tests.cuda.ptx import machine

pytestmark = compiled


@pytest.mark.parametrize("name", ["values", "sweep", "gradients", "products", "train", "descend"])
def test_a_float64_kernel_spills_nothing(name):
    from landscape.kernels.cuda.shape import NARROW, of_training

    shape = of_training(NARROW, np.dtype(np.float64)) if name == "train" else NARROW
    found = machine(name, "float64", (8, 0), shape)
    assert found.spilled <= 0
    assert found.registers * NARROW.threads <= 65_536
