"""Choose the device by what was requested, what the machine has, and which kernels exist.

The driver is asked through its own library, so that a machine without a GPU pays nothing for the question.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from landscape.errors import InputError, did_you_mean
from landscape.kernels.cuda.supported import unsupported_ops
from landscape.model import Model

CPU = "cpu"
EXTRA = "pip install 'numba-landscape[cuda]'"
# The oldest driver that takes what the extra's compiler writes, as the driver tells it: 1000·major + 10·minor.
OLDEST_DRIVER = 13_000
NAME_BYTES = 128
# Of a GPU's number.
DIGITS = 4


def read_device(device: str) -> tuple[str, int]:
    """Read `auto`, `cpu`, `cuda` or `cuda:N` as a kind and a number.

    Raises
    ------
    InputError
        Anything else.

    Examples
    --------
    >>> read_device("auto"), read_device("cuda"), read_device("cuda:2")
    (('auto', 0), ('cuda', 0), ('cuda', 2))
    """
    kind, colon, number = device.partition(":")
    if kind in ("auto", CPU) and not colon:
        return kind, 0
    if kind == "cuda" and ((number.isdecimal() and len(number) <= DIGITS) or not colon):
        return kind, int(number or 0)
    raise InputError(
        f"device: expected auto, cpu, cuda or cuda:N, found '{device}'{did_you_mean(kind, ('auto', CPU, 'cuda'))}"
    )


def simulated() -> bool:
    """Say whether Numba's simulator is used in place of a GPU."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")


def load_driver() -> Any:
    """Load the driver's library; None if there is none."""
    for name in ("libcuda.so.1", "nvcuda.dll"):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def gpu_problem(number: int, load: Callable[[], Any] = load_driver) -> str | None:
    """Say why GPU `number` cannot be used, and what to do about it; None if it can."""
    if simulated():
        return None if number == 0 else f"the simulator has the device 0 only, found {number}"
    driver = load()
    if driver is None:
        return f"no NVIDIA driver is installed: expected a GPU with its driver, and {EXTRA}"
    status = driver.cuInit(0)
    found = ctypes.c_int(0)
    if status == 0:
        status = driver.cuDeviceGetCount(ctypes.byref(found))
    if status != 0 or found.value == 0:
        return f"the driver found no GPU (its status is {status}): expected one, and {EXTRA}"
    if number >= found.value:
        there = "device 0" if found.value == 1 else f"devices 0 to {found.value - 1}"
        return f"there is no device {number}: the driver has {there}"
    version = ctypes.c_int(0)
    driver.cuDriverGetVersion(ctypes.byref(version))
    if version.value < OLDEST_DRIVER:
        return (
            f"the driver is for CUDA {spoken(version.value)}: expected one for {spoken(OLDEST_DRIVER)} or newer; "
            "update the NVIDIA driver"
        )
    if find_spec("numba_cuda") is None and find_spec("numba.cuda") is None:
        return f"the compiler for the GPU is not installed: {EXTRA}"
    return None


def spoken(version: int) -> str:
    """Write a version number with a point, such as 12.4.

    >>> spoken(12040)
    '12.4'
    """
    return f"{version // 1000}.{version % 1000 // 10}"


def gpu_name(number: int, load: Callable[[], Any] = load_driver) -> str:
    """Give the name of a GPU that is there."""
    driver, buffer = None if simulated() else load(), ctypes.create_string_buffer(NAME_BYTES)
    if driver is None or driver.cuDeviceGetName(buffer, NAME_BYTES, number) != 0:
        return "simulator" if simulated() else "GPU"
    return buffer.value.decode(errors="replace")


def settle_device(
    device: str,
    model: Model | None,
    *,
    without: Sequence[str] = (),
    training: bool = False,
) -> str:
    """Give `cpu` or `cuda:N` for the requested device.

    `auto` takes the CPU until the tests of the kernels for a GPU have passed on a card: until then nobody gets them unasked.

    Parameters
    ----------
    device
        `auto`, `cpu`, `cuda` or `cuda:N`.
    model
        The network, if there is one; the ops that have no CUDA kernel are found in it.
    without
        What else of the job has no CUDA kernel, by name.
    training
        Whether the job trains the network: batch normalization then takes the statistics of its batches.

    Raises
    ------
    InputError
        An unknown device; no such GPU; ops or jobs without a CUDA kernel.
    """
    kind, number = read_device(device)
    if kind in (CPU, "auto"):
        return CPU
    # Formulas bring the compiler, which nobody needs before a GPU is asked for.
    from landscape.objective.targets import unsupported_loss

    missing = [
        *without,
        *(unsupported_loss(model) if model is not None else ()),
        *(unsupported_ops(model, training=training) if model is not None else ()),
    ]
    problem = gpu_problem(number)
    if problem is not None:
        raise InputError(f"device {device}: {problem}; or take --device cpu")
    if missing:
        raise InputError(f"device {device}: no CUDA kernel yet for {', '.join(missing)}: take --device cpu")
    return f"cuda:{number}"


def device_notes(device: str) -> tuple[str, ...]:
    """Say before the work which GPU computes; the CPU is named in the summary only."""
    return () if device == CPU else (f"computing on {device} ({gpu_name(read_device(device)[1])})",)


def recorded_device(device: str) -> str:
    """Give the kind of a device, which can change a number, without which one of several it is.

    >>> recorded_device("cuda:1")
    'cuda'
    """
    return device.partition(":")[0]
