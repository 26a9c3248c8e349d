"""Translate PyTorch's losses into those of the format."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.data import Arrays
from landscape.importers.finish import Loss
from landscape.importers.nearest import EXIT
from landscape.importers.pytorch.loss_rows import (
    DEFAULTS,
    NAMES,
    REFUSED,
    ROWS,
    Settings,
    from_logs,
    options_of,
)
from landscape.model import Model
from landscape.model.losses import LOSSES, classes_first, classes_of

# Settings of losses that are read, by the names that modules and functions have in common.
SETTINGS = (
    "reduction", "weight", "pos_weight", "ignore_index", "label_smoothing", "delta", "beta", "log_target", "log_input", "full",
    "eps", "margin", "p", "gamma", "alpha",
)  # fmt: skip


@dataclass(frozen=True)
class TorchLoss:
    """A loss in the format's terms, and the op at the network's end that becomes a part of the loss, if any.

    `reduction` is PyTorch's; `kind` is its name there, and `settings` what it was given.
    """

    name: str
    tail: str | None
    scale: float = 1.0
    delta: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    reduction: str = "mean"
    kind: str = ""
    settings: Settings = field(default_factory=dict)

    def with_decay(self, weight_decay: float) -> Loss:
        """Give the loss as a model has it."""
        return Loss(self.name, self.scale, self.delta, weight_decay, self.options, self.total)

    @property
    def total(self) -> str | None:
        """The name of the sum or mean over the data that PyTorch takes in place of the format's mean; None for the same mean."""
        if self.kind == "KLDivLoss":
            return {"mean": "elements", "batchmean": "groups"}.get(self.reduction, "sum")
        if self.reduction == "sum":
            return "examples" if self.kind == "MultiLabelSoftMarginLoss" else "sum"
        return None

    def targets(self, data: Arrays) -> tuple[Arrays, list[str]]:
        """Turn targets into the format's, with a sentence where they or the loss become another."""
        row = ROWS.get(self.kind)
        change = None if row is None else row.targets
        told = [row.told] if row is not None and row.told else []
        if self.settings.get("log_target"):
            change, told = from_logs, ["the targets are logarithms of probabilities: read as probabilities"]
        if change is None:
            return data, told
        return {key: change(key, array) if key[0] == "y" else array for key, array in data.items()}, told


def read_loss(torch: Any, loss: Any) -> TorchLoss:
    """Understand a name of the format, a loss module or a function, which may stand in a functools.partial with settings.

    Raises
    ------
    InputError
        Another loss, or one with a setting that the format does not have.
    """
    if isinstance(loss, str) and loss in LOSSES:
        return TorchLoss(loss, None)
    function, given = unfolded(loss)
    known = getattr(function, "__name__", "")
    if isinstance(loss, torch.nn.Module) and type(loss).__name__ in ROWS and _is_torchs(loss):
        return _read(type(loss).__name__, {key: getattr(loss, key) for key in SETTINGS if hasattr(loss, key)})
    if known in NAMES and _is_known(torch, function, known):
        return _read(NAMES[known], DEFAULTS.get(known, {}) | given)
    name = loss if isinstance(loss, str) else known or type(loss).__name__
    raise _unknown(torch, loss, name)


def is_of_torch(torch: Any, loss: Any) -> bool:
    """Whether a loss is one of PyTorch's or torchvision's, known here or not."""
    function, _ = unfolded(loss)
    if isinstance(function, torch.nn.Module):
        return _is_torchs(function)
    name = getattr(function, "__name__", "")
    home = str(getattr(function, "__module__", "")).split(".")[0]
    return home in ("torch", "torchvision") or getattr(torch.nn.functional, name, None) is function


def unfolded(loss: Any) -> tuple[Any, dict[str, Any]]:
    """Take a function out of functools.partial, with the settings that it is given there."""
    if isinstance(loss, functools.partial) and not loss.args:
        return loss.func, dict(loss.keywords)
    return loss, {}


def _is_torchs(loss: Any) -> bool:
    """Whether a module is PyTorch's own and not one of the user's of the same name."""
    return type(loss).__module__.split(".")[0] == "torch"


def _is_known(torch: Any, function: Any, name: str) -> bool:
    """Whether a function is PyTorch's or torchvision's of that name."""
    home = str(getattr(function, "__module__", "")).split(".")[0]
    return getattr(torch.nn.functional, name, None) is function or (
        name in DEFAULTS and home == "torchvision"
    )


def _unknown(torch: Any, loss: Any, name: str) -> InputError:
    """Say which losses are accepted, or why this one is not."""
    if name in REFUSED:
        return InputError(f"loss: {name} {REFUSED[name]}: it has no row in the format; {EXIT}")
    if callable(loss) and not isinstance(loss, type):
        what = "a module of your own" if isinstance(loss, torch.nn.Module) else "a function of your own"
        return InputError(
            f"loss: {shown(name)} is {what}, whose formula cannot be read; expected a name ({', '.join(LOSSES)}) or a loss of torch.nn, or {EXIT}"
        )
    return InputError(
        f"loss: expected one of {', '.join(LOSSES)}, or one of torch.nn: {', '.join(kind for kind in ROWS if kind[0].isupper())}; found {shown(name)}"
    )


