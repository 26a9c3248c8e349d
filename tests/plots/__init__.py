"""Figures are tested by what they say, not by stored pictures."""
