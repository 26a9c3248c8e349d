"""A GPU as the objectives use it: arrays, launches, and what happens when the memory is full."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import ComputationError, InputError
from landscape.kernels.cpu.arrays import Network as HostNetwork
from landscape.kernels.cuda.arrays import Network
from landscape.kernels.cuda.inverses import with_inverses
from landscape.kernels.cuda.scratch import full_geometry, scratch_features
from landscape.kernels.cuda.shape import MIDDLE, NARROW, SHARED_BYTES, TINY, WIDE, Shape, eased
from landscape.kernels.cuda.target import SIMULATED, PerformanceWarning, cuda
from landscape.objective.devices import EXTRA
from landscape.objective.program_check import check_notes
from landscape.program.table import WIDEST_VECTOR

# Blocks that a multiprocessor may hold at once; more only wait.
BLOCKS_EACH = 16
SIMULATED_BLOCKS = 2
# What the workspaces of all blocks that run at a time may take.
WORKSPACE_BYTES = 4 * 2**30
ELSEWHERE = "end what else uses it, or take --device cpu"
RESTART = "see what nvidia-smi says, run the command again, or take --device cpu"
# A tile that is mostly padding computes for nothing.
FILLED = 2


if SIMULATED:
    # The simulator waits for a block's threads in a loop, from which the interpreter changes to them 200 times a second else.
    sys.setswitchinterval(1e-5)

# Where the target and the packages under it define what they raise.
DRIVERS = ("numba.cuda.cudadrv", "cuda.")


class DeviceMemoryError(InputError):
    """The GPU's memory is full; the message is shown to the user if no smaller run can be tried."""


def full_memory(error: Exception) -> bool:
    """Say whether the driver's error is that of a full memory."""
    return isinstance(error, MemoryError) or "OUT_OF_MEMORY" in str(error)


