"""What the importers of programs have in common: layers, windows, layouts and functions as nodes of a `Builder`, whatever framework asks for them."""
