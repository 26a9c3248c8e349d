"""Compiled kernels by themselves."""
