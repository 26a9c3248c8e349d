"""Tests of the trajectories."""
