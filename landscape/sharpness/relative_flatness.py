"""Petzka's relative flatness: traces of blocks of the Hessian, weighted by inner products of neurons' weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.curvature import Estimate, SymmetricOperator
from landscape.curvature.trace import mean_of
from landscape.directions import Tensor
from landscape.errors import InputError
from landscape.objective.probes import sign_rows
from landscape.sharpness.options import Options
from landscape.sharpness.subject import Subject

Array = NDArray[np.float64]

# Products for a layer's part; with at least as many as its weights the sum is exact.
PRODUCTS = 400
BLOCK = 64


def relative_flatness(subject: Subject, options: Options, seed: int) -> Estimate:
    r"""Measure $\kappa$, summed over all layers of weights W [neurons, inputs] with rows $w_s$.

    $$\kappa = \sum_{s,s'} \langle w_s, w_{s'} \rangle \operatorname{tr} H_{s,s'}$$

    $H_{s,s'}$ is the Hessian's block of the weights into neurons s and s'. With random signs Z [inputs, inputs]
    its mean is that of vᵀHv for v = WZ.

    Raises
    ------
    InputError
        No layer of weights is known.

    References
    ----------
    Petzka et al., "Relative flatness and generalization" (arXiv 2001.00939), definition 3.
    """
    layers = [tensor for tensor in subject.tensors or () if tensor.has_filters]
    if not layers:
        raise InputError("relative_flatness needs the layers of weights that θ is made of: pass shapes=[…]")
    parts = [
        layer_part(subject.hessian, tensor, subject.theta, seed, number)
        for number, tensor in enumerate(layers)
    ]
    errors = np.array([part.error for part in parts])
    return Estimate(sum(part.value for part in parts), float(np.linalg.norm(errors)))


def layer_part(operator: SymmetricOperator, tensor: Tensor, theta: Array, seed: int, number: int) -> Estimate:
    """Give one layer's sum: exactly over the columns of W's square root, or from random signs."""
    weights = tensor.rows(theta)
    inputs = weights.shape[1]
    if weights.size <= PRODUCTS:
        values, columns = np.linalg.eigh(weights @ weights.T)
        root = columns * np.sqrt(np.maximum(values, 0))
        rows = np.einsum("sr,ij->risj", root, np.eye(inputs)).reshape(-1, weights.size)
        found = float(forms(operator, tensor, rows).sum())
        return Estimate(found, operator.spread * float(np.sum(rows**2)))
    parts, squares = [], 0.0
    for start in range(0, PRODUCTS, BLOCK):
        count = min(BLOCK, PRODUCTS - start)
        signs = sign_rows(seed, streams.FLATNESS[number], count, inputs * inputs, first=start)
        rows = np.einsum("si,kij->ksj", weights, signs.reshape(count, inputs, inputs)).reshape(count, -1)
        parts.append(forms(operator, tensor, rows))
        squares += float(np.sum(rows**2))
    mean = mean_of(np.concatenate(parts))
    return Estimate(mean.value, mean.error + operator.spread * squares / PRODUCTS)


def forms(operator: SymmetricOperator, tensor: Tensor, rows: Array) -> Array:
    """Give vᵀHv for moves of one tensor, [K, size of the tensor]."""
    results = []
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        full = np.zeros((len(part), operator.size))
        full[:, tensor.start : tensor.stop] = part
        results.append(np.sum(full * operator.rows(full), axis=1))
    return np.concatenate(results)
