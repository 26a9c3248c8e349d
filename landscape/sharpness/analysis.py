"""`measure_sharpness`: compute the requested measures, and make the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from landscape.errors import ComputationError, InputError, did_you_mean
from landscape.model import Model
from landscape.objective import HasValue, NetworkObjective, complete
from landscape.objective.about import about
from landscape.objective.session import session
from landscape.progress import Announce, Progress, among, counted, counting, expected, nobody, part, silent
from landscape.records import Pieces, Sharpness
from landscape.records.keeping import Fields, Key, Wanted, produce
from landscape.records.record import Arrays
from landscape.sharpness.options import Options
from landscape.sharpness.rescaling import LEVELS, rescaled
from landscape.sharpness.subject import Subject, function_subject, model_subject
from landscape.sharpness.table import MEASURES
from landscape.sharpness.width import filter_directions

Numbers = dict[str, tuple[float, float]]
CURVE_POINTS = 61
# About how many products a measure takes that is one of the Hessian.
PRODUCTS = 200
# Depends on the scale of the layers and so must change where they are rescaled: the test's control.
CONTROL = "lambda_max"


@dataclass(frozen=True)
class Request:
    """The requested measures by name, and how they are computed."""

    names: tuple[str, ...]
    options: Options
    seed: int
    announce: Announce

    def measured(
        self, subject: Subject, pieces: Pieces, progress: Progress, group: str, of: str = ""
    ) -> Numbers:
        """Compute the measures of a subject, each a piece of the work that is named after the group."""
        found = {}
        # One thread for BLAS: the same bits whatever else runs.
        with session():
            for place, name in enumerate(self.names):
                mine = part(progress, place / len(self.names), (place + 1) / len(self.names))
                mine(0.0, "")
                with counting(partial(tell, mine)):
                    piece = pieces.once(f"{group}.{name}", partial(self.measure, name, subject, of))
                found[name] = (float(piece["value"]), float(piece["error"]))
        progress(1.0, "")
        return found

    def measure(self, name: str, subject: Subject, of: str) -> Arrays:
        """Compute one measure.

        Raises
        ------
        ComputationError
            It is not finite.
        """
        self.announce(f"measuring {name}{of}")
        estimate = MEASURES[name].compute(subject, self.options, self.seed)
        if not np.isfinite(estimate.value):
            raise ComputationError(f"{name} is {estimate.value} here: leave it out with --measure")
        return {"value": np.array(estimate.value), "error": np.array(estimate.error)}


def tell(progress: Progress, products: int) -> None:
    """Report the progress: how many of about how many products are done."""
    progress(expected(products, PRODUCTS), "")


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
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Sharpness:
    """Measure how sharp a minimum is, without weight decay, by measures from the literature.

    Parameters
    ----------
    subject
        A model, or any objective; missing gradients and products are replaced by finite differences.
    theta, shapes
        For an objective: the point [P], and the shapes of the tensors in θ; a `TorchObjective` has its own.
    measures
        Names of measures; by default all that can be computed.
    compare
        Another model, measured in the same way.
    rescaling_test
        Measure again after rescaling layers, and single neurons, in ways that leave the function unchanged.
    options
        Radii, deviations and numbers of samples.
    split, dtype, examples, seed, threads, device
        As in `NetworkObjective`.
    output, fresh
        The file to save to. A finished record of the same settings that is there is returned, unless `fresh`. Of an
        unfinished one the finished measures are used again.
    progress, announce
        Called with the share of the work that is done, and the same in words, such as "3 of 14 measures", and with
        messages.

    Raises
    ------
    InputError
        A measure or a test that is not possible for this subject; the message says what is.
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
    how = {
        "split": split, "dtype": dtype, "examples": examples, "seed": seed, "threads": threads, "device": device,
    }  # fmt: skip
    whole_subject = subject_of(subject, theta, shapes, how)
    options = options or Options()
    names = chosen_names(measures, whole_subject, control=rescaling_test)
    request = Request(names, options, seed, announce)
    moved = rescaled_models(subject, seed, threads) if rescaling_test else {}
    other = None
    if compare is not None:
        other = model_subject(compare, **how)
        chosen_names(names, other, where=f"in {compare.name}")
    settings = settings_of(whole_subject, request, compare, sorted(moved))
    models = {"curve": subject, "other_curve": compare}
    left = not_assessed(whole_subject) if measures is None else {}

    def work(pieces: Pieces) -> Fields:
        groups = 1 + len(moved) + (other is not None)
        whole, count = groups * len(names), 0
        there = len(pieces.pieces)
        pieces.progress(there / whole, counted(there, whole, "measures"))

        def measured(group: str, of: Subject, called: str = "") -> Numbers:
            nonlocal count
            mine = part(pieces.progress, count / groups, (count + 1) / groups)
            told = among(mine, count * len(names), len(names), whole, "measures")
            count += 1
            return request.measured(of, pieces, told, group, called)

        own = measured("own", whole_subject)
        beside = {
            level: measured(level, model_subject(model, **how), f", rescaled by {level}")
            for level, model in moved.items()
        }
        if other is not None and compare is not None:
            beside["other"] = measured("other", other, f" of {compare.name}")
        curves = {name: found for name, model in models.items() if (found := curve(model, how))}
        words = {"settings": settings | {"not_assessed": left}} if left else {}
        return {"measures": own, "beside": beside, "curves": curves, **words}

    key = Key(whole_subject.model, whole_subject.data, settings)
    path = None if output is None else Path(output)
    return produce(Wanted(Sharpness, key, path, fresh, progress, announce), work)


def subject_of(
    subject: Model | HasValue, theta: ArrayLike | None, shapes: Any, how: dict[str, Any]
) -> Subject:
    """Take a model at its own parameters, an objective at those given."""
    if isinstance(subject, Model):
        if theta is not None or shapes is not None:
            raise InputError("a model has its own parameters and shapes: use model.with_theta(theta)")
        return model_subject(subject, **how)
    told = about(subject)
    if told is not None:
        subject = told.at_split(how["split"])
        theta = told.theta if theta is None else theta
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


def not_assessed(subject: Subject) -> dict[str, str]:
    """List the measures that cannot be computed for the subject, and what they need."""
    return {
        name: f"needs the {measure.needs} of a model"
        for name, measure in MEASURES.items()
        if not measure.possible(subject)
    }


def rescaled_models(subject: Model | HasValue, seed: int, threads: int | None) -> dict[str, Model]:
    """Rescale a model by layer, and by neuron where layers allow it.

    Raises
    ------
    InputError
        Not a model, or nothing in it can be rescaled.
    """
    if not isinstance(subject, Model):
        raise InputError("the rescaling test needs a model: the layers of a function of θ are not known")
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
    """Give the settings that can change a number in the record."""
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
    """Evaluate training and test loss along the first of the width's directions, from −1 to 1; {} if there is none."""
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
