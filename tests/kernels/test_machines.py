"""Kernels on machines that this one is not: vectors of every width, and Arm's NEON, for which they are compiled but not run."""

from __future__ import annotations

import os
import subprocess
import sys

import llvmlite.binding as llvm
import pytest

from landscape import machine
from landscape.kernels.cpu.vectors import VECTOR_BYTES
from tests.processes import python

# Prints the machine-independent code of a product, or its number of wrong elements.
CODE = """
import sys
import numpy as np
from landscape.jit import kernel
from landscape.kernels.cpu.arrays import FROM_ZERO, Depth, Out, Product
from landscape.kernels.cpu.products import examples_of, rows_of
from landscape.kernels.cpu.register_products import multiply

@kernel(cached=False)
def run(a, b, c, m, n, k):
    multiply(Product(m, n, Depth(1, 1, k), rows_of(a, 0, k), examples_of(b, 0, n), FROM_ZERO, 0, Out(c, 0, n)))

rng = np.random.default_rng(0)
a, b, c = rng.standard_normal((13, 300)).astype("f4"), rng.standard_normal((300, 37)).astype("f4"), np.zeros((13, 37), "f4")
run(a.ravel(), b.ravel(), c.ravel(), 13, 37, 300)
assert np.allclose(c, a.astype("f8") @ b, rtol=0, atol=1e-4)
print(run.inspect_llvm(run.signatures[0]))
"""


def code_at(width: int) -> str:
    """Compile and run a product with vectors of a width in a process of its own; give its code for LLVM."""
    environment = os.environ | {machine.VARIABLE: str(width)}
    return python("-c", CODE, env=environment).stdout


def assembly(code: str, triple: str, cpu: str) -> str:
    """Translate LLVM's code for another machine."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        known = llvm.Target.from_triple(triple)
    except RuntimeError as error:
        pytest.skip(f"this LLVM was built without that target: {error}")
    target = known.create_target_machine(cpu=cpu, opt=3)
    lines = [line for line in code.splitlines() if not line.startswith(("target ", "source_filename"))]
    module = llvm.parse_assembly("\n".join(lines))
    module.triple, module.data_layout = triple, str(target.target_data)
    module.verify()
    return target.emit_assembly(module)


@pytest.mark.parametrize("width", machine.WIDTHS)
def test_a_product_is_right_at_every_width_and_is_written_in_vectors_of_it(width):
    # What a masked store is of, micro-kernels alone write.
    assert f"@llvm.masked.store.v{width // 4}f32" in code_at(width)


def test_products_compile_for_arm_to_multiplications_and_additions_in_one():
    found = assembly(code_at(16), "aarch64-unknown-linux-gnu", "neoverse-n1")
    # A vector times one number, added to the sums, as NEON does it.
    assert found.count("fmla\tv") >= 8 * 2
    assert ".4s" in found


def test_a_width_that_there_is_not_is_refused_in_one_line():
    environment = os.environ | {machine.VARIABLE: "24"}
    told = subprocess.run(
        [sys.executable, "-c", "import landscape.kernels.cpu.vectors"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode != 0
    assert told.stderr.splitlines()[-1] == f"ValueError: {machine.VARIABLE}: expected 16, 32, 64, found 24"


def test_the_width_is_the_machine_s_or_the_one_that_is_asked_for():
    assert machine.vector_bytes() == VECTOR_BYTES
    assert f"{VECTOR_BYTES} bytes" in machine.cpu_kind()
    if machine.VARIABLE not in os.environ:
        assert VECTOR_BYTES == 64 or not machine.cpu_features().get("avx512f")
