"""Directions in the space of parameters: random, gradient, principal, to another model, from a file.

`make_directions` goes from a name to directions ready to use: each source gives what it knows, what is
missing is filled with Gaussian directions that are orthogonal to it, everything is normalized as asked, and a
`DirectionCheck` proves the outcome.
"""

from landscape.directions.archive import load_directions, require_no_other, save_directions
from landscape.directions.between import require_same_shapes
from landscape.directions.check import DirectionCheck, check_directions
from landscape.directions.choose import Directions, make_directions
from landscape.directions.normalize import NORMALIZATIONS, normalized
from landscape.directions.origin import Origin, Tensor, model_tensors, shaped_tensors, told_tensors
from landscape.directions.principal import principal_directions
from landscape.directions.random import gaussian, orthogonalize
from landscape.directions.sources import SOURCES, require_others

__all__ = [
    "NORMALIZATIONS",
    "SOURCES",
    "DirectionCheck",
    "Directions",
    "Origin",
    "Tensor",
    "check_directions",
    "gaussian",
    "load_directions",
    "make_directions",
    "model_tensors",
    "normalized",
    "orthogonalize",
    "principal_directions",
    "require_no_other",
    "require_others",
    "require_same_shapes",
    "save_directions",
    "shaped_tensors",
    "told_tensors",
]
