"""In float32 the kernels stay in float32, spill nothing, keep to their registers, and load four numbers at a time."""

from __future__ import annotations

import pytest

from tests.cuda.conditions import compiled
from tests.cuda.ptx import CAPABILITIES, KERNELS, machine, require_float32

pytestmark = compiled
# Budgets of a thread: with 168 three blocks of 128 threads fit a multiprocessor, and with 255 two.
REGISTERS = {
    "descend": 72,
    "share_fixed": 112,
    "share_products": 112,
    "gradients": 232,
    "products": 255,
    "train": 255,
}
MOST_REGISTERS = 168


@pytest.mark.parametrize("capability", CAPABILITIES, ids=str)
@pytest.mark.parametrize("name", KERNELS)
def test_a_float32_kernel_is_float32_and_spills_nothing(name, capability):
    from landscape.kernels.cuda.shape import NARROW

    require_float32(name, machine(name, "float32", capability, NARROW), REGISTERS.get(name, MOST_REGISTERS))


def test_the_widest_block_has_register_tiles_of_8_by_8():
    from landscape.kernels.cuda.shape import WIDE

    found = machine("values", "float32", (9, 0), WIDE)
    assert found.ptx.count("fma.rn.f32") >= 64
    assert found.spilled <= 0
    # A block's threads share 65,536 registers.
    assert found.registers * WIDE.threads <= 65_536
