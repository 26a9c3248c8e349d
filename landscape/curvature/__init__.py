"""Second derivatives of an objective: products, matrices, eigenpairs, densities, traces, with errors.

Everything here works on a `SymmetricOperator`, a matrix known by its products with vectors: the exact
Hessian, its finite differences, a submatrix, a preconditioned Hessian. `analyze_hessian` puts the parts
together into a record.
"""

from landscape.curvature.analysis import analyze_hessian
from landscape.curvature.dense import DenseMatrix, dense_matrix, hessian_matrix
from landscape.curvature.density import SpectralDensity, spectral_density
from landscape.curvature.eigen import Eigenpairs, dense_eigenpairs, eigenpairs
from landscape.curvature.operators import (
    SymmetricOperator,
    adam_preconditioner,
    congruence,
    difference_operator,
    hessian_operator,
    matrix_operator,
    node_indices,
    preconditioned,
    submatrix,
)
from landscape.curvature.trace import (
    Estimate,
    frobenius,
    hessian_diagonal,
    hutch_plus_plus,
    hutchinson,
)
from landscape.curvature.trajectory import eigenpairs_along
from landscape.curvature.value_difference import hessian_from_values
from landscape.objective.finite_difference import FiniteDifference

__all__ = [
    "DenseMatrix",
    "Eigenpairs",
    "Estimate",
    "FiniteDifference",
    "SpectralDensity",
    "SymmetricOperator",
    "adam_preconditioner",
    "analyze_hessian",
    "congruence",
    "dense_eigenpairs",
    "dense_matrix",
    "difference_operator",
    "eigenpairs",
    "eigenpairs_along",
    "frobenius",
    "hessian_diagonal",
    "hessian_from_values",
    "hessian_matrix",
    "hessian_operator",
    "hutch_plus_plus",
    "hutchinson",
    "matrix_operator",
    "node_indices",
    "preconditioned",
    "spectral_density",
    "submatrix",
]
