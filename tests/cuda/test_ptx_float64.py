"""In float64 the kernels assemble for both devices too, without spills."""

from __future__ import annotations

import pytest

from tests.cuda.conditions import compiled
from tests.cuda.ptx import assembled, machine, shape_of

pytestmark = compiled


@pytest.mark.parametrize("wide", [False, True], ids=["dense", "wider"])
@pytest.mark.parametrize("name", ["values", "sweep", "gradients", "products", "train", "descend"])
def test_a_float64_kernel_spills_nothing(name, wide):
    shape = shape_of(name, "float64", wide=wide)
    found = machine(name, "float64", (8, 0), shape, wide)
    # What is written for the older device is assembled for the newer one as well.
    for registers, spilled in (found[1:], assembled(found.ptx, (9, 0))):
        assert spilled <= 0
        assert registers * shape.threads <= 65_536
