"""Why workers did not do what they were given, in one line each."""

from __future__ import annotations

from landscape.errors import WorkerError
from landscape.version import DISTRIBUTION, current_version
from landscape.workers.task import Outcome


def refusal(outcome: Outcome) -> str:
    """Say why a worker refused."""
    if outcome.kind:
        return f"worker {outcome.worker}: {outcome.words}"
    hint = (
        f"install {DISTRIBUTION} {current_version()} there, and begin the worker anew"
        if outcome.words.startswith("landscape")
        else "last digits would differ from those of one machine: take workers of one kind, or accept it with --mixed (mixed=True)"
    )
    return f"worker {outcome.worker} is of another kind: {outcome.words}: {hint}"


def is_without_package(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, is that this package could not be imported."""
    while error is not None:
        if isinstance(error, ImportError) and "landscape" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def without_package(error: BaseException) -> WorkerError:
    """Say that a worker has no such package, or one without this module."""
    return WorkerError(
        f"a worker cannot load what it is sent ({error}): install {DISTRIBUTION} {current_version()} and what the objective needs in its environment"
    )
