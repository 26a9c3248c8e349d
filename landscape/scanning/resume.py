"""What stands at the output already: the same scan, finished or not, or something that is not to be lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from landscape.records import Scan
from landscape.records.earlier import short, standing
from landscape.scanning.plan import Plan
from landscape.version import current_version

# Told in words of their own.
DIGESTS = ("directions_sha256", "header_sha256")


def earlier_scan(path: Path, plan: Plan, *, fresh: bool) -> Scan | None:
    """Load what the same settings left at `path`; None where there is nothing, or `fresh`.

    The key is the model's hash, the data's, every setting that can change a number (the directions' and the
    grid's bytes among them), the centre, and for an unfinished scan the version that wrote it.

    Raises
    ------
    InputError
        The path cannot be written, or holds what another key has made, or a file that is no scan at all.
    """
    return standing(Scan, path, fresh=fresh, differing=lambda found: differences(found, plan), named=state)


def state(found: Scan) -> str:
    """Say how far a scan got."""
    return "a finished scan" if found.finished else f"an unfinished scan ({progress(found):.0%} done)"


def progress(found: Scan) -> float:
    """Measure the share of the steps of an unfinished scan that are done."""
    done = sum(int(np.sum(value)) for name, value in found.partial.items() if name.endswith(".step"))
    total = sum(int(np.sum(value)) for name, value in found.partial.items() if name.endswith(".steps"))
    return done / total if total else 0.0


def differences(found: Scan, plan: Plan) -> list[str]:
    """Name what differs between the key of a record and that of a plan."""
    ours = json.loads(json.dumps(plan.settings))
    theirs = {name: value for name, value in found.settings.items() if name not in plan.words}
    told = [
        f"{name} {short(theirs.get(name))} there, {short(ours.get(name))} here"
        for name in [*ours, *(name for name in theirs if name not in ours)]
        if ours.get(name) != theirs.get(name) and name not in DIGESTS
    ]
    if ours["directions_sha256"] != theirs.get("directions_sha256") and not told:
        told.append("other directions")
    if ours.get("header_sha256") != theirs.get("header_sha256"):
        told.append("another name or training in the header")
    if found.model != plan.subject.model or not np.array_equal(found.center, plan.subject.center):
        told.append("another model or other parameters")
    if found.data != plan.subject.data:
        told.append("other data")
    if not same_axes(found, plan) and not told:
        told.append("another grid")
    if not found.finished and found.version != current_version():
        told.append(f"version {found.version} there, {current_version()} here")
    return told


def same_axes(found: Scan, plan: Plan) -> bool:
    """Whether the grids agree to the last bit."""
    return len(found.axes) == len(plan.axes) and all(
        np.array_equal(a, b) for a, b in zip(found.axes, plan.axes, strict=True)
    )
