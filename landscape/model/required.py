"""Raise an error if something that needs a model is given something else."""

from __future__ import annotations

from typing import Any

from landscape.errors import InputError
from landscape.model.model import Model

# Of the public functions, those that take a function of θ as well.
OF_OBJECTIVES = "scan, analyze_hessian, analyze_critical, search_critical, trajectory, measure_sharpness, diagnose, make_report"


def require_model(given: Any, name: str) -> None:
    """Refuse what is no model.

    Raises
    ------
    InputError
        The message says what is expected, and which functions take an objective.
    """
    if isinstance(given, Model):
        return
    found = type(given).__name__
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        raise InputError(f"{name} needs a model, found the name of a file: try {name}(load_model(path), …)")
    raise InputError(
        f"{name} needs a model, with its network and its data, as load_model(path) and build_model(…) make it; found {found}. "
        f"An objective is taken by {OF_OBJECTIVES}"
    )
