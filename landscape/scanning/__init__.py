"""Scans: the loss along one, two or three directions.

A *subject* (objectives at a point, and their identity) and its *directions* make a *plan*, in which
everything is decided and checked; the *driver* runs it, saves as it goes, and gives a `Scan`. `scan` does
all of it.

The package is not called `scan` since `landscape.scan` is the function.
"""

from landscape.scanning.driver import run_plan
from landscape.scanning.plan import Plan, Subject, make_plan
from landscape.scanning.scan import scan

__all__ = ["Plan", "Subject", "make_plan", "run_plan", "scan"]
