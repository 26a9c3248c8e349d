"""Adapters of the recorder for frameworks, each of which imports its framework only when used."""