def _read(kind: str, settings: Settings) -> TorchLoss:
    row = ROWS[kind]
    for key in settings:
        if key not in SETTINGS:
            raise InputError(f"loss: {kind} with {key}: the format does not have it; {EXIT}")
    reduction = settings.get("reduction", "mean")
    if reduction not in ("mean", "sum") and not (kind == "KLDivLoss" and reduction == "batchmean"):
        raise InputError(
            f"loss: {kind} with reduction={reduction!r} gives a loss for each example; expected 'mean' or 'sum', or {EXIT}"
        )
    found = TorchLoss(
        row.name,
        row.tail,
        options=options_of(kind, row, settings),
        reduction=reduction,
        kind=kind,
        settings=settings,
    )
    return _with_numbers(kind, settings, found)


def _with_numbers(kind: str, settings: Settings, found: TorchLoss) -> TorchLoss:
    """Copy the settings that only one loss of PyTorch has."""
    delta = float(settings.get("delta", settings.get("beta", 1.0)))
    if kind == "SmoothL1Loss":
        return replace(found, name="mae") if delta == 0 else replace(found, scale=1.0 / delta, delta=delta)
    if kind == "PoissonNLLLoss" and not settings.get("log_input", True):
        return replace(found, name="poisson_rate", options={"eps": float(settings.get("eps", 1e-8))})
    return replace(found, delta=delta) if kind == "HuberLoss" else found


def criterion(torch: Any, loss: Any, wanted: TorchLoss, model: Model) -> Callable[[Any, np.ndarray], Any]:
    """Make the user's loss a function of the module's outputs and a model's targets, or that of the format's name.

    A sum over all the training data is the mean over any part times the model's scale.
    """
    function, factor = averaged(torch, loss, wanted, model)

    def value(outputs: Any, targets: np.ndarray) -> Any:
        if wanted.name in ("cross_entropy", "multi_margin") and targets.dtype.kind != "f":
            classes = torch.from_numpy(np.asarray(targets, np.int64))
            if outputs.ndim > 3 or wanted.name == "multi_margin":
                return factor * function(outputs, classes)
            return factor * function(outputs.reshape(classes.numel(), -1), classes.reshape(-1))
        numbers = torch.from_numpy(original_targets(wanted, targets)).to(outputs.dtype)
        return factor * function(outputs, numbers.reshape(outputs.shape))

    return value


def original_targets(wanted: TorchLoss, targets: np.ndarray) -> np.ndarray:
    """Give targets as the user's loss takes them."""
    numbers = np.asarray(targets, np.float64)
    if wanted.kind == "SoftMarginLoss":
        return 2 * numbers - 1
    if wanted.settings.get("log_target"):
        with np.errstate(divide="ignore"):
            return np.log(numbers)
    return numbers


def averaged(torch: Any, loss: Any, wanted: TorchLoss, model: Model) -> tuple[Callable[..., Any], float]:
    """Give the user's loss as a mean, and what it is to be multiplied by."""
    functional = torch.nn.functional
    if isinstance(loss, str):
        return NAMED[loss](functional), 1.0
    if wanted.total is None:
        return in_double(torch, loss), 1.0
    mean = "batchmean" if wanted.name == "kl_divergence" else "mean"
    if isinstance(loss, torch.nn.Module):
        one = copy.copy(loss)
        one.reduction = mean
    else:
        function, given = unfolded(loss)
        one = functools.partial(function, **{**given, "reduction": mean})
    # Our mean is over groups of classes, that of batches over examples.
    shape = model.nodes[-1].shape
    groups = math.prod(shape) // classes_of(model.loss, shape) if wanted.name == "kl_divergence" else 1
    return in_double(torch, one), model.loss_scale / groups / wanted.scale


def in_double(torch: Any, loss: Any) -> Callable[..., Any]:
    """Convert the tensors of a loss to the dtype of its arguments."""
    if isinstance(loss, torch.nn.Module):
        return lambda outputs, targets: copy.deepcopy(loss).cpu().to(outputs.dtype)(outputs, targets)
    function, given = unfolded(loss)

    def value(outputs: Any, targets: Any) -> Any:
        tensors = {
            key: item.detach().cpu().to(outputs.dtype) if hasattr(item, "detach") else item
            for key, item in given.items()
        }
        return function(outputs, targets, **tensors)

    return value


def _plain(name: str) -> Callable[[Any], Any]:
    return lambda functional: getattr(functional, name)


def _divergence(functional: Any) -> Any:
    """The divergence of logits, a mean over groups of classes."""

    def value(outputs: Any, targets: Any) -> Any:
        shape = tuple(outputs.shape[1:])
        axis = 1 if classes_first("kl_divergence", shape) else -1
        groups = math.prod(shape) // classes_of("kl_divergence", shape)
        return (
            functional.kl_div(functional.log_softmax(outputs, axis), targets, reduction="batchmean") / groups
        )

    return value


def _focal(functional: Any) -> Any:
    """The focal loss with γ = 2 and no α."""

    def value(outputs: Any, targets: Any) -> Any:
        missed = functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
        return ((1 - (-missed).exp()) ** 2 * missed).mean()

    return value


# The functions of the format's names, which take no options.
NAMED: dict[str, Callable[[Any], Any]] = {
    "cross_entropy": _plain("cross_entropy"),
    "binary_cross_entropy": _plain("binary_cross_entropy_with_logits"),
    "mse": _plain("mse_loss"),
    "mae": _plain("l1_loss"),
    "huber": _plain("huber_loss"),
    "poisson": _plain("poisson_nll_loss"),
    "poisson_rate": lambda functional: functools.partial(functional.poisson_nll_loss, log_input=False),
    "hinge_embedding": _plain("hinge_embedding_loss"),
    "multi_margin": _plain("multi_margin_loss"),
    "kl_divergence": _divergence,
    "focal": _focal,
    "output": lambda functional: lambda outputs, targets: outputs.mean(),
}
