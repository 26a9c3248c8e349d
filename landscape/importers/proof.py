"""Check that a model is the same function of θ as the imported network, by comparing them at several θ.

Equal outputs at one θ do not show that: a tie may be cut, a part of a weight frozen, or a head of zeros may hide what comes before it. So the
original is moved to random parameters, the model to the same ones by the names of its parameters, and both are compared there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.importers.data import original_input
from landscape.importers.network import Origin
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.ops.operation import batched

# Enough to meet every unit; more would take long for a large data set and prove nothing more.
COMPARED = 1000
# At other parameters a few examples do, since each of them meets all parameters.
COMPARED_MOVED = 20
COMPARED_GRADIENTS = 8

Outputs = Callable[[np.ndarray], np.ndarray]
# By the original's name of each array that it trains; None for one that the loss does not depend on.
Gradients = Mapping[str, "np.ndarray | None"]


class Moved(NamedTuple):
    """The original at other parameters: its arrays by name, its outputs [N, …], and its loss's gradient if available."""

    arrays: Mapping[str, np.ndarray]
    outputs: Outputs
    gradients: Callable[[np.ndarray, np.ndarray], Gradients] | None = None


@dataclass(frozen=True)
class Original:
    """The network that was imported, as a function of examples [N, …], and the tolerance of comparisons with it.

    `tail` is what it applies to our outputs before it gives its own. `move` moves it to other parameters: freshly drawn ones, or near those that
    it has. `origins` say where each of the model's arrays comes from, by its key. `hint` says what may be the reason if outputs differ.
    """

    name: str
    outputs: Outputs
    tolerance: float
    tail: Callable[[np.ndarray], np.ndarray] | None = None
    move: Callable[[str], Moved] | None = None
    origins: Mapping[str, Origin] | None = None
    hint: str = ""
    moved_tolerance: float | None = None


class Compared(NamedTuple):
    """How well two gradients agree: the largest difference in parts of the largest element, and how many arrays have any."""

    difference: float
    reached: int
    all: int


def verified(model: Model, original: Original) -> Model:
    """The model with a sentence on how well it agrees with the original on the training data, at its θ and at another.

    Raises
    ------
    InputError
        Outputs or gradients differ by more than rounding explains, or have another shape.
    """
    part = _examples(model, COMPARED)
    ours, theirs = _both(model, original, part, original.outputs)
    sentence = _compared(model, ours, theirs, original)
    if original.move is not None:
        sentence += "; " + _compared_elsewhere(model, original)
    return replace(model, inferred=(*model.inferred, sentence))


def _examples(model: Model, count: int) -> dict[str, np.ndarray]:
    """So many training examples at most, spread over all."""
    rows = np.unique(np.linspace(0, model.examples("train") - 1, count).astype(np.int64))
    return {key: np.asarray(model.data[key][rows]) for key in ("x_train", "y_train")}


def _objective(model: Model, part: dict[str, np.ndarray]) -> NetworkObjective:
    try:
        return NetworkObjective(replace(model, data=part, weight_decay=0.0), dtype="float64")
    except InputError as error:
        raise InputError(f"cannot be verified, so is not imported: {error}") from None


def _both(
    model: Model, original: Original, part: dict[str, np.ndarray], outputs: Outputs
) -> tuple[np.ndarray, np.ndarray]:
    """Our outputs and the original's, in one shape."""
    ours = _objective(model, part).outputs(model.theta)
    theirs = np.asarray(outputs(_read(model, part)), np.float64)
    ours = ours if original.tail is None else original.tail(ours)
    # Places of all examples may come one after another, [N·T, C].
    if math.prod(theirs.shape) != math.prod(ours.shape) or len(theirs) % len(ours):
        raise InputError(
            f"{original.name} puts out {batched(theirs.shape[1:])}, "
            f"its translation {batched(ours.shape[1:])}; nothing is written"
        )
    return ours, theirs.reshape(ours.shape)


def _read(model: Model, part: dict[str, np.ndarray]) -> np.ndarray:
    return original_input(part["x_train"], any(node.operation.reads_ids for node in model.nodes))


