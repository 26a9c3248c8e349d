"""Importers: the same function as the original, or one line that says why not."""
