"""Rules that all importers share: layers, windows, layouts and functions as nodes of a `Builder`."""
