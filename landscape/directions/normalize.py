r"""Normalization of a direction, tensor by tensor, by the norms of the weights.

Filter normalization is Li et al.'s (2018, section 4): each row of axis 0 of a weight tensor is scaled,

$$d_{ij} \leftarrow \frac{\lVert \theta_{ij} \rVert}{\lVert d_{ij} \rVert}\, d_{ij},$$

so that surfaces of networks that differ by a rescaling of ReLU layers are the same. A row without a length
(of θ or of d) becomes zero. Biases and norm parameters become zero, or with `include_bias` are scaled as
one row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from landscape.directions.origin import Array, Origin, Tensor
from landscape.errors import InputError, did_you_mean


def row_norms(rows: Array) -> Array:
    """Measure the rows [n, m] without overflow or underflow of the squares.

    Examples
    --------
    >>> row_norms(np.array([[3.0, 4.0], [3e-200, 4e-200]])).tolist()
    [5.0, 5e-200]
    """
    largest = np.max(np.abs(rows), axis=1, initial=0.0)
    scale = np.where(largest > 0, largest, 1.0)
    return scale * np.sqrt(np.sum(np.square(rows / scale[:, None]), axis=1))


def scale_rows(rows: Array, weights: Array) -> Array:
    """Give each row of `rows` [n, m] the length of the same row of `weights`; without one it becomes zero."""
    lengths, targets = row_norms(rows), row_norms(weights)
    units = rows / np.where(lengths > 0, lengths, 1.0)[:, None]
    return units * targets[:, None]


def normalize_filter(rows: Array, weights: Array) -> Array:
    """Scale every filter (row) to its weights' norm."""
    return scale_rows(rows, weights)


def normalize_layer(rows: Array, weights: Array) -> Array:
    """Scale the whole tensor to its weights' norm."""
    return scale_rows(rows.reshape(1, -1), weights.reshape(1, -1)).reshape(rows.shape)


def normalized(direction: Array, origin: Origin, normalize: str, *, include_bias: bool) -> Array:
    """Scale a direction [P] to the weights it starts from; `none` returns it as it is.

    Raises
    ------
    InputError
        An unknown name, or an origin without tensors.

    Examples
    --------
    >>> from landscape.directions.origin import shaped_tensors
    >>> origin = Origin(np.array([3.0, 4.0, 0.0, 0.0, 1.0]), shaped_tensors([(2, 2), (1,)], 5))
    >>> normalized(np.array([0.0, 2.0, 1.0, 1.0, 9.0]), origin, "filter", include_bias=False).tolist()
    [0.0, 5.0, 0.0, 0.0, 0.0]
    """
    require_normalization(normalize)
    scale = NORMALIZATIONS[normalize]
    if scale is None:
        return direction
    result = np.zeros_like(direction)
    for tensor in origin.require_tensors(f"normalize='{normalize}'"):
        if tensor.has_filters or include_bias:
            piece = scale(tensor.rows(direction), tensor.rows(origin.theta))
            result[tensor.start : tensor.stop] = piece.reshape(-1)
    return result


def without_biases(direction: Array, tensors: tuple[Tensor, ...]) -> Array:
    """Set to zero the entries that normalization would, so that directions are orthogonal after it."""
    result = direction.copy()
    for tensor in tensors:
        if not tensor.has_filters:
            result[tensor.start : tensor.stop] = 0.0
    return result


def require_normalization(name: str) -> None:
    """Check the name of a normalization.

    Raises
    ------
    InputError
        It is none of them.
    """
    if name not in NORMALIZATIONS:
        raise InputError(
            f"unknown normalization '{name}': choose one of {', '.join(NORMALIZATIONS)}{did_you_mean(name, NORMALIZATIONS)}"
        )


NORMALIZATIONS: dict[str, Callable[[Array, Array], Array] | None] = {
    "filter": normalize_filter,
    "layer": normalize_layer,
    "none": None,
}
