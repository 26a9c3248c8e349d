"""`avgpool2d`: the mean of each window, pixels of the padding counted as zeros."""

from __future__ import annotations

from landscape.ops.windows import pool
from landscape.program.codes import Op

AVGPOOL2D = pool("avgpool2d", Op.AVGPOOL)
