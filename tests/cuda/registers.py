"""Print what every kernel takes of a thread: `python -m tests.cuda.registers [--float64]` (numba-cuda and ptxas; no GPU).

A row a kernel, for networks of dense layers, for those with other ops, and for one that has all general ops: registers and bytes spilled for
compute capabilities 8.0 and 9.0, and the blocks of that many threads whose registers a multiprocessor holds at once.
"""

from __future__ import annotations

import argparse
from typing import Any

from landscape.kernels.cuda.shape import Shape
from landscape.program.codes import Op
from tests.cuda.ptx import CAPABILITIES, KERNELS, machine, shape_of

# Registers of a multiprocessor; a thread gets them in eights.
REGISTERS, STEP = 65_536, 8
# Kinds of networks, and what `machine` is told of them.
NETWORKS: dict[str, dict[str, Any]] = {
    "dense": {},
    "wide": {"wide": True},
    "general": {"wide": True, "ops": tuple(Op)},
}


def cell(name: str, dtype: str, capability: tuple[int, int], shape: Shape, networks: str) -> str:
    """Write registers, spilled bytes and blocks."""
    found = machine(name, dtype, capability, shape, **NETWORKS[networks])
    blocks = REGISTERS // (-(-found.registers // STEP) * STEP * shape.threads)
    return f"{found.registers:>5} {found.spilled:>4} {blocks:>3}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--float64", action="store_true", help="the kernels in float64")
    options = parser.parse_args()
    dtype = "float64" if options.float64 else "float32"
    print(f"{dtype}: registers, bytes spilled, blocks a multiprocessor")
    print(
        f"{'kernel':<16} {'networks':<8} {'threads':>7}"
        + "".join(f"   sm_{a}{b:<9}" for a, b in CAPABILITIES)
    )
    for name in KERNELS:
        for networks in NETWORKS if name != "descend" else ("dense",):
            shape = shape_of(name, dtype, wide=networks != "dense", general=networks == "general")
            cells = [cell(name, dtype, capability, shape, networks) for capability in CAPABILITIES]
            print(
                f"{name:<16} {networks:<8} {shape.threads:>7}  " + "   ".join(cells),
                flush=True,
            )


if __name__ == "__main__":
    main()
