"""The mathematics, once: scalar formulas that the kernels of every device call."""
