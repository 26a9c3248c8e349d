"""Tests of the topology of scans."""
