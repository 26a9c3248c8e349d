"""The two ways in which a call can end without a result.

A command turns `InputError` into one line on stderr and exit status 2, `ComputationError` into one line and
exit status 1. Every message says what was expected, what was found and what to try.
"""

from __future__ import annotations


class InputError(ValueError):
    """What was asked for, or the file that was given, cannot be used as it is."""


class ComputationError(RuntimeError):
    """The input was good and the work still failed: a full disk, a solver that did not converge."""


class InternalError(ComputationError):
    """The engine's own plan contradicts itself; it stops before anything is read or written where it should not be."""

    def __init__(self, told: str) -> None:
        super().__init__(
            f"internal error, a fault of landscape and not of the input: {told}; please report it with the model"
        )
