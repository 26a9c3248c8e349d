"""Make directions from a choice (`random`, `gradient`, …, a file)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landscape.directions.check import DirectionCheck, check_directions
from landscape.directions.normalize import normalized, require_normalization, row_norms, without_biases
from landscape.directions.origin import Array, Origin
from landscape.directions.random import gaussian, orthogonalize
from landscape.directions.sources import DEFAULT_DIMENSIONS, DEFAULT_SPAN, Given, Wanted, ask_source
from landscape.errors import InputError


@dataclass(frozen=True)
class Scaling:
    """How Gaussian directions are drawn, and how every direction is scaled."""

    normalize: str
    include_bias: bool
    orthogonal: bool
    seed: int


@dataclass(frozen=True)
class Directions:
    """Directions as used: `vectors` [d, P] after normalization, and what each is called.

    `spans` says how far each goes by default, `normalize` which normalization it was, `check` proves the
    outcome, `notes` are sentences for the user.
    """

    vectors: Array
    labels: tuple[str, ...]
    spans: tuple[tuple[float, float], ...]
    normalize: str
    check: DirectionCheck
    notes: tuple[str, ...] = ()


def make_directions(
    origin: Origin,
    direction: str | Path | NDArray[np.floating] = "random",
    *,
    dimensions: int | None = None,
    to: Array | None = None,
    to_name: str = "the other model",
    third: Array | None = None,
    third_name: str = "the third model",
    normalize: str | None = None,
    include_bias: bool = False,
    orthogonal: bool = True,
    seed: int = 0,
) -> Directions:
    """Make the directions of a scan.

    Parameters
    ----------
    origin
        The point from which the directions start.
    direction
        `random`, `gradient`, `principal`, `eigen`, `between`, `plane`, a `.npz` with `directions` [d, P], or such an array.
    dimensions
        Number of directions; by default 2, or as many as the file has.
    to, to_name, third, third_name
        The other θ [P] of `between`, and what it is called; the two others of `plane`.
    normalize
        `filter`, `layer` or `none`; by default `filter` for `random` (where θ has tensors), else `none`.
    include_bias
        Scale biases to their norm in place of setting them to zero.
    orthogonal
        Make Gaussian directions orthogonal before they are normalized.
    seed
        Of the Gaussian directions.

    Raises
    ------
    InputError
        A choice that is unknown, or impossible here; the message says what to try.

    Examples
    --------
    >>> directions = make_directions(Origin(np.zeros(4)), np.eye(4)[:1])
    >>> directions.vectors.tolist(), directions.normalize
    ([[1.0, 0.0, 0.0, 0.0]], 'none')
    """
    if dimensions is not None and dimensions < 1:
        raise InputError(f"cannot scan {dimensions} dimensions: expected 1, 2 or 3")
    given = ask_source(origin, direction, Wanted(dimensions, to, to_name, third, third_name))
    scaling = Scaling(normalize or given.normalize, include_bias, orthogonal, seed)
    require_normalization(scaling.normalize)
    count = dimensions or (DEFAULT_DIMENSIONS if given.room else len(given.vectors))
    whole = fill(given, count - len(given.vectors), origin, scaling)
    vectors = np.stack(
        [normalized(row, origin, scaling.normalize, include_bias=include_bias) for row in whole.vectors]
    )
    require_lengths(vectors, whole.labels, scaling.normalize)
    return Directions(
        vectors=vectors,
        labels=tuple(describe(label, scaling.normalize) for label in whole.labels),
        spans=(given.spans or (given.span,) * len(given.vectors))
        + (DEFAULT_SPAN,) * (count - len(given.vectors)),
        normalize=scaling.normalize,
        check=check_directions(vectors, origin),
        notes=whole.notes,
    )


def fill(given: Given, missing: int, origin: Origin, scaling: Scaling) -> Given:
    """Add Gaussian directions for the axes that the choice left open.

    Beside given ones that keep their length they are made as long as the first, so that a plane has one unit.
    """
    if missing == 0:
        return given
    drawn = gaussian(origin.size, missing, scaling.seed)
    if scaling.normalize != "none" and not scaling.include_bias:
        tensors = origin.require_tensors(f"normalize='{scaling.normalize}'")
        drawn = np.stack([without_biases(direction, tensors) for direction in drawn])
    if scaling.orthogonal:
        drawn = orthogonalize(drawn, against=given.vectors)
    if len(given.vectors) and scaling.normalize == "none":
        drawn = drawn * (row_norms(given.vectors[:1]) / row_norms(drawn))[:, None]
    labels = tuple(f"random {index + 1} (seed {scaling.seed})" for index in range(missing))
    return replace(
        given,
        vectors=np.concatenate([given.vectors, drawn]),
        labels=given.labels + labels,
        notes=given.notes + filling_notes(given, missing, scaling),
    )


def filling_notes(given: Given, missing: int, scaling: Scaling) -> tuple[str, ...]:
    """Say which axes were filled with random directions, if the choice was another one."""
    if not given.labels:
        return ()
    axes = "the other axis is random" if missing == 1 else f"the other {missing} axes are random"
    orthogonal = f", orthogonal to '{given.labels[0]}'" if scaling.orthogonal else ""
    length = ", as long as it" if scaling.normalize == "none" else ""
    return (f"{axes}{orthogonal}{length} (seed {scaling.seed})",)


def require_lengths(vectors: Array, labels: tuple[str, ...], normalize: str) -> None:
    """Refuse a direction that normalization made zero.

    Raises
    ------
    InputError
        One is zero everywhere.
    """
    for vector, label in zip(vectors, labels, strict=True):
        if not np.any(vector):
            raise InputError(
                f"{normalize} normalization leaves nothing of '{label}': it moves biases only, or the "
                "weights that it is scaled to are zero: try --normalize none or --include-bias"
            )


def describe(label: str, normalize: str) -> str:
    """Name a direction with its normalization."""
    return label if normalize == "none" else f"{label}, {normalize}-normalized"
