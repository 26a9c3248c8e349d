"""Tests of the measures of sharpness."""
