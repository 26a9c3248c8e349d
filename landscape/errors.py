"""The two kinds of errors: bad input, and a computation that failed.

A command turns `InputError` into one line on stderr and exit status 2, `ComputationError` into one line and
exit status 1. Every message says what was expected, what was found and what to try.
"""

from __future__ import annotations

from collections.abc import Iterable

# Names are shorter, and comparing long texts takes long.
LONGEST = 100


class InputError(ValueError):
    """A request or a file cannot be used as it is."""


class WorkerError(InputError):
    """Workers cannot compute their parts of the work; what is done is kept."""


class ComputationError(RuntimeError):
    """A computation failed although its input was valid: a full disk, a solver that did not converge."""


class InternalError(ComputationError):
    """A program or plan of the engine is inconsistent; raised before it can read or write outside its buffers."""

    def __init__(self, told: str) -> None:
        super().__init__(
            f"internal error, a fault of landscape and not of the input: {told}; please report it with the model"
        )


def nearest(found: object, known: Iterable[str]) -> str | None:
    """Return the name that is most like a mistyped one, or None if none is near.

    Examples
    --------
    >>> nearest("adm", ["sgd", "adam"]), nearest("tosy", ["toy_saddle"]), nearest("x", ["sgd"])
    ('adam', 'toy_saddle', None)
    """
    from difflib import get_close_matches

    word = str(found)[:LONGEST].lower()
    whole = {name.lower(): name for name in known}
    # The beginning of a long name, mistyped.
    begun = {name[: len(word)]: whole[name] for name in reversed(whole)}
    for names, likeness in ((whole, 0.6), (begun, 0.75)):
        near = get_close_matches(word, names, n=1, cutoff=likeness)
        if near:
            return names[near[0]]
    return None


def did_you_mean(found: object, known: Iterable[str]) -> str:
    """Write the end of a message about an unknown name: the nearest known one, or nothing where none is near.

    Examples
    --------
    >>> did_you_mean("adm", ["sgd", "adam"]), did_you_mean("x", ["sgd"])
    ("; did you mean 'adam'?", '')
    """
    near = nearest(found, known)
    return "" if near is None else f"; did you mean '{near}'?"
