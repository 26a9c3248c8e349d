"""The record of a Hessian: eigenpairs, trace, density, each with its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from landscape.records import checks
from landscape.records.checks import require
from landscape.records.record import Arrays, Record, or_null

# What an estimate is in the file: a value under its name, its error under `<name>_error`.
ESTIMATES = ("trace", "frobenius", "finite_difference")
DENSITY = ("grid", "value", "error", "nodes", "weights")
_AGAIN = "make the record again with `landscape hessian`"


@dataclass(frozen=True, kw_only=True, eq=False)
class Hessian(Record):
    """Second derivatives of a loss at one point.

    `eigenvalues` [k] are in ascending order. `residuals` are ‖Hv − λv‖, and `errors` also include the error of H
    itself. `eigenvectors` [k, P] are unit rows, zero outside of `settings["node"]` if one was chosen. `estimates` holds
    (value, error) of `trace` and `frobenius` (standard errors; 0 if exact) and of `finite_difference` (the largest
    ‖H_fd v − Hv‖ over ‖H‖, and the difference between orders). `density` has grid, value and error [g], nodes and
    weights [m, steps]. `node_eigenvalues` [n, 2] are the smallest and the largest eigenvalue of each node's submatrix,
    with `node_errors`. `kinks` counts the finite differences that crossed a kink, and those that a smaller step
    repaired. `status` says what did not converge, and is empty if everything did. `partial` is the state of unfinished
    work, and empty if it is finished.

    Raises
    ------
    landscape.errors.InputError
        A shape or a kind of array that does not fit; the message says which.
    """

    kind: ClassVar[str] = "hessian"

    eigenvalues: np.ndarray
    residuals: np.ndarray
    errors: np.ndarray
    eigenvectors: np.ndarray
    products: int = 0
    orthogonality: float = 0.0
    estimates: dict[str, tuple[float, float]] = field(default_factory=dict)
    density: dict[str, np.ndarray] = field(default_factory=dict)
    node_names: tuple[str, ...] = ()
    node_eigenvalues: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    node_errors: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    kinks: tuple[int, int] = (0, 0)
    status: str = ""
    partial: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether everything that was requested has been computed."""
        return not self.partial

    def __post_init__(self) -> None:
        super().__post_init__()
        vectors = np.asarray(self.eigenvectors)
        require(vectors.ndim == 2, f"eigenvectors: expected the shape [k, P], found {list(vectors.shape)}")
        count = len(vectors)
        for name in ("eigenvalues", "residuals", "errors"):
            self._assign(name, checks.numbers(name, getattr(self, name), (count,)))
        ascends = bool(np.all(self.eigenvalues[1:] >= self.eigenvalues[:-1]))
        require(ascends, "eigenvalues: expected finite numbers in ascending order")
        self._assign("eigenvectors", checks.numbers("eigenvectors", vectors, vectors.shape))
        self._assign("node_names", tuple(str(name) for name in self.node_names))
        for name in ("node_eigenvalues", "node_errors"):
            shape = (len(self.node_names), 2)
            self._assign(name, checks.numbers(name.replace("_", ".", 1), getattr(self, name), shape))
        self._assign("density", _checked_density(self.density))
        known = {name: tuple(map(float, pair)) for name, pair in self.estimates.items() if name in ESTIMATES}
        require(len(known) == len(self.estimates), f"estimates: expected {', '.join(ESTIMATES)}")
        self._assign("estimates", known)

    def arrays(self) -> Arrays:
        """All arrays by their names in the file."""
        estimates = {
            f"{name}{suffix}": np.asarray(number)
            for name, pair in self.estimates.items()
            for suffix, number in zip(("", "_error"), pair, strict=True)
        }
        nodes: Arrays = {}
        if self.node_names:
            nodes = {
                "node.names": np.array(self.node_names),
                "node.eigenvalues": self.node_eigenvalues,
                "node.errors": self.node_errors,
            }
        return {
            "eigenvalues": self.eigenvalues,
            "residuals": self.residuals,
            "errors": self.errors,
            "eigenvectors": self.eigenvectors,
            "products": np.asarray(np.int64(self.products)),
            "orthogonality": np.asarray(np.float64(self.orthogonality)),
            "kinks": np.array(self.kinks, np.int64),
            "status": np.array(self.status),
            **estimates,
            **{f"density.{name}": array for name, array in self.density.items()},
            **nodes,
            **{f"partial.{name}": array for name, array in self.partial.items()},
        }

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into fields, ignoring unknown keys."""
        for name in ("eigenvalues", "residuals", "errors", "eigenvectors"):
            require(name in arrays, f"the array {name} is missing; {_AGAIN}")
        names = arrays.get("node.names", np.array([], dtype="U1"))
        require(names.dtype.kind == "U" and names.ndim == 1, "node.names: expected a list of names")
        status = arrays.get("status", np.array(""))
        require(status.dtype.kind == "U" and status.ndim == 0, "status: expected a text")
        empty = np.zeros((len(names), 2))
        return {
            **{name: arrays[name] for name in ("eigenvalues", "residuals", "errors", "eigenvectors")},
            "products": int(_number("products", arrays)),
            "orthogonality": _number("orthogonality", arrays),
            "estimates": {
                name: (_number(name, arrays), _number(f"{name}_error", arrays))
                for name in ESTIMATES
                if name in arrays
            },
            "density": {name: arrays[f"density.{name}"] for name in DENSITY if f"density.{name}" in arrays},
            "node_names": tuple(names.tolist()),
            "node_eigenvalues": arrays.get("node.eigenvalues", empty),
            "node_errors": arrays.get("node.errors", empty),
            "kinks": tuple(
                checks.numbers("kinks", arrays.get("kinks", np.zeros(2)), (2,)).astype(int).tolist()
            ),
            "status": str(status[()]),
            "partial": {
                name.removeprefix("partial."): array
                for name, array in arrays.items()
                if name.startswith("partial.")
            },
        }

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Summarize the Hessian as the JSON object that --json prints."""
        told = {
            name: {"value": or_null(value), "error": or_null(error)}
            for name, (value, error) in self.estimates.items()
        }
        return {
            "record": self.kind,
            "eigenvalues": _told(self.eigenvalues, self.errors),
            "trace": told.pop("trace", None),
            **told,
            "products": self.products,
            "orthogonality": or_null(self.orthogonality),
            "nodes": {
                name: _told(values, errors)
                for name, values, errors in zip(
                    self.node_names, self.node_eigenvalues, self.node_errors, strict=True
                )
            },
            "kinks": {"crossed": self.kinks[0], "cured": self.kinks[1]},
            "converged": not self.status,
            "status": self.status,
            "seconds": self.seconds,
            "files": [str(file) for file in files],
        }


def _told(values: np.ndarray, errors: np.ndarray) -> list[dict[str, float | None]]:
    return [
        {"value": or_null(value), "error": or_null(error)}
        for value, error in zip(values, errors, strict=True)
    ]


def _number(name: str, arrays: Arrays) -> float:
    require(name in arrays, f"the array {name} is missing; {_AGAIN}")
    return float(checks.numbers(name, arrays[name], ()))


def _checked_density(density: Arrays) -> Arrays:
    if not density:
        return {}
    missing = [name for name in DENSITY if name not in density]
    require(not missing, f"the array density.{next(iter(missing), '')} is missing; {_AGAIN}")
    grid = checks.axis("density.grid", density["grid"])
    curves = {
        name: checks.numbers(f"density.{name}", density[name], grid.shape) for name in ("value", "error")
    }
    nodes = np.asarray(density["nodes"])
    require(nodes.ndim == 2, f"density.nodes: expected the shape [m, steps], found {list(nodes.shape)}")
    both = {
        name: checks.numbers(f"density.{name}", density[name], nodes.shape) for name in ("nodes", "weights")
    }
    return {"grid": grid, **curves, **both}
