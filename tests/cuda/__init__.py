"""The kernels for a GPU: in Numba's simulator, as PTX, and on a GPU where there is one."""
