"""The lines that commands and reports print of a record."""

from landscape.tables.critical import atlas_table, critical_lines, critical_table
from landscape.tables.hessian import hessian_lines, hessian_table
from landscape.tables.sharpness import sharpness_table, surprises

__all__ = [
    "atlas_table",
    "critical_lines",
    "critical_table",
    "hessian_lines",
    "hessian_table",
    "sharpness_table",
    "surprises",
]
