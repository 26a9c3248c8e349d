"""The differences between an existing scan at the output and the one that is wanted."""

from __future__ import annotations

import numpy as np

from landscape.records import Scan
from landscape.records.earlier import differences, others
from landscape.scanning.plan import Plan

# Told in words of their own.
DIGESTS = ("directions_sha256", "header_sha256")


def unlike(found: Scan, plan: Plan) -> list[str]:
    """Name what differs between the key of a record and that of a plan.

    The key is the model's hash, the data's, every setting that can change a number (the directions' and the
    grid's bytes among them), and the centre.
    """
    theirs = {name: value for name, value in found.settings.items() if name not in plan.words}
    told = differences(theirs, plan.settings, aside=DIGESTS)
    if plan.settings["directions_sha256"] != theirs.get("directions_sha256") and not told:
        told.append("other directions")
    if plan.settings.get("header_sha256") != theirs.get("header_sha256"):
        told.append("another name or training in the header")
    moved = not np.array_equal(found.center, plan.subject.center)
    told += others(found, plan.subject.model, plan.subject.data, moved=moved)
    if not same_axes(found, plan) and not told:
        told.append("another grid")
    return told


def same_axes(found: Scan, plan: Plan) -> bool:
    """Whether the grids agree to the last bit."""
    return len(found.axes) == len(plan.axes) and all(
        np.array_equal(a, b) for a, b in zip(found.axes, plan.axes, strict=True)
    )
