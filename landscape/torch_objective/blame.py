"""Errors of a user's module and loss as one line each: what PyTorch says, where in the user's program, and what to try."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from landscape.errors import ComputationError, InputError
from landscape.objective.blame import first_line, place_of

# What PyTorch says where checkpointing of its first kind meets the gradient of chosen tensors, or an input that needs no gradient.
REENTRANT = ("use_reentrant", "Checkpointing is not compatible", "None of the inputs have requires_grad")
# By words of PyTorch's messages what to try.
HINTS = (
    (REENTRANT, "call torch.utils.checkpoint.checkpoint with use_reentrant=False"),
    (("inplace operation", "in-place operation"), "let the operation in place make a new tensor, as x = x + 1 does for x += 1"),
)  # fmt: skip
MEMORY = ("out of memory", "can't allocate memory")


class DerivativeError(InputError):
    """PyTorch cannot differentiate a module or a loss."""


def differentiated(by: str) -> AbstractContextManager[None]:
    """Turn an error of PyTorch's, or of the user's own backward pass, while a loss is differentiated into one line.

    Parameters
    ----------
    by
        The name of the argument that makes the loss.

    Raises
    ------
    DerivativeError
        There was one; the message says what PyTorch found, where in the user's program if that is known, and what to try.
    ComputationError
        There was too little memory.
    """
    return in_one_line(
        f"expected a module and a {by} that PyTorch can differentiate, found",
        "analyses that need values only, such as a scan, can still be made",
        DerivativeError,
    )


def evaluated(by: str) -> AbstractContextManager[None]:
    """Turn an error of the user's own code, while a batch is evaluated, into one line.

    Raises
    ------
    InputError
        There was one; the message says where in the user's program.
    ComputationError
        There was too little memory.
    """
    return in_one_line(f"the module or {by} fails on a batch:")


@contextmanager
def in_one_line(beginning: str, hint: str = "", kind: type[InputError] = InputError) -> Iterator[None]:
    """Raise an error of a kind in place of any other: a beginning, the error and its place, and what to try, `hint` where the error is not known."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # of whatever the user's module and functions do
        require_memory(error)
        advice = hint_of(error) or hint
        raise kind(f"{beginning} {told(error)}{advice and f': {advice}'}") from error


def require_memory(error: BaseException) -> None:
    """Say that memory was short, if that is what an error says.

    Raises
    ------
    ComputationError
        It was.
    """
    if isinstance(error, MemoryError) or any(words in str(error) for words in MEMORY):
        raise ComputationError(
            f"a batch takes more memory than there is: {told(error)}: give a smaller batch_size, or a loader of smaller batches"
        ) from error


def told(error: BaseException) -> str:
    """Say what an error is, and where in the user's program it was raised."""
    where = place_of(error)
    return f"{type(error).__name__}: {first_line(error)}{where and f' ({where})'}"


def hint_of(error: Any) -> str | None:
    """Say what to try against an error that is known; None for any other."""
    return next((hint for words, hint in HINTS if any(word in str(error) for word in words)), None)
