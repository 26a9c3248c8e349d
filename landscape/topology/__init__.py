"""What a scanned surface holds: basins, the saddles between them and maxima, each with its persistence and its error."""

from landscape.topology.analysis import analyze_topology, surface_of
from landscape.topology.merging import MergeTree, maxima_of, merge_tree

__all__ = ["MergeTree", "analyze_topology", "maxima_of", "merge_tree", "surface_of"]
