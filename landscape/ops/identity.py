"""`identity`: the input as it is."""

from __future__ import annotations

from landscape.ops.operation import Operation
from landscape.program.building import Lowering

IDENTITY = Operation(name="identity", lower=Lowering.pass_on)
