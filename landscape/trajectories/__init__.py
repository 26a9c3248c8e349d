"""Runs seen on a plane of the landscape: projection, what is out of the plane, and the scan beneath."""

from landscape.trajectories.projection import Projection, project
from landscape.trajectories.trajectory import require_possible, trajectory

__all__ = ["Projection", "project", "require_possible", "trajectory"]
