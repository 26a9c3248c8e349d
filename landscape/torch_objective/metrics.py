"""Metrics of a batch: the user's, or the accuracy if the loss has one."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from landscape.errors import InputError
from landscape.importers.pytorch.losses import unfolded
from landscape.model.losses import OF_CLASSES, OF_SIDES

Function = Callable[[Any, Any], Any]
# The loss or a metric of a batch: a mean, and the number of what it is a mean of.
Mean = tuple[Any, Any]

METRIC_NAME = re.compile(r"[a-z][a-z0-9_]*")


def chosen_metrics(torch: Any, loss: Any, metrics: Mapping[str, Function] | None) -> dict[str, Function]:
    """Give the user's metrics, or the accuracy of the loss where none are given and it has one.

    Raises
    ------
    InputError
        One is no function, or has a name that a record cannot hold.
    """
    if metrics is not None:
        return checked_metrics(metrics)
    if has_classes(torch, loss):
        return {"accuracy": functools.partial(accuracy, ignored(loss))}
    return {"accuracy": sides} if has_sides(torch, loss) else {}


def of_classes(torch: Any, function: Any) -> bool:
    """Say whether a loss of PyTorch's counts classes, with weights and with one that is left out."""
    kinds = (torch.nn.CrossEntropyLoss, torch.nn.NLLLoss)
    functional = torch.nn.functional
    return isinstance(function, kinds) or function in (
        functional.cross_entropy,
        functional.nll_loss,
        "cross_entropy",
    )


def ignored(loss: Any) -> int:
    """Give the class that a loss leaves out, PyTorch's own where it says none."""
    function, given = unfolded(loss)
    return int(given.get("ignore_index", getattr(function, "ignore_index", -100)))


def has_classes(torch: Any, loss: Any) -> bool:
    """Say whether the largest output is the class that is meant."""
    return of_classes(torch, unfolded(loss)[0]) or loss in ("multi_margin", *OF_CLASSES)


def has_sides(torch: Any, loss: Any) -> bool:
    """Say whether an output above zero means 1."""
    function = unfolded(loss)[0]
    kinds = torch.nn.BCEWithLogitsLoss
    return (
        isinstance(function, kinds)
        or function is torch.nn.functional.binary_cross_entropy_with_logits
        or loss in OF_SIDES
    )


def accuracy(left_out: int, outputs: Any, targets: Any) -> Mean:
    """Give the share of targets whose class has the largest output."""
    last = outputs.ndim == targets.ndim + 1 and outputs.shape[:-1] == targets.shape
    if targets.is_floating_point():
        best, meant = outputs.argmax(1), targets.argmax(1)
    else:
        best, meant = outputs.argmax(-1 if last else 1), targets
    counts = meant != left_out
    return share((best == meant) & counts, counts)


def sides(outputs: Any, targets: Any) -> Mean:
    """Give the share of outputs on the side of zero that is meant."""
    right = (outputs > 0) == (targets.reshape(outputs.shape) > 0.5)
    return share(right, right == right)


def share(right: Any, counts: Any) -> Mean:
    """Give the share of those that count, in float64 where the device has it, and how many count."""
    total = counts.sum()
    wide = right.sum().cpu() if right.device.type == "mps" else right.sum()
    return wide.double() / total.to(wide.device).clamp(min=1), total


def counted(found: Any, examples: int) -> Mean:
    """Give a metric with what it weighs; a user's is a mean over the examples."""
    return found if isinstance(found, tuple) else (found, examples)


def checked_metrics(metrics: Mapping[str, Function]) -> dict[str, Function]:
    """Read metrics by name.

    Raises
    ------
    InputError
        One is no function, or has a name that a record cannot hold.
    """
    if not isinstance(metrics, Mapping):
        raise InputError(
            f"metrics: expected a mapping of names to functions (output, target) → mean, found {type(metrics).__name__}"
        )
    for name, function in metrics.items():
        if not (isinstance(name, str) and METRIC_NAME.fullmatch(name)) or name == "loss":
            raise InputError(
                f"metrics: expected a name such as top5 (small letters, digits, _), found {name!r}"
            )
        if not callable(function):
            raise InputError(
                f"metrics: {name}: expected a function (output, target) → mean, found {function!r}"
            )
    return dict(metrics)
