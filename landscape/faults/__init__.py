"""Networks with a known fault, and the healthy twin of each: trained when asked for, to see what a diagnosis makes of them.

`CASES` is the table, and `draw` trains a row of it.
"""

from landscape.faults.cases import CASES, HEALTHY, Case, accepts, draw, recipe, trained

__all__ = ["CASES", "HEALTHY", "Case", "accepts", "draw", "recipe", "trained"]
