"""The error of each value of a scan, from rounding and from a subset of the examples."""

from __future__ import annotations

import numpy as np

from landscape.records import Scan

# Roundings that a sum of many examples is worth, and standard errors that a drawn subset is.
ROUNDINGS, STANDARD_ERRORS = 10.0, 2.0
EPSILON = {"float32": float(np.finfo(np.float32).eps), "float64": float(np.finfo(np.float64).eps)}


def errors_below(record: Scan, quantity: str, values: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return the largest error of any value up to each of some heights.

    A saddle depends on the values below it alone, so what a far wall is off by is not counted. The rounding of a value is ten units of the
    arithmetic's precision, and of a subset of the examples there are two standard errors.

    Parameters
    ----------
    record, quantity
        The scan, and which of its quantities.
    values
        That quantity over the grid.
    heights
        [k]; infinite ones stand for the whole grid.
    """
    flat = values.ravel()
    finite = np.isfinite(flat)
    epsilon = EPSILON.get(str(record.settings.get("dtype")), EPSILON["float64"])
    each = ROUNDINGS * epsilon * np.abs(flat[finite])
    if quantity in record.errors:
        drawn = record.errors[quantity].ravel()[finite]
        each = np.maximum(each, STANDARD_ERRORS * np.where(np.isfinite(drawn), drawn, 0.0))
    order = np.argsort(flat[finite])
    largest = np.maximum.accumulate(each[order])
    upto = np.searchsorted(flat[finite][order], heights, side="right") - 1
    return largest[np.clip(upto, 0, largest.size - 1)]
