"""Tests of the directions of scans."""
