"""Figures of records, with a file for each family of figures.

`plot_scan` draws one figure and gives its Axes, on yours if you hand them over; `figures` draws all that a
record has; `save_figures` writes them. Drawing uses matplotlib's object interface: no pyplot, no window, no
global state.
"""

from landscape.plots.animation import require_film, save_film
from landscape.plots.atlases import plot_atlas
from landscape.plots.comparing import plot_comparison
from landscape.plots.connections import plot_connection, plot_tree
from landscape.plots.contours import plot_contours
from landscape.plots.curves import plot_curves
from landscape.plots.cuts import plot_cuts
from landscape.plots.eigenvector_mass import plot_eigenvector_mass
from landscape.plots.escapes import plot_escape
from landscape.plots.logs import plot_log
from landscape.plots.look import Look, looking
from landscape.plots.node_eigenvalues import plot_node_eigenvalues
from landscape.plots.paths import plot_out_of_plane, plot_path
from landscape.plots.races import plot_race, plot_race_paths
from landscape.plots.saving import figures, save_comparison, save_figures
from landscape.plots.scans import plot_scan
from landscape.plots.sharpness import plot_sharpness
from landscape.plots.slices import plot_slices
from landscape.plots.spectrum import plot_spectrum
from landscape.plots.style import style
from landscape.plots.surface import plot_surface
from landscape.plots.topologies import plot_barcode, plot_basins, plot_merge_tree, plot_persistence

__all__ = [
    "Look",
    "figures",
    "looking",
    "plot_atlas",
    "plot_barcode",
    "plot_basins",
    "plot_comparison",
    "plot_connection",
    "plot_contours",
    "plot_curves",
    "plot_cuts",
    "plot_eigenvector_mass",
    "plot_escape",
    "plot_log",
    "plot_merge_tree",
    "plot_node_eigenvalues",
    "plot_out_of_plane",
    "plot_path",
    "plot_persistence",
    "plot_race",
    "plot_race_paths",
    "plot_scan",
    "plot_sharpness",
    "plot_slices",
    "plot_spectrum",
    "plot_surface",
    "plot_tree",
    "require_film",
    "save_comparison",
    "save_figures",
    "save_film",
    "style",
]
