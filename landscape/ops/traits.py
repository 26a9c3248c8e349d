"""Properties of an op that other packages need; every op must state all of them.

`tests/model/test_traits.py` asks each of every op, and looks for names of ops elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Range = tuple[float, float]
# Products with weights [out, in] over the last axis, or [out, in, …] over windows of an image.
Product = Literal["matrix", "filters", "none"]
# How its parameters start: weights by their fans, weights of tables that are looked up or added, weights at one, or none are there.
Start = Literal["fans", "table", "ones", "none"]
# What other widths of the network make of it: its own outputs are scaled, its outputs are as many as its inputs, or it has to stay.
Width = Literal["scaled", "kept", "fixed"]


@dataclass(frozen=True, kw_only=True)
class Bend:
    """The kinks and the flat ranges of a function of one number, at the defaults of its attributes.

    Parameters
    ----------
    kinked
        Whether its first derivative jumps at 0, or its second does for some attribute.
    silent
        Whether a unit that is flat on the left counts as dead: it gives 0, so that nothing reads it. A sigmoid's counts
        as saturated on both sides.
    flat
        Inputs below and above which its slope is 1e-12 at most.
    weak
        Inputs up to and beyond which a unit hardly learns: its slope is below a hundredth of its largest.
    start
        The initialization of a layer before it, by its name in `landscape.model.initialization`.
    """

    kinked: bool
    silent: bool
    flat: Range
    weak: Range
    start: Literal["he", "xavier"]


@dataclass(frozen=True, kw_only=True)
class Traits:
    """The properties of an op.

    Parameters
    ----------
    product
        Whether it multiplies by a weight, and by which.
    start
        How its parameters start.
    normalizes
        Whether it normalizes, so that its weight and bias scale and shift and are no filters.
    batch_statistics
        Whether it keeps running statistics, which may be those of a batch instead.
    drops
        Whether it drops numbers at random in training, with its attribute `p`.
    passes
        Whether the same numbers come out in the same order, outside of training.
    elementwise
        Whether each number is a function of the one at its place.
    homogeneous
        Whether f(a·x) = a·f(x) for a > 0, of an op of one input without parameters.
    width
        What becomes of it in a network of other widths.
    output_range
        Where all of its outputs lie, where that is known.
    applied_by
        The loss that applies it itself, so that it should not stand before that loss.
    along_units
        Whether a whole Hessian's passes along a unit run through it.
    bend
        What the function of each number looks like, for an activation.
    cuda
        Whether there are CUDA kernels for it.
    """

    product: Product
    start: Start
    normalizes: bool
    batch_statistics: bool
    drops: bool
    passes: bool
    elementwise: bool
    homogeneous: bool
    width: Width
    output_range: Range | None
    applied_by: str | None
    along_units: bool
    bend: Bend | None
    cuda: bool
