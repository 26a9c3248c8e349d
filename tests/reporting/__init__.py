"""Tests of `landscape.reporting`."""
