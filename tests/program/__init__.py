"""Tests of the table of a network."""
