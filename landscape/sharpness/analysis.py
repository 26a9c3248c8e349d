"""Sharpness from what is asked of it to a record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from landscape.errors import ComputationError, InputError, did_you_mean
from landscape.model import Model
from landscape.objective import HasValue, NetworkObjective, complete
from landscape.objective.session import session
from landscape.records import Sharpness
from landscape.records.earlier import earlier_record
from landscape.records.record import Arrays
from landscape.sharpness.options import Options
from landscape.sharpness.rescaling import LEVELS, rescaled
from landscape.sharpness.subject import Subject, function_subject, model_subject
from landscape.sharpness.table import MEASURES
from landscape.sharpness.width import filter_directions
from landscape.version import current_version

Numbers = dict[str, tuple[float, float]]
Announce = Callable[[str], None]

CURVE_POINTS = 61
# Depends on the scale of the layers and so must change where they are rescaled: the test's control.
CONTROL = "lambda_max"


@dataclass(frozen=True)
class Request:
    """What is asked for: measures by name, and how they are computed."""

    names: tuple[str, ...]
    options: Options
    seed: int
    announce: Announce

    def measured(self, subject: Subject, of: str = "") -> Numbers:
        """Compute the measures of a subject."""
        found = {}
        # One thread for BLAS: the same bits whatever else runs.
        with session():
            for name in self.names:
                self.announce(f"measuring {name}{of}")
                estimate = MEASURES[name].compute(subject, self.options, self.seed)
                if not np.isfinite(estimate.value):
                    raise ComputationError(f"{name} is {estimate.value} here: leave it out with --measure")
                found[name] = (estimate.value, estimate.error)
        return found


def measure_sharpness(
    subject: Model | HasValue,
    theta: ArrayLike | None = None,
    *,
    shapes: Sequence[Sequence[int]] | None = None,
    measures: Sequence[str] | None = None,
    compare: Model | None = None,
    rescaling_test: bool = False,
    options: Options | None = None,
    split: str = "train",
    dtype: str = "float64",
    examples: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: str = "auto",
    output: str | Path | None = None,
    fresh: bool = False,
    announce: Announce | None = None,
) -> Sharpness:
    """Measure how sharp a minimum is, without weight decay, in every way there is a name for.

    Parameters
    ----------
    subject
        A model, or any objective; gradients and products that it lacks are taken as differences.
    theta, shapes
        For an objective: the point [P], and the shapes of the tensors that it is made of.
    measures
        Names; by default all that can be measured.
    compare
        Another model, measured in the same way.
    rescaling_test
        Measure again where layers, and single neurons, are rescaled so that the function is the same.
    options
        Radii, deviations and numbers of samples.
    split, dtype, examples, seed, threads, device
        As `NetworkObjective` takes them.
    output, fresh
        Where to save; a record of the same settings that is there is returned unless `fresh`.
    announce
        Called with sentences on what is done.

    Raises
    ------
    InputError
        A measure or a test that is not to be had of this subject; the message says what is.
    ComputationError
        A measure that is not finite, or a search that does not converge.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> bowl = CallableObjective(lambda x: float(x @ x), lambda x: 2 * x, lambda x, v: 2 * v, size=2)
    >>> found = measure_sharpness(bowl, [0.0, 0.0], measures=["lambda_max", "sam_maximized"])
    >>> {name: round(value, 9) for name, (value, error) in found.measures.items()}
    {'lambda_max': 2.0, 'sam_maximized': 0.0025}
    """
    begun = time.perf_counter()
    how = {
        "split": split, "dtype": dtype, "examples": examples, "seed": seed, "threads": threads, "device": device,
    }  # fmt: skip
    whole = subject_of(subject, theta, shapes, how)
    options = options or Options()
    names = chosen_names(measures, whole, control=rescaling_test)
    request = Request(names, options, seed, announce or (lambda sentence: None))
    moved = rescaled_models(subject, seed, threads) if rescaling_test else {}
    other = None
    if compare is not None:
        other = model_subject(compare, **how)
        chosen_names(names, other, where=f"in {compare.name}")
    settings = settings_of(whole, request, compare, sorted(moved))
    path = None if output is None else Path(output)
    earlier = earlier_record(
        Sharpness, path, model=whole.model, data=whole.data, settings=settings, fresh=fresh
    )
    if earlier is not None:
        return earlier
    own = request.measured(whole)
    beside = {
        level: request.measured(model_subject(model, **how), f", rescaled by {level}")
        for level, model in moved.items()
    }
    models = {"curve": subject, "other_curve": compare}
    if other is not None and compare is not None:
        beside["other"] = request.measured(other, f" of {compare.name}")
    record = Sharpness(
        measures=own, beside=beside,
        curves={name: found for name, model in models.items() if (found := curve(model, how))},
        model=whole.model, data=whole.data, settings=settings, version=current_version(),
        seconds=time.perf_counter() - begun,
    )  # fmt: skip
    if path is not None:
        record.save(path)
    return record


def subject_of(
    subject: Model | HasValue, theta: ArrayLike | None, shapes: Any, how: dict[str, Any]
) -> Subject:
    """Take a model at its own parameters, an objective at those given."""
    if isinstance(subject, Model):
        if theta is not None or shapes is not None:
            raise InputError("a model has its own parameters and shapes: use model.with_theta(theta)")
        return model_subject(subject, **how)
    subject = complete(subject)
    if theta is None:
        raise InputError("expected theta, the point at which the objective is measured")
    return function_subject(subject, theta, shapes)


def chosen_names(
    measures: Sequence[str] | None, subject: Subject, *, control: bool = False, where: str = "here"
) -> tuple[str, ...]:
    """Say which measures are computed, in the table's order.

    Raises
    ------
    InputError
        A name that is not there, or a measure that the subject does not allow.
    """
    possible = [name for name, measure in MEASURES.items() if measure.possible(subject)]
    wanted = set(measures if measures else possible)
    for name in wanted:
        if name not in MEASURES:
            raise InputError(
                f"unknown measure '{name}': choose {', '.join(MEASURES)}{did_you_mean(name, MEASURES)}"
            )
        if name not in possible:
            needs = MEASURES[name].needs
            given = ", or pass shapes=[…]" if subject.tensors is None and needs != "examples" else ""
            raise InputError(
                f"{name} needs the {needs} of a model, and there are none {where}: leave it out with --measure{given}"
            )
    if control:
        wanted.add(CONTROL)
    return tuple(name for name in MEASURES if name in wanted)


def rescaled_models(subject: Model | HasValue, seed: int, threads: int | None) -> dict[str, Model]:
    """Rescale a model by layer, and by neuron where layers allow it.

    Raises
    ------
    InputError
        Not a model, or nothing in it can be rescaled.
    """
    if not isinstance(subject, Model):
        raise InputError("the rescaling test needs a model: of a function of θ no layers are known")
    bare = replace(subject, weight_decay=0.0)
    found = {"layer": rescaled(bare, "layer", seed, threads=threads)}
    try:
        found["neuron"] = rescaled(bare, "neuron", seed, threads=threads)
    except InputError:
        return found
    return found


def settings_of(
    subject: Subject, request: Request, compare: Model | None, levels: Sequence[str]
) -> dict[str, Any]:
    """Give all that can change a number."""
    return {
        **subject.settings,
        "names": list(request.names),
        "options": asdict(request.options),
        "seed": request.seed,
        "weight_decay": "left out",
        "rescaling": [level for level in LEVELS if level in levels],
        "compare": None if compare is None else compare.fingerprint(),
        "compare_name": None if compare is None else compare.name,
        "measures": {name: MEASURES[name].told(request.options) for name in request.names},
    }


def curve(model: Model | HasValue | None, how: dict[str, Any]) -> Arrays:
    """Evaluate training and test loss along the first of the width's directions, from −1 to 1; {} where there is none."""
    if not isinstance(model, Model):
        return {}
    subject = model_subject(model, **how)
    axis = np.linspace(-1, 1, CURVE_POINTS)
    if not subject.has_weights:
        return {}
    moves = axis[:, None] * filter_directions(subject, 1, how["seed"])
    losses = {}
    for split in ("train", "test"):
        if split in model.splits:
            options = {key: value for key, value in how.items() if key != "split"}
            objective = NetworkObjective(replace(model, weight_decay=0.0), split, **options)
            losses[f"{split}_loss"] = objective.values(model.theta + moves)
    return {"axis": axis, **losses}
