"""Tests of records, a kind a file."""
