"""Paths between minima: barriers on lines and curves, elastic bands, and the saddle at their highest point."""

from landscape.connection.analysis import connect
from landscape.connection.band import Band, relax
from landscape.connection.curves import Bezier, Polychain

__all__ = ["Band", "Bezier", "Polychain", "connect", "relax"]
