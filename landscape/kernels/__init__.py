"""The network as a table of integers, and the loops that run it on a device."""
