"""Kernels as PTX and as machine code, made without a GPU: what a test may ask of them."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

KERNELS = ("values", "share_fixed", "share_products", "sweep", "gradients", "products", "train", "descend")
CAPABILITIES = ((8, 0), (9, 0))
# Sums of losses, of squares for norms, and whole results are in float64: they are converted to it, added and stored.
SUMMING = {"cvt", "add", "fma", "mul", "mov", "st", "ld", "neg", "setp", "selp", "sub"}
# A step's scales are computed in float64, once a step by one thread.
WITH_SCALES = ("train", "descend")


class Machine(NamedTuple):
    """A kernel's PTX, and of its machine code the registers of a thread and the bytes spilled; −1 without the assembler."""

    ptx: str
    registers: int
    spilled: int


def assembler() -> Path | None:
    """Find `ptxas`, where the package that has it is installed."""
    spec = find_spec("nvidia")
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = [path for place in places for path in place.glob("**/bin/ptxas")]
    return found[0] if found else None


def signatures(real: Any) -> dict[str, tuple[Any, ...]]:
    """Give the types of every entry point's arguments."""
    from numba import float64, int32, int64, types

    from landscape.kernels.cuda import arrays as a

    def array(kind: Any, axes: int) -> Any:
        return types.Array(kind, axes, "C")

    def named(cls: Any, *kinds: Any) -> Any:
        # As a launch types it: of equal kinds it is another type, which has other code.
        return types.BaseTuple.from_types(kinds, cls)

    whole, vector, matrix, cube = array(int64, 1), array(real, 1), array(real, 2), array(real, 3)
    sums, columns = array(float64, 3), array(float64, 2)
    network = named(a.Network, array(int64, 2), whole, vector, array(int64, 2), vector, int64)
    batch = named(a.Batch, matrix, array(int32, 3), cube, columns, whole)
    loss = named(a.Criterion, int64, real)
    plan = named(a.Plan, *[whole] * 6, array(int64, 2))
    grid = named(a.Grid, matrix, matrix, whole)
    memory = named(a.DerivativeBuffers, *[matrix] * 5)
    runs = named(a.Runs, array(int64, 2), columns)
    training = named(
        a.TrainingBuffers, matrix, matrix, batch, array(int64, 2), array(int64, 2), matrix, matrix
    )
    program = (network, whole, whole, batch, loss)
    return {
        "values": (*program, matrix, named(a.Buffers, matrix), sums),
        "share_fixed": (network, plan, grid, batch, int64, matrix),
        "share_products": (network, plan, grid, matrix, cube),
        "sweep": (
            int64, int64, network, plan, grid, batch, int64, loss, matrix, cube, named(a.SweepBuffers, matrix, matrix), sums,
        ),
        "gradients": (*program, matrix, int64, memory, sums, sums),
        "products": (*program, vector, matrix, int64, int64, memory, sums),
        "train": (
            network, whole, named(a.Examples, matrix, array(int32, 2), matrix, array(float64, 1)), loss, runs,
            named(a.Progress, matrix, cube, whole, whole), whole, vector, float64, training,
            named(a.Log, int64, int64, sums, columns),
        ),
        "descend": (int64, runs, matrix, cube, int64, int64, cube, cube),
    }  # fmt: skip


def machine(
    name: str,
    dtype: str,
    capability: tuple[int, int],
    shape: Any,
    wide: bool = False,
    activations: tuple[int, ...] = (),
    ops: tuple[int, ...] = (),
) -> Machine:
    """Compile an entry point for a device of a compute capability.

    `wide` is for networks of more than dense layers; `activations` are those beyond the usual ones, `ops` those of a network with general ones.
    """
    import numba
    from numba import cuda
    from numba.cuda import dispatcher

    from landscape.kernels.cuda.template import kernels

    # A kernel that calls other functions asks which device they are for.
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
    real = numba.from_dtype(np.dtype(dtype))
    kernel = getattr(kernels(shape, np.dtype(dtype), wide, activations, ops), name)
    ptx = cuda.compile_ptx(kernel.py_func, signatures(real)[name], cc=capability)[0]
    return Machine(ptx, *assembled(ptx, capability))


def assembled(ptx: str, capability: tuple[int, int]) -> tuple[int, int]:
    """Assemble PTX; give registers and bytes spilled."""
    program = assembler()
    if program is None:
        return -1, -1
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(ptx)
        done = subprocess.run(
            [program, "-v", f"-arch=sm_{''.join(map(str, capability))}", source, "-o", os.devnull],
            capture_output=True,
            text=True,
            check=True,
        )
    registers = max(int(count) for count in re.findall(r"Used (\d+) registers", done.stderr))
    spills = [int(count) for count in re.findall(r"(\d+) bytes spill", done.stderr)]
    return registers, max(spills, default=0)


def instructions(ptx: str, suffix: str) -> set[str]:
    """Name the instructions of PTX that have a type in their names."""
    return {
        word for word in re.findall(r"^\s+(?:@!?%p\d+ )?([a-z0-9_.:]+)", ptx, re.MULTILINE) if suffix in word
    }


def shape_of(name: str, dtype: str, *, wide: bool, general: bool = False) -> Any:
    """Give the narrowest block that an entry point runs in."""
    from landscape.kernels.cuda.shape import NARROW, eased

    return eased(NARROW, np.dtype(dtype), training=name == "train", wide=wide, general=general)


def require_float32(name: str, found: Machine, budget: int) -> None:
    """Ask a kernel to stay in float32 but for its sums, to spill nothing, to keep to its registers, and to load four numbers at a time."""
    doubles = instructions(found.ptx, ".f64")
    if name not in WITH_SCALES:
        assert "cvt.rn.f32.f64" not in doubles
        assert {word.split(".")[0] for word in doubles} <= SUMMING
    if found.registers >= 0:
        assert found.spilled == 0
        assert found.registers <= budget
    if name != "descend":
        assert "ld.shared.v4.f32" in found.ptx
