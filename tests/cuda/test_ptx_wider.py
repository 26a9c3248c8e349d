"""The kernels for networks of other than dense ops keep to the same: float32, no spills, a budget of registers."""

from __future__ import annotations

import pytest

from tests.cuda.conditions import compiled
from tests.cuda.ptx import CAPABILITIES, KERNELS, machine, require_float32, shape_of

pytestmark = compiled
# With 168 three blocks of 128 threads fit a multiprocessor, and with 255 two. Values take 172 for capability 9.0, four more than three blocks leave.
REGISTERS = {"values": 176, "gradients": 255, "products": 255, "train": 255}
MOST_REGISTERS = 168


@pytest.mark.parametrize("capability", CAPABILITIES, ids=str)
@pytest.mark.parametrize("name", [name for name in KERNELS if name != "descend"])
def test_a_float32_kernel_for_other_ops_is_float32_and_spills_nothing(name, capability):
    found = machine(name, "float32", capability, shape_of(name, "float32", wide=True), wide=True)
    require_float32(name, found, REGISTERS.get(name, MOST_REGISTERS))
