"""Networks with a known fault and their healthy twins, trained on demand, on which the diagnosis is tested.

`CASES` is the table, and `draw` trains a row of it.
"""

from landscape.faults.cases import CASES, HEALTHY, Case, accepts, draw, recipe, trained

__all__ = ["CASES", "HEALTHY", "Case", "accepts", "draw", "recipe", "trained"]
