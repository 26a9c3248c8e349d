"""In float32 the kernels stay in float32, spill nothing, keep to their registers, and load four numbers at a time."""

from __future__ import annotations

import pytest

from tests.cuda.conditions import compiled
from tests.cuda.ptx import instructions, machine

pytestmark = compiled
# Sums of losses, of squares for norms, and whole results are in float64: they are converted to it, added and stored.
SUMMING = {"cvt", "add", "fma", "mul", "mov", "st", "ld", "neg", "setp", "selp", "sub"}
# A step's scales are computed in float64, once a step by one thread.
WITH_SCALES = ("train", "descend")
# Budgets of a thread: with 184 two blocks of 128 threads fit a multiprocessor, and with 240 still two.
REGISTERS = {"descend": 72, "share_fixed": 112, "share_products": 112, "products": 240, "train": 255}
MOST_REGISTERS = 184


@pytest.mark.parametrize(
    "name", ["values", "share_fixed", "share_products", "sweep", "gradients", "products", "train", "descend"]
)
def test_a_float32_kernel_is_float32_and_spills_nothing(name):
    from landscape.kernels.cuda.shape import NARROW

    found = machine(name, "float32", (9, 0), NARROW)
    doubles = instructions(found.ptx, ".f64")
    if name not in WITH_SCALES:
        assert "cvt.rn.f32.f64" not in doubles
        assert {word.split(".")[0] for word in doubles} <= SUMMING
    if found.registers >= 0:
        assert found.spilled == 0
        assert found.registers <= REGISTERS.get(name, MOST_REGISTERS)
    if name != "descend":
        assert "ld.shared.v4.f32" in found.ptx


def test_the_widest_block_has_register_tiles_of_8_by_8():
    from landscape.kernels.cuda.shape import WIDE

    found = machine("values", "float32", (9, 0), WIDE)
    assert found.ptx.count("fma.rn.f32") >= 64
    assert found.spilled <= 0
    # A block's threads share 65,536 registers.
    assert found.registers * WIDE.threads <= 65_536
