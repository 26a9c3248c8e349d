"""The topology of a scanned surface: basins, saddles and maxima, with persistence and errors."""

from landscape.topology.analysis import analyze_topology, surface_of
from landscape.topology.merging import MergeTree, maxima_of, merge_tree

__all__ = ["MergeTree", "analyze_topology", "maxima_of", "merge_tree", "surface_of"]
