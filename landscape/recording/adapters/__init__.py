"""The recorder in the hooks of frameworks: each adapter is a few lines over it, and imports its framework when it is asked for."""
