"""Scalar formulas, each written once, that the kernels of every device call."""
