"""The last operations of a network that become part of the loss, such as log_softmax before NLLLoss."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from landscape.errors import InputError
from landscape.importers.network import Network
from landscape.importers.pytorch.losses import TorchLoss

# Ends that the loss has in it once more.
DOUBLED = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}


def without_tail(
    result: Any, loss: TorchLoss, network: Network, name_of: Callable[[Any], str], reshapes: Container[str]
) -> tuple[Any, str | None]:
    """Remove the last call of a network that the loss contains, if the two together are a loss of the format.

    A sigmoid may stand before reshapes, which move its numbers only.

    Raises
    ------
    InputError
        The loss expects another end.
    """
    kind = name_of(result)
    if loss.tail is None:
        if DOUBLED.get(loss.name) == kind:
            network.notes.append(doubled(loss.name, kind))
        taken = loss.name == "cross_entropy" and kind == "log_softmax"
        return (result.args[0], kind) if taken else (result, None)
    while loss.tail == "sigmoid" and kind in reshapes and hasattr(result.args[0], "op"):
        result = result.args[0]
        kind = name_of(result)
    if kind != loss.tail:
        raise InputError(
            f"loss: it expects a network that ends with {loss.tail}, found {kind}; "
            "use the loss of logits (CrossEntropyLoss, BCEWithLogitsLoss)"
        )
    return result.args[0], kind


def doubled(loss: str, kind: str) -> str:
    """Say that the network ends with an op that the loss applies again."""
    return (
        f"the network ends in a {kind}, and the loss {loss} has a {kind} in it: both are taken, as PyTorch computes it; "
        "for one only, let the network put out logits"
    )
