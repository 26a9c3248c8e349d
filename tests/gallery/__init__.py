"""Tests of the gallery: every figure is drawn, the exact ones are exact."""
