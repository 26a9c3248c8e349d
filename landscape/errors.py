"""The two ways in which a call can end without a result.

A command turns `InputError` into one line on stderr and exit status 2, `ComputationError` into one line and
exit status 1. Every message says what was expected, what was found and what to try.
"""

from __future__ import annotations

from collections.abc import Iterable

# Names are shorter, and comparing long texts takes long.
LONGEST = 100


class InputError(ValueError):
    """What was asked for, or the file that was given, cannot be used as it is."""


class ComputationError(RuntimeError):
    """The input was good and the work still failed: a full disk, a solver that did not converge."""


def did_you_mean(found: object, known: Iterable[str]) -> str:
    """The end of a message about a name that is not there: the nearest one that is, or nothing where none is near.

    Examples
    --------
    >>> did_you_mean("adm", ["sgd", "adam"]), did_you_mean("zerostart", ["zero-start"]), did_you_mean("x", ["sgd"])
    (": did you mean 'adam'?", ": did you mean 'zero-start'?", '')
    """
    from difflib import get_close_matches

    by_letters = {name.lower(): name for name in known}
    near = get_close_matches(str(found)[:LONGEST].lower(), by_letters, n=1)
    return f": did you mean '{by_letters[near[0]]}'?" if near else ""
