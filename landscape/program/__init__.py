"""Programs: tables of integers, with a row for each operation, into which networks are translated.

`table` says what its rows and columns are, `codes` what a row may do, `building` how rows are appended. An op of `landscape.ops`
appends its own; `landscape.kernels.lowering` makes the whole of a model. Plain NumPy, so that reading a model stays light.
"""
