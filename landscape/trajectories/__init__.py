"""Trajectories of trainings on a plane: projection, distance from the plane, and the scan of the plane."""

from landscape.trajectories.projection import Projection, project
from landscape.trajectories.trajectory import require_possible, trajectory

__all__ = ["Projection", "project", "require_possible", "trajectory"]
