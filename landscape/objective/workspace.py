"""How much memory a tile of examples needs, which decides whether it fits in the cache."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from landscape.kernels.lowering import sharing_adjoints
from landscape.model import Model
from landscape.objective.lowered import checked
from landscape.objective.program_check import Mode
from landscape.objective.sample import Sample
from landscape.objective.tiles import Tiles, narrowest_tile


class Workspace(NamedTuple):
    """Examples in a tile, and the bytes a thread needs for values (where memory is reused), gradients and products.

    Gradients keep every output, and adjoints that share places; products with the Hessian keep every output with its adjoint, its tangent and the
    adjoint's change.
    """

    tile: int
    values: int
    gradients: int
    products: int


def plan_workspace(model: Model, dtype: str = "float32") -> Workspace:
    """Plan a model's workspace over its first split, without compiling anything.

    Raises
    ------
    InputError
        Batches of different sizes, an output that is the input itself.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> layers = [(np.ones((3, 2)), np.zeros(3)), (np.ones((1, 3)), np.zeros(1))]
    >>> x, y = np.ones((5, 2)), np.ones((5, 1))
    >>> plan_workspace(build_model(layers=layers, loss="mse", x_train=x, y_train=y))
    Workspace(tile=16, values=768, gradients=1408, products=2304)
    """
    values, full = checked(model, Mode.VALUES), checked(model, Mode.DERIVATIVES)
    kind = np.dtype(dtype)
    narrowest = narrowest_tile(values, kind.itemsize)
    sample = Sample(model, model.splits[0])
    tiles = Tiles(sample, kind, values.features + values.scratch, narrowest=narrowest)
    column = tiles.width * kind.itemsize
    _, adjoints = sharing_adjoints(full)
    return Workspace(
        tiles.width,
        values=(values.features + values.scratch) * column,
        gradients=(full.features + adjoints + full.scratch) * column,
        products=(4 * full.features + full.scratch) * column,
    )
