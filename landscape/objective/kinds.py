"""Distinguish the losses of networks, and test surfaces, from other functions of θ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.objective.between import BetweenObjective
from landscape.objective.network import NetworkObjective
from landscape.objective.protocol import HasValue
from landscape.objective.surfaces import SurfaceObjective


class Wrapper:
    """An objective that wraps another one, and is a network if that is one."""

    objective: HasValue


def as_network(objective: HasValue, theta: ArrayLike | None = None) -> NetworkObjective | None:
    """Return the network's loss that an objective is, with what only networks have (`NetworkLike`), or None.

    Parameters
    ----------
    objective
        Any.
    theta
        A point [P] at which derivatives are asked for. A loss whose frozen parameters follow θ is taken with those that it has there.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> as_network(CallableObjective(lambda theta: 0.0, size=1)) is None
    True
    """
    inner = objective.objective if isinstance(objective, Wrapper) else objective
    if isinstance(inner, BetweenObjective):
        return None if theta is None else inner.at(theta)
    return inner if isinstance(inner, NetworkObjective) else None


def parts_of(objective: HasValue) -> Mapping[str, Any] | None:
    """Return the parts that an objective was made of, by name, or None if it does not keep them.

    >>> from landscape.objective import SurfaceObjective
    >>> parts_of(SurfaceObjective("himmelblau")) is None
    True
    """
    given = getattr(objective, "given", None)
    return given if isinstance(given, Mapping) else None


def point_of(objective: HasValue) -> NDArray[np.float64] | None:
    """Return the parameters that an objective comes with, or None if it comes with none.

    >>> from landscape.objective import SurfaceObjective
    >>> point_of(SurfaceObjective("himmelblau")) is None
    True
    """
    theta = getattr(objective, "theta", None)
    return None if theta is None else np.asarray(theta, np.float64)


def is_objective(found: Any) -> bool:
    """Say whether something is an objective: it has a value and a size, and is no class.

    >>> from landscape.objective import CallableObjective
    >>> is_objective(CallableObjective(lambda theta: 0.0, size=1)), is_objective((1, 2))
    (True, False)
    """
    return not isinstance(found, type) and callable(getattr(found, "value", None)) and hasattr(found, "size")


def require_network(
    objective: HasValue, name: str, part: str, instead: str = "give a model"
) -> NetworkObjective:
    """Return the network's loss that an objective is, for what is made of a part of the network.

    Raises
    ------
    InputError
        It is another function of θ: the message says what needs which part, and what to do instead.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> require_network(CallableObjective(lambda theta: 0.0, size=1), "gauss-newton", "the outputs")
    Traceback (most recent call last):
    landscape.errors.InputError: gauss-newton needs the outputs of a network, and this is a function of θ: give a model
    """
    network = as_network(objective)
    if network is None:
        raise InputError(f"{name} needs {part} of a network, and this is a function of θ: {instead}")
    return network


def as_surface(objective: object) -> SurfaceObjective | None:
    """Return the test surface that an objective or a name is, or None.

    Raises
    ------
    InputError
        An unknown name.

    Examples
    --------
    >>> as_surface("toy").size, as_surface(len) is None
    (2, True)
    """
    if isinstance(objective, str):
        return SurfaceObjective(objective)
    inner = objective.objective if isinstance(objective, Wrapper) else objective
    return inner if isinstance(inner, SurfaceObjective) else None
