"""The rules of each op on the CPU: a file an op, with its loops and, at the end, its rules for each pass."""
