"""What a benchmark ran on: `python benchmarks/machine.py` prints the CPU, its vectors, the BLAS, and what products reach on one core.

Rates are of matrix products on one core, billions of additions and multiplications a second, the best of some sizes: our own micro-kernels, and the
BLAS that NumPy is linked to in a process of its own, without OPENBLAS_CORETYPE, so that it chooses its kernel by the CPU.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

SIZES = (64, 128, 256, 512)
WORTH_NAMING = ("avx2", "fma", "avx512f", "avx512vnni", "avx512fp16", "amx-bf16", "neon", "sve")
DTYPES = ("float32", "float64")
TURNS, SECONDS = 5, 0.05

# Run by itself: prints the libraries that are loaded, and NumPy's rates.
BLAS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from machine import DTYPES, SIZES, rate_of_blas
from threadpoolctl import threadpool_info, threadpool_limits
with threadpool_limits(limits=1):
    rates = {dtype: {size: rate_of_blas(dtype, size) for size in SIZES} for dtype in DTYPES}
names = {(i["internal_api"], i.get("version"), i.get("architecture")) for i in threadpool_info() if i["user_api"] == "blas"}
print(json.dumps([sorted(names, key=str), rates]))
"""


def rate(work: Callable[[int], Any], size: int) -> float:
    """Give the best rate of products of squares of a size, of which `work` does a number."""
    work(1)
    count, best = 1, 0.0
    for _ in range(TURNS):
        while True:
            start = time.perf_counter()
            work(count)
            taken = time.perf_counter() - start
            if taken >= SECONDS:
                break
            count = max(count + 1, int(count * min(10.0, 1.2 * SECONDS / max(taken, 1e-6))))
        best = max(best, 2 * count * size**3 / taken)
    return best / 1e9


def squares(dtype: str, size: int) -> list[np.ndarray]:
    """Draw two squares, and make room for their product."""
    rng = np.random.default_rng(size)
    return [*rng.standard_normal((2, size, size)).astype(dtype), np.zeros((size, size), dtype)]


def rate_of_blas(dtype: str, size: int) -> float:
    """Give NumPy's rate."""
    a, b, c = squares(dtype, size)

    def work(count: int) -> None:
        for _ in range(count):
            np.matmul(a, b, out=c)

    return rate(work, size)


@cache
def own_work() -> Callable[..., None]:
    """Compile a number of products in our own registers."""
    from landscape.jit import kernel
    from landscape.kernels.cpu.arrays import FROM_ZERO, Depth, Out, Product
    from landscape.kernels.cpu.products import examples_of, multiply, rows_of

    @kernel(cached=False)
    def work(count, rules, a, b, c, n):
        for _ in range(count):
            product = Product(
                n, n, Depth(1, 1, n), rows_of(a, 0, n), examples_of(b, 0, n), FROM_ZERO, 0, Out(c, 0, n)
            )
            multiply(rules, product)

    return work


def rate_of_ours(dtype: str, size: int) -> float:
    """Give the rate of our own micro-kernels."""
    from landscape.kernels.cpu import rules, table

    assert table.TABLE
    addresses = rules.empty_table()
    rules.fill(addresses, (rules.PRODUCT,), np.dtype(dtype))
    a, b, c = (square.ravel() for square in squares(dtype, size))
    return rate(lambda count: own_work()(count, addresses, a, b, c, size), size)


@cache
def measured_blas() -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    """Name the BLAS and measure it, in a process of its own that chooses its kernel by the CPU."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    here = str(Path(__file__).parent)
    told = subprocess.run(
        [sys.executable, "-c", BLAS, here], env=environment, capture_output=True, text=True, check=True
    )
    names, rates = json.loads(told.stdout)
    return names, rates


@cache
def own_rates(dtype: str) -> dict[int, float]:
    """Measure our own products by size."""
    return {size: rate_of_ours(dtype, size) for size in SIZES}


@cache
def core_peak(dtype: str = "float32") -> float:
    """Give the best rate that was seen on one core, ours or BLAS's."""
    return max(*own_rates(dtype).values(), *measured_blas()[1][dtype].values())


def cpu_name() -> str:
    """Name the CPU as the system does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in lines):
        told.setdefault(name.strip(), value.strip())
    name = told.get("model name", platform.machine())
    return f"{name}, family {told.get('cpu family')}, model {told.get('model')}"


def describe() -> str:
    """Say in some lines what the machine is and what products reach on it."""
    from landscape.machine import cpu_features, cpu_kind

    names, rates = measured_blas()
    features = [name for name in WORTH_NAMING if cpu_features().get(name)]
    lines = [
        f"CPU: {cpu_name()}, {os.cpu_count()} cores; to the compiler {cpu_kind()}; {', '.join(features)}",
        f"BLAS: {'; '.join(' '.join(str(part) for part in name) for name in names)}; OPENBLAS_CORETYPE "
        f"{os.environ.get('OPENBLAS_CORETYPE', 'not set')} here, not set where it is measured",
    ]
    for dtype in DTYPES:
        cells = [f"{size}: {own_rates(dtype)[size]:.0f} / {rates[dtype][str(size)]:.0f}" for size in SIZES]
        lines.append(f"{dtype}, Gflop/s on one core, ours / BLAS, by size: {', '.join(cells)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(describe())
