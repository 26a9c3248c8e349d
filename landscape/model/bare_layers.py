"""Infer the order of the layers in a file of plain arrays, and whether weights are [in, out] or [out, in]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.errors import InputError
from landscape.model.bare_names import HINT, Layer, natural

IN_OUT, OUT_IN = "[in, out]", "[out, in]"


@dataclass(frozen=True)
class Chain:
    """Layers in their order, with one orientation for all, and the sentences that say why."""

    layers: tuple[Layer, ...]
    orientation: str
    reasons: tuple[str, ...]

    @property
    def outputs(self) -> int:
        """The width of the last layer's output."""
        return widths(self.layers[-1], self.orientation)[1]


def widths(layer: Layer, orientation: str) -> tuple[int, int]:
    """Give a layer's input and output width."""
    first, second = layer.weight.shape
    return (first, second) if orientation == IN_OUT else (second, first)


def fits(layers: Sequence[Layer], orientation: str, width: int) -> bool:
    """Return whether the layers chain from the input's width on, with biases of the outputs' widths."""
    for layer in layers:
        wanted, out = widths(layer, orientation)
        if wanted != width or (layer.bias is not None and len(layer.bias) != out):
            return False
        width = out
    return True


def find_chain(layers: Sequence[Layer], width: int, target: np.ndarray) -> Chain:
    """Decide the order of the layers and the orientation of weights, over the whole file.

    The archive's order if the layers chain so, else the natural order of their names. Where both orientations
    chain, the targets decide; where these allow both, the names do.

    Raises
    ------
    InputError
        The layers do not chain in either order, or nothing decides.
    """
    ordered = sorted(layers, key=lambda layer: natural(layer.key))
    for candidate, why in (
        (list(layers), "the archive's order"),
        (ordered, "the natural order of their names"),
    ):
        possible = [orientation for orientation in (IN_OUT, OUT_IN) if fits(candidate, orientation, width)]
        if possible:
            orientation, reason = _orient(candidate, possible, target)
            names = " → ".join(layer.names for layer in candidate[:12]) + " → …" * (len(candidate) > 12)
            return Chain(
                tuple(candidate),
                orientation,
                (f"layers in {why}: {names}", f"weights are {orientation}: {reason}"),
            )
    raise InputError(f"the layers do not chain from an input of width {width}: {_listed(layers)}; {HINT}")


def _orient(layers: list[Layer], possible: list[str], target: np.ndarray) -> tuple[str, str]:
    if len(possible) == 1:
        return possible[0], "the shapes fit in no other way"
    allowed = [orientation for orientation in possible if accepts(widths(layers[-1], orientation)[1], target)]
    if len(allowed) == 1:
        return allowed[0], "only then does the output fit the targets"
    dotted = [layer.key.endswith(".weight") for layer in layers]
    if all(dotted):
        return OUT_IN, "the shapes allow both, and names that end in .weight are PyTorch's"
    if not any(dotted):
        return IN_OUT, "the shapes allow both, and the names are not PyTorch's (….weight)"
    raise InputError(
        "the weights may be [in, out] or [out, in], and some names but not all end in .weight: "
        f"{_listed(layers)}; give all the same kind of name"
    )


def accepts(outputs: int, target: np.ndarray) -> bool:
    """Return whether an output of this width can go with the targets.

    >>> accepts(3, np.array([0, 1, 2])), accepts(2, np.array([0, 1, 2]))
    (True, False)
    """
    if target.ndim == 2:
        return target.shape[1] in (1, outputs)
    if target.dtype.kind in "iub":
        return bool(target.max(initial=0) < max(outputs, 2))
    return outputs == 1


def _listed(layers: Sequence[Layer]) -> str:
    pieces = []
    for layer in layers[:12]:
        pieces.append(f"{layer.key} {list(layer.weight.shape)}")
        if layer.bias is not None:
            pieces.append(f"{layer.bias_key} [{len(layer.bias)}]")
    return ", ".join(pieces) + (", …" if len(layers) > 12 else "")
