"""Tests of scans: the grid, the plan, the driver, what is resumed and what is refused."""
