"""The symmetries of a network's graph, and the units of one network put in the order of another's."""

from landscape.alignment.align import Alignment, align
from landscape.alignment.groups import Group, Symmetry, symmetry_of

__all__ = ["Alignment", "Group", "Symmetry", "align", "symmetry_of"]
