"""`maxpool2d`: the largest pixel of each window."""

from __future__ import annotations

from landscape.ops.windows import pool
from landscape.program.codes import Op

MAXPOOL2D = pool("maxpool2d", Op.MAXPOOL)
