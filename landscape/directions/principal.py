"""The principal directions of a run's checkpoints, relative to θ."""

from __future__ import annotations

import numpy as np

from landscape.directions.origin import Array, Origin
from landscape.errors import InputError
from landscape.objective.session import session

# Of the largest coordinate, what may be rounding.
ROUNDING = 1e-9


def principal_directions(origin: Origin, count: int) -> tuple[Array, Array]:
    """Find the leading right singular vectors of checkpoints − θ, and the share of the squares in each.

    The plane through θ along them is the closest one to the checkpoints (Li et al. 2018, section 7.2).
    They are orthogonal and equally long: so long that the largest coordinate of a checkpoint is ±1, and a
    span of 1 shows them all. The coordinates of the oldest checkpoint that is not at θ are positive.

    Returns
    -------
    directions
        [count, P].
    captured
        [count], shares of Σ ‖checkpoint − θ‖².

    Raises
    ------
    InputError
        No checkpoints, or too few that differ.
    """
    if origin.checkpoints is None:
        raise InputError(
            "direction 'principal' needs the run's checkpoints, and the file holds none "
            "(key 'checkpoints', [K, P]): use 'random' or 'gradient'"
        )
    if not np.all(np.isfinite(origin.checkpoints)):
        raise InputError(
            "direction 'principal' needs finite checkpoints, and some of the file's (key 'checkpoints') are not: "
            "use 'random' or 'gradient', or leave them out of the file"
        )
    differences = np.asarray(origin.checkpoints, dtype=np.float64) - origin.theta
    # BLAS has one thread in a session, so that the bits are the same however many the process may use.
    with session():
        left, singular, right = np.linalg.svd(differences, full_matrices=False)
    rank = int(
        np.count_nonzero(singular > singular[:1].sum() * max(differences.shape) * np.finfo(np.float64).eps)
    )
    if rank < count:
        raise InputError(
            f"the file's {len(differences)} checkpoints span only {rank} direction{'s' * (rank != 1)} "
            f"seen from θ, expected {count}: use fewer dimensions or 'random'"
        )
    coordinates = left[:, :count] * singular[:count]
    captured = (singular**2 / np.sum(singular**2))[:count]
    return right[:count] * (signs_of(coordinates) * np.max(np.abs(coordinates)))[:, None], captured


def signs_of(coordinates: Array) -> Array:
    """Give the sign of each column [K, d] at its first row that is more than rounding.

    >>> signs_of(np.array([[1e-17, 2.0], [-3.0, -5.0]])).tolist()
    [-1.0, 1.0]
    """
    # A checkpoint at θ itself has coordinates of rounding, whose signs may differ from run to run.
    first = np.argmax(np.abs(coordinates) > ROUNDING * np.max(np.abs(coordinates), axis=0), axis=0)
    return np.where(np.take_along_axis(coordinates, first[None], axis=0)[0] < 0, -1.0, 1.0)
