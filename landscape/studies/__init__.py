"""Experiments made of the parts below: races and studies, each a function that gives a record."""

from landscape.studies.race import race

__all__ = ["race"]