def _compared(model: Model, ours: np.ndarray, theirs: np.ndarray, original: Original) -> str:
    """Compare outputs at the θ that was imported, and return the sentence about it."""
    place = f"{len(ours)} of {model.examples('train')} examples"
    finite = np.isfinite(theirs)
    if not (finite.all() and np.isfinite(ours).all()):
        return _compared_not_finite(ours, theirs, original, place)
    difference, scale = _difference(ours, theirs)
    if difference > original.tolerance * max(scale, 1e-2):
        example = int(np.argmax(np.abs(ours - theirs).reshape(len(ours), -1).max(1)))
        raise InputError(
            f"outputs differ from those of {original.name} by up to {difference:.2g} (outputs up to {scale:.2g}, at compared example {example}); "
            f"the translation would be of another network, so nothing is written{original.hint}"
        )
    return (
        f"outputs equal those of {original.name} on {place}: "
        f"largest difference {difference:.1e}, of outputs up to {scale:.3g}"
    )


def _compared_not_finite(ours: np.ndarray, theirs: np.ndarray, original: Original, place: str) -> str:
    """Compare where outputs are not finite, and those that are."""
    where = np.isfinite(theirs)
    if (where != np.isfinite(ours)).any():
        raise InputError(
            f"outputs are not finite at other places than those of {original.name}: {int((~np.isfinite(ours)).sum())} of "
            f"{ours.size} numbers against {int((~where).sum())}; nothing is written"
        )
    difference, scale = _difference(ours[where], theirs[where])
    if difference > original.tolerance * max(scale, 1e-2):
        raise InputError(
            f"outputs that are finite differ from those of {original.name} by up to {difference:.2g}; nothing is written{original.hint}"
        )
    rest = f", and the largest difference of the others is {difference:.1e}" if where.any() else ""
    return (
        f"outputs equal those of {original.name} on {place}: {int((~where).sum())} of {ours.size} numbers are NaN or infinite, "
        f"at the same places in both{rest}"
    )


