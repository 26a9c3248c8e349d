"""The version of the package, which records store."""

from __future__ import annotations

# On the index `landscape` is the name of another project, a game.
DISTRIBUTION = "numba-landscape"


def current_version() -> str:
    """Read the installed version; `checkout` where the package runs from its sources, not installed."""
    # Half of what `--help` costs, so it is imported where a version is wanted.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "checkout"
