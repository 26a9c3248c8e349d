"""What a network is lowered to: a table of integers, a row an operation, which every device and every job reads.

`table` says what its rows and columns are, `codes` what a row may do, `building` how rows are appended. An op of `landscape.ops`
appends its own; `landscape.kernels.lowering` makes the whole of a model. Plain NumPy, so that reading a model stays light.
"""
