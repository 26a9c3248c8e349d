"""Formulas against closed forms, differences and known answers."""
