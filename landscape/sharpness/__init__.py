"""Measures of sharpness, each with its error, its definition, and the rescalings that leave it unchanged.

A measure a function, a row of `MEASURES` each; `measure_sharpness` puts them into a record.
"""

from landscape.sharpness.analysis import measure_sharpness
from landscape.sharpness.options import Options
from landscape.sharpness.rescaling import rescaled, scales
from landscape.sharpness.table import MEASURES, Measure

__all__ = ["MEASURES", "Measure", "Options", "measure_sharpness", "rescaled", "scales"]
