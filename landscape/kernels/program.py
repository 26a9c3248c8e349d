"""The names of a network's table (`landscape.program`) that the kernels read."""

from landscape.program.codes import ACTIVATION_CODES, Op
from landscape.program.table import (
    ATTENTION_LINES,
    ATTENTION_QUERIES,
    SCRATCH_ROWS,
    WIDEST_VECTOR,
    WITHOUT_GEOMETRY,
    Column,
    Geometry,
    Program,
    Row,
)

__all__ = [
    "ACTIVATION_CODES",
    "ATTENTION_LINES",
    "ATTENTION_QUERIES",
    "SCRATCH_ROWS",
    "WIDEST_VECTOR",
    "WITHOUT_GEOMETRY",
    "Column",
    "Geometry",
    "Op",
    "Program",
    "Row",
]
