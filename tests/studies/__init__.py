"""Tests of races and studies."""
