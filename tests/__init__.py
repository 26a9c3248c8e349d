"""Tests: claims about behaviour and mathematics, judged by `tests.reference`."""
