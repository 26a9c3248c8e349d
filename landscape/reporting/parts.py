"""The parts of a report, each with the function that computes it and the equivalent command.

The options of a part are the function's keywords, and its command line is written of them, so that what is printed is what was done.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from landscape.critical import analyze_critical
from landscape.curvature import analyze_hessian
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import HasValue
from landscape.records import Diagnosis, Record, Trajectory
from landscape.reporting.rows import (
    Rows,
    critical_rows,
    hessian_rows,
    scan_rows,
    sharpness_rows,
    trajectory_rows,
)
from landscape.reporting.subject import Subject
from landscape.scanning import scan
from landscape.sharpness import measure_sharpness
from landscape.trajectories import trajectory

Options = dict[str, Any]

# Where a keyword's option is not its name with dashes; a False of these is a flag.
OPTION_OF = {"measures": "measure", "polishing": "no-polish"}
QUICK_MEASURES = ("lambda_max", "trace", "adaptive", "fisher_rao")
MEASURES = ("lambda_max", "trace", "sam", "adaptive", "adaptive_average", "relative_flatness", "weighted_lambda_max", "fisher_rao")  # fmt: skip
# Measures that need the examples of a model.
OF_MODELS = ("fisher_rao",)
# Parameters up to which all eigenvalues are taken, and up to which a point is polished.
DENSE, POLISHED = 500, 3000


def always_worth(diagnosis: Diagnosis) -> str:
    """Return no reason to leave the part out."""
    return ""


@dataclass(frozen=True)
class Part:
    """A measurement: its command, the title and first sentence of its section, its options, and how it is computed and described.

    `others` are options to try in turn where the first ones cannot be had of this model. `pointless` says in a clause why the part
    would mislead after this diagnosis, and is empty where it would not.
    """

    command: str
    title: str
    lead: str
    options: Callable[[bool, Subject], Options]
    compute: Callable[..., Record]
    rows: Callable[[Any], Rows]
    others: tuple[Options, ...] = ()
    pointless: Callable[[Diagnosis], str] = always_worth


def command_line(command: str, model: str, options: Options) -> str:
    """Write the command that has these options.

    >>> command_line("scan", "my model.npz", {"points": 31, "density": True, "polishing": False})
    "landscape scan 'my model.npz' --points 31 --density --no-polish"
    """
    words = ["landscape", command, shlex.quote(model)]
    for name, value in options.items():
        flag = "--" + OPTION_OF.get(name, name).replace("_", "-")
        values = value if isinstance(value, tuple) else (value,)
        for one in values:
            words += [flag] if isinstance(one, bool) else [flag, shlex.quote(str(one))]
    return " ".join(words)


def hessian_options(quick: bool, model: Subject) -> Options:
    """Take all eigenvalues of a small network."""
    if model.size <= DENSE:
        return {"all": True}
    return {"top": 3, "bottom": 2} if quick else {"top": 10, "bottom": 5}


def critical_options(quick: bool, model: Subject) -> Options:
    """Polish only if the whole Hessian can be computed, so that it takes minutes at most."""
    return {"polishing": False} if quick or model.size > POLISHED else {}


def small_loss(diagnosis: Diagnosis) -> str:
    """Say that the training loss is small by the diagnosis's own threshold: then the kind of point explains nothing.

    It is small where the diagnosis takes it for so: below a part of the best constant predictor's, or of the range from there to the
    best that was seen.
    """
    found, limit = diagnosis.report.get("evidence") or {}, diagnosis.settings["thresholds"]["large"]
    loss, constant, part = (found.get(name) for name in ("train_loss", "constant_loss", "part_of_range"))
    if loss is None or not constant:
        return ""
    part = loss / constant if part is None else min(part, loss / constant)
    if part > limit:
        return ""
    return (
        f"the training loss {loss:.4g} is small ({part:.2g} of its range, large above {limit:g}), and the kind of critical point "
        "matters where a large loss does not fall"
    )


def sharpness_options(quick: bool, subject: Subject) -> Options:
    """Choose the measures that need no random direction, and for an objective none that needs a model's examples."""
    measures = QUICK_MEASURES if quick else MEASURES
    return {"measures": measures if subject.is_model else tuple(m for m in measures if m not in OF_MODELS)}


def tracked(model: Model | HasValue, *, checkpoints: Any = None, **options: Any) -> Trajectory:
    """Draw the checkpoints, if there are any; those of an objective's run are given.

    Raises
    ------
    InputError
        There are less than three.
    """
    if not isinstance(model, Model):
        if checkpoints is None:
            raise InputError("no checkpoints of the run were given")
        return trajectory(model, checkpoints=checkpoints, **options)
    if model.checkpoints is None or len(model.checkpoints) < 3:
        raise InputError("the file has no checkpoints of its run")
    return trajectory(model, **options)


PARTS: dict[str, Part] = {
    "scan": Part(
        "scan", "The loss around the network", "Every point of the plane is a network nearby, with its loss.",
        lambda quick, model: {"points": 15 if quick else 31, "span": "auto"}, scan, scan_rows,
        ({"direction": "eigen", "span": 1},),
    ),
    "critical": Part(
        "critical", "Minimum, saddle, or neither", "Whether the network is at a minimum, a saddle or at no critical point, with the evidence.",
        critical_options, analyze_critical, critical_rows, pointless=small_loss,
    ),
    "hessian": Part(
        "hessian", "Curvature", "The eigenvalues of the loss's second derivatives, each with its error.",
        hessian_options, analyze_hessian, hessian_rows,
    ),
    "sharpness": Part(
        "sharpness", "Sharpness", "How fast the loss rises around the network, by several measures.",
        sharpness_options, measure_sharpness, sharpness_rows,
    ),
    "trajectory": Part(
        "trajectory", "The path of the training", "The checkpoints of the run over the loss, on the plane in which the run moved most.",
        lambda quick, model: {"points": 15 if quick else 31}, tracked, trajectory_rows,
    ),
}  # fmt: skip
"""By name, in the order of the page."""
