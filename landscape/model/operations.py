"""The op table of the format: every op by its name.

Which of them the engine can run is the engine's table; the format's files may hold all.
"""

from __future__ import annotations

from landscape.model.elementwise import ELEMENTWISE
from landscape.model.layers import LAYERS
from landscape.model.operation import Operation
from landscape.model.reshaping import RESHAPING

OPERATIONS: dict[str, Operation] = LAYERS | ELEMENTWISE | RESHAPING
