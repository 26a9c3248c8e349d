"""The engine on the CPU: tiles of examples, features in rows, examples innermost, products in registers."""

# Registers the device's primitives before any formula is compiled.
from landscape.kernels.cpu import primitives as primitives
