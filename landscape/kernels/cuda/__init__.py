"""The engine on a GPU: a block of threads a point, its workspace in shared memory where it fits."""
