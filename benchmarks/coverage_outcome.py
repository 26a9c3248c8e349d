"""The outcome of importing a network, each in a process of its own, so that a crash or a hang affects no other."""

from __future__ import annotations

import multiprocessing
import os
import re
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

WIDTH = 300
# Largest relative errors of a value, a gradient and a product with the Hessian, all in float64, that count as equal.
TOLERANCES = (1e-9, 1e-8, 1e-6)
STATUSES = ("accepted", "wrong", "refused", "crashed", "too long", "not run")


@dataclass(frozen=True)
class Outcome:
    """One of STATUSES, and what is known besides: numbers of parameters, seconds of the import, a sentence, errors against PyTorch."""

    status: str
    said: str = ""
    parameters: int | None = None
    size: int | None = None
    seconds: float | None = None
    errors: tuple[float, float, float] | None = None
    trace: str = ""


def imported(call: Callable[[], Any]) -> tuple[Outcome, Any]:
    """Import a network; what is raised is a refusal where it is an `InputError`, and else a crash."""
    from landscape import InputError

    start = time.perf_counter()
    try:
        model = call()
    except InputError as error:
        said = (str(error).splitlines() or [""])[0]
        return Outcome("refused", said, seconds=time.perf_counter() - start), None
    except Exception as error:  # whatever it is, the importer should not have let it out
        said = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:WIDTH]
        return Outcome(
            "crashed", said, seconds=time.perf_counter() - start, trace=traceback.format_exc()
        ), None
    return Outcome("accepted", size=model.size, seconds=time.perf_counter() - start), model


def compared(
    outcome: Outcome,
    compare: Callable[[], tuple[tuple[float, float, float] | None, str]],
    another: bool = False,
) -> Outcome:
    """Add the errors against PyTorch, or the reason why there are none; `another` θ than the module's may be right in a file."""
    try:
        errors, said = compare()
    except Exception as error:
        text = f"accepted, then {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        return replace(outcome, status="crashed", said=text[:WIDTH], trace=traceback.format_exc())
    right = another
    if errors is not None:
        right = all(error <= most for error, most in zip(errors, TOLERANCES, strict=True))
    return replace(outcome, status="accepted" if right else "wrong", said=said, errors=errors)


def guarded(work: Callable[[], Outcome], limit: float) -> Outcome:
    """Do the work in a fork of this process, which is ended after some seconds."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(work, sender), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(limit):
            return Outcome("too long", f"more than {limit:g} s")
        return receiver.recv()
    except EOFError:
        process.join()
        return Outcome("crashed", f"the process ended with status {process.exitcode}")
    finally:
        process.kill()
        process.join()


def _run(work: Callable[[], Outcome], sender: Any) -> None:
    """Send the outcome of the work, and hide what libraries print."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        outcome = work()
    except Exception as error:  # the network itself could not be made
        said = f"not the importer: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        outcome = Outcome("not run", said[:WIDTH], trace=traceback.format_exc())
    sender.send(outcome)


def reason(said: str) -> str:
    """Reduce a refusal to the part that is the same for all networks refused for that reason."""
    unsupported = re.search(r"'[^']+' is not supported", said)
    if unsupported:
        return unsupported[0]
    # A layer is named by its kind, a call by its function.
    text = re.sub(r"^\S+ \((\w+)\)(?=:| cannot)", r"\1", said)
    text = re.sub(r"^(\w+?)(?:_\d+)? in [\w.]+:", r"\1:", text)
    text = re.sub(r".*(?=cannot be traced: )", "", text)
    text = re.sub(r"\[[^\]]*\]", "[…]", text.split(";")[0])
    return re.sub(r"(?<!\w)\d[\d.,e+-]*", "#", text)[:110]