def _difference(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """The largest difference, and the largest number of the original."""
    with np.errstate(over="ignore"):
        return float(np.abs(ours - theirs).max(initial=0.0)), float(np.abs(theirs).max(initial=0.0))


def _compared_elsewhere(model: Model, original: Original) -> str:
    """Compare at random parameters, and also near the given ones if the random ones do not test all arrays."""
    words, missed = _compared_at("fresh", model, original)
    if missed:
        more, still = _compared_at("near", model, original)
        words = words if still >= missed and words else more
        missed = min(missed, still)
    if not words:
        return "outputs are not finite at random parameters, so were compared at one θ only"
    silent = f" ({missed} of its arrays have no influence there)" if missed else ""
    return f"at a second, random θ {words}{silent}"


def _compared_at(kind: str, model: Model, original: Original) -> tuple[str, int]:
    """Move both to the same parameters and compare; return the result and the number of arrays that it does not test."""
    assert original.move is not None
    moved = original.move(kind)
    there = _placed(model, moved.arrays, original.origins or {})
    part = _examples(model, COMPARED_MOVED)
    ours, theirs = _both(there, original, part, moved.outputs)
    tolerance = original.moved_tolerance or original.tolerance
    if not (np.isfinite(theirs).all() and np.isfinite(ours).all()):
        return "", len(model.layout)
    difference, scale = _difference(ours, theirs)
    if difference > tolerance * max(scale, 1e-30):
        raise InputError(
            f"at a second, random θ outputs differ from those of {original.name} by up to {difference:.2g} (outputs up to {scale:.2g}): the translation "
            f"would be another function of θ, so nothing is written{original.hint}"
        )
    words = f"they differ by at most {difference:.1e}"
    if moved.gradients is None:
        return words, 0
    found = _compared_gradients(there, original, moved)
    if found is None:
        return f"{words} (there was no gradient to compare)", 0
    return (
        f"{words} and the gradient by {found.difference:.1e} of its largest element",
        found.all - found.reached,
    )


def _placed(model: Model, arrays: Mapping[str, np.ndarray], origins: Mapping[str, Origin]) -> Model:
    """Move a model to where the original is, by the names of its arrays."""

    def at(key: str, array: np.ndarray) -> np.ndarray:
        origin = origins.get(key)
        if origin is None or origin.name not in arrays:
            return array
        return np.asarray(origin.taken(arrays[origin.name]), np.float64).reshape(array.shape)

    return replace(
        model,
        parameters={key: at(key, array) for key, array in model.parameters.items()},
        buffers={key: at(key, array) for key, array in model.buffers.items()},
    )


def _compared_gradients(model: Model, original: Original, moved: Moved) -> Compared | None:
    """Compare gradients array by array of the original, or return None if there is none to compare with.

    Raises
    ------
    InputError
        An array whose gradient is another, or that has no place in θ.
    """
    assert moved.gradients is not None
    part = _examples(model, COMPARED_GRADIENTS)
    theirs = moved.gradients(_read(model, part), part["y_train"])
    there = {name: gradient for name, gradient in theirs.items() if gradient is not None}
    if not there or not all(np.isfinite(gradient).all() for gradient in there.values()):
        return None
    objective = _objective(model, part)
    try:
        flat = objective.gradient(model.theta)
    except InputError:  # more than memory holds, which values need not be
        return None
    ours, placed = gathered(model, flat, moved.arrays, original.origins or {})
    scale = max(float(np.abs(gradient).max()) for gradient in there.values())
    tolerance, worst = 100 * (original.moved_tolerance or original.tolerance), 0.0
    for name in placed.keys() | there.keys():
        mine = ours.get(name, np.zeros(1))
        other = theirs.get(name)
        other = np.zeros_like(mine) if other is None else np.asarray(other, np.float64).reshape(-1)
        largest = float(np.abs(other).max())
        if name not in theirs:
            continue
        difference = np.abs(mine - other)
        if difference.max() > tolerance * largest + 1e-3 * tolerance * max(scale, 1.0):
            raise _another_gradient(name, difference, largest, placed.get(name), original)
        worst = max(worst, float(difference.max()))
    reached = sum(float(np.abs(gradient).max()) > 1e-12 * scale for gradient in there.values())
    return Compared(worst / scale if scale else 0.0, reached, len(there))


def gathered(
    model: Model, flat: np.ndarray, arrays: Mapping[str, np.ndarray], origins: Mapping[str, Origin]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A vector like θ as flat arrays of the original, and how often each of their elements is in θ."""
    values: dict[str, np.ndarray] = {}
    counts: dict[str, np.ndarray] = {}
    for slot in model.layout:
        origin = origins.get(slot.name)
        if origin is None or origin.name not in arrays:
            continue
        size = arrays[origin.name].size
        value = values.setdefault(origin.name, np.zeros(size))
        count = counts.setdefault(origin.name, np.zeros(size, np.int8))
        where: Any = slice(None) if origin.elements is None else origin.elements.reshape(-1)
        value[where] += flat[slot.start : slot.stop]
        count[where] += 1
    return values, counts


def _another_gradient(
    name: str, difference: np.ndarray, largest: float, count: np.ndarray | None, original: Original
) -> InputError:
    """Say which array has a different gradient, and the likely cause."""
    if largest == 0.0:
        why = (
            f"{original.name} has no gradient with respect to {name}, on which its outputs depend (torch.no_grad or detach in its forward); "
            "freeze it first, with requires_grad_(False)"
        )
    elif count is None or (count[np.argmax(difference)] == 0):
        why = f"{name} moves the outputs of {original.name} and has no place in the translation"
    else:
        why = f"at a second, random θ the gradient with respect to {name} differs by up to {difference.max():.2g}, of elements up to {largest:.2g}"
    return InputError(
        f"{why}; the translation would be another function of θ, so nothing is written{original.hint}"
    )


def softmax(z: np.ndarray) -> np.ndarray:
    """Normalize exponentials over the last axis."""
    return np.exp(log_softmax(z))


def log_softmax(z: np.ndarray) -> np.ndarray:
    """Give the logarithm of softmax over the last axis."""
    shifted = z - z.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Give 1 / (1 + exp(−z)) without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


TAILS: dict[str, Any] = {"softmax": softmax, "log_softmax": log_softmax, "sigmoid": sigmoid}


def tail_along(name: str, first: bool) -> Callable[[np.ndarray], np.ndarray]:
    """Return the op that the loss contains, applied along the last axis of outputs or, if `first`, along the channel axis."""
    tail: Callable[[np.ndarray], np.ndarray] = TAILS[name]
    return tail if not first else lambda z: np.moveaxis(tail(np.moveaxis(z, 1, -1)), -1, 1)
