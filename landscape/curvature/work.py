"""The parts of an analysis in their order, each of which adds its results to the record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.curvature.dense import DenseMatrix, dense_bytes, dense_matrix
from landscape.curvature.density import spectral_density
from landscape.curvature.eigen import Eigenpairs, dense_eigenpairs, eigenpairs
from landscape.curvature.expected import of_all, of_density, of_ends, of_trace
from landscape.curvature.journal import Journal
from landscape.curvature.operators import (
    SymmetricOperator,
    difference_operator,
    matrix_operator,
    preconditioned,
    submatrix,
)
from landscape.curvature.point import Point
from landscape.curvature.request import Request
from landscape.curvature.trace import Estimate, frobenius, hutch_plus_plus
from landscape.objective import complete
from landscape.objective.finite_difference import FiniteDifference
from landscape.objective.probes import unit_rows
from landscape.progress import Announce, Progress, counted, counting_toward, expected

Array = NDArray[np.float64]

COMPARED = 8


class Work:
    """One analysis: an operator for what was asked for, and results as fields of the record."""

    def __init__(
        self,
        point: Point,
        request: Request,
        announce: Announce,
        journal: Journal | None = None,
    ) -> None:
        self.point, self.request, self.announce, self.journal = point, request, announce, journal
        self.difference: FiniteDifference | None = None
        if request.method != "exact":
            self.difference = FiniteDifference(complete(point.objective), point.theta, seed=request.seed)
        if request.method == "finite-difference" and self.difference is not None:
            # What it may be off by is added to all results at their end.
            self.whole = self.conditioned(difference_operator(self.difference).without_spread())
        else:
            exact = matrix_operator(point.objective, point.theta, request.operator)
            self.whole = self.conditioned(exact if journal is None else journal.of(exact))
        self.operator = self.whole if request.node is None else submatrix(self.whole, self.chosen)
        self.dense: DenseMatrix | None = None
        self.sentences: list[str] = []

    def conditioned(self, operator: SymmetricOperator) -> SymmetricOperator:
        """Precondition a matrix as Adam does, if requested."""
        if not self.request.precondition or self.point.preconditioner is None:
            return operator
        return preconditioned(operator, self.point.preconditioner)

    @property
    def chosen(self) -> NDArray[np.int64]:
        """The indices of the parameters that are analysed."""
        if self.request.node is None:
            return np.arange(self.point.theta.size)
        return self.point.nodes[self.request.node]

    @property
    def doubt(self) -> float:
        """The error of the matrix itself: the spread of differences, 0 for exact products."""
        replaced = self.request.method == "finite-difference" and self.difference is not None
        return self.difference.seen.spread if replaced and self.difference is not None else 0.0

    @property
    def about(self) -> float:
        """About how many products the analysis takes."""
        request, size = self.request, self.operator.size
        found = 0.0
        if request.all:
            found += of_all(self.operator)
        elif request.eigenvalues:
            found += of_ends(self.operator, request.top, request.bottom)
        if request.trace and not request.all:
            found += of_trace(size)
        if request.density:
            found += of_density(size, request.accuracy)
        if request.by_node:
            parts = (submatrix(self.whole, indices) for indices in self.point.nodes.values())
            found += sum(of_ends(part, 1, 1) for part in parts)
        return max(1.0, found)

    def told(self, progress: Progress) -> dict[str, Any]:
        """Compute everything asked for, reporting how many of about how many products are done."""
        about, before = self.about, 0 if self.journal is None else self.journal.before
        progress(expected(before, about), counted(before, max(about, before), "products", about=True))
        with counting_toward(progress, about):
            found = self.results()
        progress(1.0, f"{self.whole.count:,} products")
        return found

    def results(self) -> dict[str, Any]:
        """Compute everything asked for; the fields of a record."""
        pairs = self.found_pairs()
        fields: dict[str, Any] = {
            "estimates": self.estimates(pairs),
            "density": self.density(),
            **self.nodes(),
            **self.fields_of(pairs),
        }
        if self.difference is not None:
            fields["kinks"] = (self.difference.seen.crossed, self.difference.seen.cured)
        return {**fields, "products": self.whole.count}

    def learned(self) -> dict[str, Any]:
        """Give the choices that were made during the work, for the record's settings."""
        if self.difference is None:
            return {}
        units = self.difference.kinks.units()
        whole = complete(self.point.objective)
        return {
            "finite_difference": {
                "order": self.difference.order,
                "step": self.difference.step,
                "units": units,
                **({} if whole.exact_gradient else {"gradient_error": whole.gradient_error}),
            }
        }

    def found_pairs(self) -> Eigenpairs | None:
        """Compute the eigenpairs, if any are asked for."""
        request, size = self.request, self.operator.size
        if request.all:
            self.announce(
                f"taking {dense_bytes(size) / 1e6:,.0f} MB for the dense Hessian of {size:,} parameters"
            )
            self.dense = dense_matrix(self.operator)
            return dense_eigenpairs(self.dense)
        if not request.eigenvalues:
            return None
        self.announce(
            f"finding the {request.top} largest and {request.bottom} smallest of {size:,} eigenvalues"
        )
        return eigenpairs(
            self.operator,
            top=request.top,
            bottom=request.bottom,
            tolerance=request.tolerance,
            seed=request.seed,
            max_products=request.max_products,
        )

    def fields_of(self, pairs: Eigenpairs | None) -> dict[str, Any]:
        """Lay eigenpairs out as the record has them: vectors over all of θ."""
        if pairs is None:
            pairs = Eigenpairs(np.zeros(0), self.operator_rows(0), np.zeros(0), np.zeros(0), 0.0, "none")
        vectors = pairs.vectors
        if self.request.node is not None:
            vectors = np.zeros((len(pairs.values), self.point.theta.size))
            vectors[:, self.chosen] = pairs.vectors
        return {
            "eigenvalues": pairs.values,
            "residuals": pairs.residuals,
            "errors": pairs.errors + self.doubt,
            "eigenvectors": vectors,
            "orthogonality": pairs.orthogonality,
            "status": " ".join([pairs.status, *self.sentences]).strip(),
        }

    def operator_rows(self, count: int) -> Array:
        """Give a few random unit vectors of the operator's size."""
        size = self.operator.size
        return (
            unit_rows(self.request.seed, streams.COMPARED[0], count, size) if count else np.zeros((0, size))
        )

    def estimates(self, pairs: Eigenpairs | None) -> dict[str, tuple[float, float]]:
        """Compute trace and Frobenius norm, and how far finite differences are from exact products."""
        found: dict[str, Estimate] = {}
        if self.request.trace and self.dense is not None:
            found["trace"] = Estimate(float(np.trace(self.dense.matrix)), 0.0)
            found["frobenius"] = Estimate(float(np.linalg.norm(self.dense.matrix)), 0.0)
        elif self.request.trace:
            self.announce("estimating trace and Frobenius norm")
            found["trace"] = hutch_plus_plus(self.operator, seed=self.request.seed)
            found["frobenius"] = frobenius(self.operator, seed=self.request.seed)
        # A matrix that is off by E moves its trace by n‖E‖ at most, its Frobenius norm by √n‖E‖.
        for name, times in (("trace", self.operator.size), ("frobenius", self.operator.size**0.5)):
            if name in found:
                found[name] = replace(found[name], error=found[name].error + times * self.doubt)
        if self.request.method == "both" and self.difference is not None:
            found["finite_difference"] = self.compared(pairs, self.difference)
        return {name: (estimate.value, estimate.error) for name, estimate in found.items()}

    def compared(self, pairs: Eigenpairs | None, difference: FiniteDifference) -> Estimate:
        """Give the largest ‖H_fd v − Hv‖ over eigenvectors (or random vectors), and the spread, over ‖H‖."""
        self.announce("comparing with finite differences of gradients")
        rows = pairs.vectors if pairs is not None and len(pairs.values) else self.operator_rows(COMPARED)
        other = self.conditioned(difference_operator(difference))
        part = other if self.request.node is None else submatrix(other, self.chosen)
        exact = self.operator.rows(rows) if self.dense is None else rows @ self.dense.matrix
        apart = float(np.linalg.norm(part.rows(rows) - exact, axis=1).max())
        scale = float(np.linalg.norm(exact, axis=1).max()) or 1.0
        return Estimate(apart / scale, difference.seen.spread / scale)

    def density(self) -> dict[str, Array]:
        """Compute the spectral density, if asked for."""
        if not self.request.density:
            return {}
        self.announce("estimating the spectral density")
        found = spectral_density(self.operator, accuracy=self.request.accuracy, seed=self.request.seed)
        return {
            "grid": found.grid,
            "value": found.value,
            "error": found.error,
            "nodes": found.nodes,
            "weights": found.weights,
        }

    def nodes(self) -> dict[str, Any]:
        """Compute the extreme eigenvalues of each node's submatrix, if asked for."""
        if not self.request.by_node:
            return {}
        found = {name: self.node_pairs(name, indices) for name, indices in self.point.nodes.items()}
        self.sentences += [f"node {name}: {pairs.status}" for name, pairs in found.items() if pairs.status]
        return {
            "node_names": tuple(found),
            "node_eigenvalues": np.array([pairs.values[[0, -1]] for pairs in found.values()]),
            "node_errors": np.array([pairs.errors[[0, -1]] + self.doubt for pairs in found.values()]),
        }

    def node_pairs(self, name: str, indices: NDArray[np.int64]) -> Eigenpairs:
        """Give the smallest and the largest eigenpair of a node's submatrix."""
        self.announce(f"finding the extreme eigenvalues of node {name}")
        request, part = self.request, submatrix(self.whole, indices)
        return eigenpairs(
            part,
            top=1,
            bottom=1 if part.size > 1 else 0,
            tolerance=request.tolerance,
            seed=request.seed,
            max_products=request.max_products,
        )
