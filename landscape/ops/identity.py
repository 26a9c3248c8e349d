"""`identity`: the input as it is."""

from __future__ import annotations

from landscape.ops.operation import Operation
from landscape.ops.traits import Traits
from landscape.program.building import Lowering

IDENTITY = Operation(
    name="identity",
    traits=Traits(
        product="none",
        start="none",
        normalizes=False,
        batch_statistics=False,
        drops=False,
        passes=True,
        elementwise=True,
        homogeneous=True,
        width="kept",
        output_range=None,
        applied_by=None,
        along_units=True,
        bend=None,
        cuda=True,
    ),
    lower=Lowering.pass_on,
)
