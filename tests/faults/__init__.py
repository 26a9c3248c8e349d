"""Tests of `landscape.faults`."""
