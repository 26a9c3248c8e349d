"""A network for kernels on any device: its programs, and a sample of its data in tiles."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from landscape.kernels.cpu.losses import Criterion
from landscape.model import Model
from landscape.objective.lowered import Lowered, arrays_of, lowered, sharing
from landscape.objective.program_check import Mode, check_data
from landscape.objective.sample import Sample
from landscape.objective.targets import loss_code, loss_constant
from landscape.objective.tiles import Tiles, narrowest_tile
from landscape.program.table import Program

# What the results of the vectors that are worked on at once may take.
RESULT_BYTES = 256 * 2**20
# Vectors that share a tile's forward and reverse pass where those are not kept.
CHUNK = 16


class TiledNetwork:
    """A model's programs in the kernels' dtype, and a sample of its data in tiles.

    Parameters
    ----------
    model
        The network.
    sample
        Its data.
    program
        The checked program for values.
    dtype
        Of the arithmetic.
    width
        Examples in a tile; None for what fits a core's cache.

    Raises
    ------
    ComputationError
        Data that the program would read outside of.
    """

    def __init__(
        self, model: Model, sample: Sample, program: Program, dtype: np.dtype, width: int | None = None
    ) -> None:
        self.model, self.program, self.dtype = model, program, dtype
        features, narrowest = program.features + program.scratch, narrowest_tile(program, dtype.itemsize)
        self.tiles = Tiles(sample, dtype, features, narrowest=narrowest, width=width)
        check_data(program, model, self.tiles.inputs)
        self.criterion = Criterion(loss_code(model), dtype.type(loss_constant(model)))

    @cached_property
    def plain(self) -> Lowered:
        """The program for values."""
        return arrays_of(self.program, self.dtype)

    @cached_property
    def full(self) -> Lowered:
        """The program that keeps every output, for derivatives."""
        return lowered(self.model, self.dtype, Mode.DERIVATIVES)

    @cached_property
    def reverse(self) -> Lowered:
        """The program for gradients, in which adjoints share memory, so that a tile's adjoints stay in the cache."""
        return sharing(self.full, self.model)
