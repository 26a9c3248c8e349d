"""Symmetries of a network's graph, and reordering the units of one network to match another's."""

from landscape.alignment.align import Alignment, align
from landscape.alignment.groups import Group, Symmetry, symmetry_of

__all__ = ["Alignment", "Group", "Symmetry", "align", "symmetry_of"]
