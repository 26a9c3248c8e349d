"""Kernels for networks of general ops, which hold the rules of the network's own ops, stay in float32 and spill nothing."""

from __future__ import annotations

import pytest

from landscape.kernels.cuda.scratch import general_ops
from landscape.kernels.lowering import lower
from tests.cases import CASES
from tests.cuda.conditions import compiled
from tests.cuda.ptx import machine, require_float32, shape_of

pytestmark = compiled
# With 255 two blocks of 128 threads fit a multiprocessor.
MOST_REGISTERS = 255


def found(case, name, dtype):
    ops = general_ops(lower(CASES[case].model, derivatives=True).rows)
    shape = shape_of(name, dtype, wide=True, general=True)
    return machine(name, dtype, (8, 0), shape, wide=True, ops=ops)


# Index maps, parameters, sums and products; products of matrices and of weights that are rows.
@pytest.mark.parametrize(
    ("case", "name"),
    [("broadcasts", "products"), ("broadcasts", "train"), ("products_of_values", "products")],
)
def test_a_float32_kernel_for_general_ops_is_float32_and_spills_nothing(case, name):
    require_float32(name, found(case, name, "float32"), MOST_REGISTERS)


def test_a_float64_kernel_for_general_ops_spills_nothing():
    assert found("broadcasts", "products", "float64").spilled <= 0
