"""Tests of `landscape.critical`."""
