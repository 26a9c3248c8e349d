"""Tests of the diagnosis: rules on numbers, parts in closed form, a few networks from end to end."""
