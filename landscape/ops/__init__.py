"""The ops of the format, a file each: what an op reads and writes, its parameters and attributes, and how it becomes rows.

`operation` says what an op answers, `table` lists all. What a device computes for an op is in the file of the same name among its
kernels (`landscape/kernels/cpu/ops`). Nothing here is compiled.
"""
