"""Tests of second derivatives."""
