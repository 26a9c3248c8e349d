"""The kinds of directions, with a row of the table for each.

Axes that a source leaves over, where it leaves room, are filled with Gaussian ones by `make_directions`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landscape.directions.archive import load_directions
from landscape.directions.between import between_direction
from landscape.directions.gradient import gradient_direction
from landscape.directions.origin import Array, Origin
from landscape.directions.plane import plane_directions, plane_spans
from landscape.directions.principal import principal_directions
from landscape.errors import InputError, did_you_mean
from landscape.files import shown

DEFAULT_DIMENSIONS = 2
DEFAULT_SPAN = (-1.0, 1.0)
BETWEEN_SPAN = (0.0, 1.0)


@dataclass(frozen=True)
class Wanted:
    """What was asked for: how many (None if nothing was said), and the θ [P] to go to and its name, or two of them for a plane."""

    dimensions: int | None = None
    to: Array | None = None
    to_name: str = "the other model"
    third: Array | None = None
    third_name: str = "the third model"


@dataclass(frozen=True)
class Given:
    """What a source returns: vectors [k, P], a label for each, and their default normalization.

    `room` says that missing axes may be filled; `notes` are sentences for the user. `spans` has a range for each vector, where they differ.
    """

    vectors: Array
    labels: tuple[str, ...]
    span: tuple[float, float] = DEFAULT_SPAN
    normalize: str = "none"
    room: bool = False
    notes: tuple[str, ...] = ()
    spans: tuple[tuple[float, float], ...] = ()


def give_random(origin: Origin, wanted: Wanted) -> Given:
    """Give no vectors: every axis is filled with a random direction."""
    normalize = "none" if origin.tensors is None else "filter"
    return Given(np.empty((0, origin.size)), (), normalize=normalize, room=True)


def give_gradient(origin: Origin, wanted: Wanted) -> Given:
    """Give the gradient."""
    return Given(gradient_direction(origin), ("gradient",), room=True)


def give_principal(origin: Origin, wanted: Wanted) -> Given:
    """Give as many principal directions as are wanted."""
    count = wanted.dimensions or DEFAULT_DIMENSIONS
    vectors, captured = principal_directions(origin, count)
    labels = tuple(f"principal {index + 1} ({share:.1%})" for index, share in enumerate(captured))
    shares = " + ".join(f"{share:.1%}" for share in captured)
    total = f" = {np.sum(captured):.1%}" if count > 1 else ""
    return Given(vectors, labels, notes=(f"captured variance of the checkpoints around θ: {shares}{total}",))


def give_eigen(origin: Origin, wanted: Wanted) -> Given:
    """Give the Hessian's extreme eigenvectors: of the largest eigenvalue, then the smallest, then the second largest.

    Raises
    ------
    InputError
        The objective has no products, or fewer parameters.
    """
    if origin.eigenvectors is None:
        raise InputError(
            "direction 'eigen' needs an objective with Hessian-vector products, and this one has none: try 'random'"
        )
    count = wanted.dimensions or DEFAULT_DIMENSIONS
    if count > origin.size:
        raise InputError(
            f"{count} eigenvectors need as many parameters, found {origin.size}: use fewer dimensions"
        )
    vectors, values = origin.eigenvectors(count)
    labels = tuple(f"eigen {index + 1} (λ = {value:.4g})" for index, value in enumerate(values))
    return Given(vectors, labels)


def require_others(direction: object, to: Array | None, third: Array | None) -> None:
    """Refuse a direction that leads to other models, where these were not named.

    Raises
    ------
    InputError
        The message says how they are named.
    """
    if isinstance(direction, str) and direction == "between" and to is None:
        raise InputError("direction 'between' needs the model to go to: give --to OTHER.npz (in Python to=…)")
    if isinstance(direction, str) and direction == "plane" and (to is None or third is None):
        raise InputError(
            "direction 'plane' needs the two models that it goes through: give --to B.npz --to C.npz (in Python to=[B, C])"
        )


def give_between(origin: Origin, wanted: Wanted) -> Given:
    """Give the direction to the other model.

    Raises
    ------
    InputError
        No other model was named.
    """
    require_others("between", wanted.to, wanted.third)
    assert wanted.to is not None
    label = f"to {wanted.to_name}"
    return Given(between_direction(origin, wanted.to), (label,), span=BETWEEN_SPAN, room=True)


def give_plane(origin: Origin, wanted: Wanted) -> Given:
    """Give the directions of the plane through this model and two others.

    Raises
    ------
    InputError
        Two others were not named, or another number of dimensions.
    """
    require_others("plane", wanted.to, wanted.third)
    assert wanted.to is not None
    assert wanted.third is not None
    if wanted.dimensions not in (None, 2):
        raise InputError(f"direction 'plane' has 2 dimensions, found {wanted.dimensions}: leave them out")
    vectors, corner = plane_directions(origin, wanted.to, wanted.third)
    labels = (f"to {wanted.to_name}", f"the perpendicular, toward {wanted.third_name}")
    return Given(vectors, labels, spans=plane_spans(corner))


def give_rows(rows: Array, wanted: Wanted, name: str) -> Given:
    """Take the leading rows of a file or an array.

    Raises
    ------
    InputError
        It has fewer than wanted.
    """
    count = len(rows) if wanted.dimensions is None else wanted.dimensions
    if len(rows) < count:
        raise InputError(f"{name} holds {len(rows)} direction{'s' * (len(rows) != 1)}, expected {count}")
    labels = tuple(f"direction {index + 1} of {name}" for index in range(count))
    notes = () if len(rows) == count else (f"using the first {count} of {len(rows)} directions of {name}",)
    return Given(rows[:count], labels, notes=notes)


def check_rows(rows: NDArray[np.floating], size: int) -> Array:
    """Check directions handed over as an array, [d, P] or [P].

    Raises
    ------
    InputError
        Another shape, or numbers that are no direction.
    """
    directions = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    if directions.ndim != 2 or directions.shape[1] != size or len(directions) == 0:
        raise InputError(
            f"directions have shape {list(np.shape(rows))}, expected [d, {size}]: "
            "one row a direction, as long as θ"
        )
    if not np.all(np.isfinite(directions)):
        raise InputError("directions hold NaN or infinity, expected finite numbers")
    if not np.all(np.any(directions, axis=1)):
        raise InputError("directions have a row of zeros, expected a direction in each")
    return directions


def ask_source(origin: Origin, direction: str | Path | NDArray[np.floating], wanted: Wanted) -> Given:
    """Find the source of a choice, and return its directions.

    Raises
    ------
    InputError
        There is no such source, or it cannot give what is wanted.
    """
    if wanted.to is not None and str(direction) not in ("between", "plane"):
        raise InputError("a model to go to was given, which goes with direction 'between' or 'plane' only")
    if wanted.third is not None and str(direction) != "plane":
        raise InputError("two models to go to were given, which go with direction 'plane' only")
    rows = rows_of(direction, origin.size)
    if rows is None:
        return SOURCES[str(direction)](origin, wanted)
    return give_rows(rows, wanted, "the array" if isinstance(direction, np.ndarray) else Path(direction).name)


def rows_of(direction: str | Path | NDArray[np.floating], size: int) -> Array | None:
    """Read directions [d, P] that are an array or stand in a file; None if the choice is the name of a source.

    Raises
    ------
    InputError
        There is no such source and no such file, or its arrays are no directions of this many parameters.
    """
    if isinstance(direction, np.ndarray):
        return check_rows(direction, size)
    if str(direction) in SOURCES:
        return None
    path = Path(direction)
    if path.suffix == ".npz" or _is_file(path):
        try:
            return check_rows(load_directions(path), size)
        except InputError as error:
            raise InputError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    raise InputError(
        f"unknown direction {shown(str(direction))}: choose {', '.join(SOURCES)}, "
        f"or a .npz file with 'directions' [d, P]{did_you_mean(direction, SOURCES)}"
    )


def _is_file(path: Path) -> bool:
    """Whether there is a file of that name; a name that no file can have is none."""
    try:
        return path.is_file()
    except OSError:
        return False


SOURCES: dict[str, Callable[[Origin, Wanted], Given]] = {
    "random": give_random,
    "gradient": give_gradient,
    "principal": give_principal,
    "eigen": give_eigen,
    "between": give_between,
    "plane": give_plane,
}
