"""The version that records are stamped with."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def current_version() -> str:
    """Read the installed version; `checkout` where the package runs from its sources, not installed."""
    try:
        return version("landscape")
    except PackageNotFoundError:
        return "checkout"
