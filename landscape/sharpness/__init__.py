"""How sharp a minimum is: every measure with its error, its definition, and what it does not depend on.

A measure a function, a row of `MEASURES` each; `measure_sharpness` puts them into a record.
"""

from landscape.sharpness.analysis import measure_sharpness
from landscape.sharpness.options import Options
from landscape.sharpness.rescaling import rescaled, scales
from landscape.sharpness.table import MEASURES, Measure

__all__ = ["MEASURES", "Measure", "Options", "measure_sharpness", "rescaled", "scales"]
