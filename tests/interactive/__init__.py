"""Tests of the interactive page."""
