"""Critical points: their kind with evidence, the way down from a saddle, and a search for more of them.

`analyze_critical` polishes a point, measures whether it is critical at all, and names it. `search_critical`
finds critical points from many starts. The parts: `polish` (steps that lower the gradient), `local` (decrement,
inertia, index), `escape`, `higher` and `quartic` (singular points), `invariance` (directions that a graph leaves
free), `kinks`, and `verdict`, where the rules stand in their order.
"""

from landscape.critical.analysis import analyze_critical
from landscape.critical.search import search_critical

__all__ = ["analyze_critical", "search_critical"]
