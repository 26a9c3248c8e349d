"""The machine that kernels are compiled for: its CPU as the compiler knows it, and the width of its vectors."""

from __future__ import annotations

import os
from functools import cache

# Bytes of a vector that kernels can be compiled for: SSE2 and NEON, AVX2, AVX-512.
WIDTHS = (16, 32, 64)
# Fixes the width, for tests: the compiler splits what is wider than a register.
VARIABLE = "LANDSCAPE_VECTOR_BYTES"


@cache
def cpu_features() -> dict[str, bool]:
    """Return which of the features that the compiler knows the CPU has; empty where it cannot tell."""
    import llvmlite.binding as llvm

    # Numba compiles for these where they are given.
    given = os.environ.get("NUMBA_CPU_FEATURES")
    if given is not None:
        return {name[1:]: name[0] == "+" for name in given.split(",") if name}
    try:
        return dict(llvm.get_host_cpu_features())
    except RuntimeError:
        return {}


@cache
def vector_bytes() -> int:
    """Return how many bytes a vector of the kernels has.

    Raises
    ------
    ValueError
        The environment variable asks for a width that there is not.
    """
    asked = os.environ.get(VARIABLE)
    if asked:
        if asked not in map(str, WIDTHS):
            raise ValueError(f"{VARIABLE}: expected {', '.join(map(str, WIDTHS))}, found {asked}")
        return int(asked)
    features = cpu_features()
    return 64 if features.get("avx512f") else 32 if features.get("avx") else 16


@cache
def cpu_kind() -> str:
    """Name the CPU and the width of the vectors: results of two machines of one kind have the same bits.

    Returns
    -------
    str
        As in 'znver5, vectors of 64 bytes'.
    """
    import llvmlite.binding as llvm

    name = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
    return f"{name}, vectors of {vector_bytes()} bytes"