class Gpu:
    """One GPU: arrays copied to it stay there as long as they are referenced."""

    def __init__(self, number: int) -> None:
        self.guarded(lambda: cuda.select_device(number))
        self.number = number

    @property
    def blocks(self) -> int:
        """The largest number of blocks to launch; each block takes one item of the work after another."""
        if SIMULATED:
            return SIMULATED_BLOCKS
        return int(cuda.get_current_device().MULTIPROCESSOR_COUNT) * BLOCKS_EACH

    def blocks_for(self, items: int, bytes_each: int) -> int:
        """Give the number of blocks to launch for a number of items and a block's memory in bytes, on which no result depends."""
        return max(1, min(self.blocks, items, WORKSPACE_BYTES // max(1, bytes_each)))

    def put(self, array: NDArray) -> Any:
        """Copy an array to the GPU; the simulator computes on a copy.

        Raises
        ------
        DeviceMemoryError
            It does not fit.
        """
        array = np.ascontiguousarray(array)
        return array.copy() if SIMULATED else self.guarded(lambda: cuda.to_device(array))

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Allocate an array without setting its numbers.

        Raises
        ------
        DeviceMemoryError
            It does not fit.
        """
        if SIMULATED:
            # Not zeros, so that a test sees what no kernel has set.
            return np.full(shape, -77, dtype)
        return self.guarded(lambda: cuda.device_array(shape, dtype))

    def take(self, array: Any) -> NDArray:
        """Copy an array from the GPU, when the work on it is done."""
        return array if SIMULATED else self.guarded(array.copy_to_host)

    def run(
        self, kernel: Any, shape: Shape, dtype: np.dtype, blocks: int, workspace: int, *arguments: Any
    ) -> None:
        """Launch a kernel on so many blocks, each with so many bytes of shared memory for its workspace.

        Raises
        ------
        DeviceMemoryError
            The memory is full.
        """
        dynamic = shape.stage_bytes(dtype) + workspace

        def launch() -> None:
            with warnings.catch_warnings():
                # Few blocks, on little work, are no fault.
                warnings.simplefilter("ignore", PerformanceWarning)
                kernel[max(1, blocks), shape.threads, 0, dynamic](*arguments)
                cuda.synchronize()

        self.guarded(launch)

    @staticmethod
    def guarded(work: Callable[[], Any]) -> Any:
        """Run a call that may exhaust the memory or fail in the driver or the compiler, and turn such errors into ours.

        Raises
        ------
        DeviceMemoryError
            The memory is full.
        InputError
            A library of CUDA's is missing, or refuses to work.
        ComputationError
            The driver failed otherwise.
        """
        try:
            return work()
        except ImportError as error:
            told = " ".join(str(error).split())
            raise InputError(f"the GPU cannot be used: {told}; {EXTRA}, or take --device cpu") from None
        except Exception as error:
            told = " ".join(str(error).split())
            if full_memory(error):
                raise DeviceMemoryError(f"the GPU's memory is full: {told}; {ELSEWHERE}") from None
            if type(error).__module__.startswith(DRIVERS):
                raise ComputationError(f"the GPU failed: {told}; {RESTART}") from None
            raise


def network_on_gpu(gpu: Gpu, network: HostNetwork) -> Network:
    """Put a program's arrays on a GPU."""
    geometry = network.geometry
    put, scratch = gpu.put, scratch_features(network.rows, geometry)
    check_notes(network, scratch)
    rows, links = with_inverses(network.rows, network.links)
    return Network(
        rows=put(rows),
        links=put(links),
        attributes=put(network.attributes),
        geometry=put(full_geometry(network.rows, geometry)),
        epsilons=put(network.epsilons),
        scratch=scratch,
    )


def shape_for(
    features: int,
    examples: int,
    dtype: np.dtype,
    wide: bool = False,
    single: bool = False,
    general: bool = False,
) -> Shape:
    """Choose the widest block whose workspace of so many features fits into shared memory, else the widest of all.

    With ops beyond the dense ones it is else the narrowest: their rules gain nothing from more examples, and workspaces stay small. With outputs that
    are `single`, the same for all examples, a feature has to hold as many of their numbers as the program says, which all but the simulator's do.

    Examples
    --------
    >>> shape_for(100, 10_000, np.dtype(np.float32)).width, shape_for(5_000, 10_000, np.dtype(np.float32)).width
    (64, 128)
    """
    if SIMULATED:
        return TINY._replace(across=WIDEST_VECTOR) if single else TINY
    # Twice the register tile of float64 would not fit into the registers.
    shapes = [shape for shape in (WIDE, MIDDLE, NARROW) if shape is not WIDE or dtype.itemsize == 4]
    shapes = [shape for shape in shapes if shape.width <= FILLED * examples] or [NARROW]
    found = next(
        (shape for shape in shapes if shared_bytes(features, shape, dtype)), shapes[-1 if wide else 0]
    )
    return eased(found, dtype, wide=wide, general=general)


def shared_bytes(features: int, shape: Shape, dtype: np.dtype) -> int:
    """Give the bytes of a workspace in shared memory; 0 where it does not fit there."""
    needed = features * shape.width * dtype.itemsize
    return needed if needed + shape.stage_bytes(dtype) + shape.static_bytes <= SHARED_BYTES else 0


def in_runs(count: int, length: int, work: Callable[[slice], None], told: Callable[[int], str]) -> None:
    """Do the work of `count` items in runs of `length`, shorter ones where the GPU's memory is full.

    Raises
    ------
    InputError
        Not even one item fits; `told` says what so many need.
    """
    start = 0
    while start < count:
        run = slice(start, min(count, start + length))
        try:
            work(run)
        except DeviceMemoryError:
            if length == 1:
                raise InputError(f"the GPU's memory is full: {told(1)}; or take --device cpu") from None
            length = max(1, min(length, count - start) // 2)
            continue
        start = run.stop
