"""What one batch adds to the sums: its mean loss, its weight, and metrics."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from landscape.errors import InputError, did_you_mean
from landscape.importers.pytorch.loss_rows import NAMES, ROWS
from landscape.importers.pytorch.losses import NAMED, unfolded
from landscape.importers.pytorch.own_loss import require_no_parameters
from landscape.model.losses import OF_CLASSES
from landscape.torch_objective.blame import evaluated
from landscape.torch_objective.data import examples_of, mapped
from landscape.torch_objective.metrics import Function, Mean, chosen_metrics, counted, ignored, of_classes

MEAN = "return the mean over the batch (reduction='mean')"


@dataclass(frozen=True)
class Step:
    """What a batch gives: the loss with its weight, and each metric with its own.

    `by` is the name of the argument that makes the loss, for messages. `summed` says that the loss is a sum over all examples, no mean.
    `function` is the loss of outputs and targets, None for a loss of batches.
    """

    name: str
    by: str
    compute: Callable[[Any, Any], tuple[Mean, dict[str, Mean]]]
    metrics: tuple[str, ...]
    summed: bool = False
    function: Function | None = None

    def __call__(self, torch: Any, module: Any, batch: Any) -> tuple[Mean, dict[str, Mean]]:
        """Evaluate the module on a batch.

        Raises
        ------
        InputError
            The loss is no scalar, or the module or a function fails; the message says where in the user's program.
        """
        with evaluated(self.by):
            (mean, weight), metrics = self.compute(module, batch)
        return (scalar(torch, self.by, mean), weight), {
            name: (scalar(torch, f"metrics: {name}", value), count)
            for name, (value, count) in metrics.items()
        }


def scalar(torch: Any, name: str, found: Any) -> Any:
    """Read one real number of PyTorch's.

    Raises
    ------
    InputError
        It is something else.
    """
    if isinstance(found, int | float):
        found = torch.tensor(float(found))
    if not isinstance(found, torch.Tensor):
        raise InputError(
            f"{name}: expected a scalar tensor for a batch, found a {type(found).__name__}: {MEAN}"
        )
    if found.numel() != 1:
        raise InputError(f"{name}: expected one number for a batch, found shape {list(found.shape)}: {MEAN}")
    if found.is_complex():
        raise InputError(f"{name}: expected a real number, found a complex one: {MEAN}")
    return found.reshape(())


def make_step(
    torch: Any, loss: Any, batch_loss: Any, metrics: Mapping[str, Function] | None, place: Callable[[Any], Any]
) -> Step:  # fmt: skip
    """Make the function of a module and a batch.

    Raises
    ------
    InputError
        Both losses, or none, or an unknown name, or metrics beside a loss of batches.
    """
    if (loss is None) == (batch_loss is None):
        raise InputError("expected either loss or batch_loss: give loss=None beside batch_loss=…")
    if batch_loss is not None:
        if not callable(batch_loss):
            raise InputError(
                f"batch_loss: expected a function (module, batch) → (mean, number of examples), found {type(batch_loss).__name__}"
            )
        if metrics:
            raise InputError("metrics: are functions of outputs and targets, which batch_loss does not give")
        return Step(name_of(batch_loss), "batch_loss", functools.partial(of_batch, torch, batch_loss), ())
    function = loss_function(torch, loss, place)
    told = chosen_metrics(torch, loss, metrics)
    summed = getattr(unfolded(loss)[0], "reduction", unfolded(loss)[1].get("reduction")) == "sum"

    def compute(module: Any, batch: Any) -> tuple[Mean, dict[str, Mean]]:
        inputs, targets = parted(batch)
        outputs = module(**inputs) if isinstance(inputs, Mapping) else module(*inputs)
        examples = examples_of(targets) or 1
        weight = 1.0 if summed else weight_of(torch, loss, targets, examples)
        return (function(outputs, targets), weight), {
            name: counted(metric(outputs, targets), examples) for name, metric in told.items()
        }

    return Step(name_of(loss), "loss", compute, tuple(told), summed, function)


def of_batch(
    torch: Any, function: Callable[[Any, Any], Any], module: Any, batch: Any
) -> tuple[Mean, dict[str, Mean]]:
    """Ask a loss of batches for its mean and number of examples.

    Raises
    ------
    InputError
        It returns something else.
    """
    found = function(module, batch)
    good = isinstance(found, tuple | list) and len(found) == 2
    count = found[1] if good else None
    count = count.item() if isinstance(count, torch.Tensor) and count.numel() == 1 else count
    if not isinstance(count, int | float) or not (count > 0 and math.isfinite(count)):
        what = f"a number of {count!r}" if good else f"a {type(found).__name__}"
        raise InputError(
            f"batch_loss: expected (mean, number of examples), the number above 0, found {what}: return both"
        )
    return (found[0], float(count)), {}


def parted(batch: Any) -> tuple[Any, Any]:
    """Part a batch into what the module takes and the targets.

    Raises
    ------
    InputError
        It is no pair of them.
    """
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        found = f"a {type(batch).__name__}" + (f" of {len(batch)}" if hasattr(batch, "__len__") else "")
        raise InputError(
            f"data: expected batches (inputs, targets), found {found}: give batch_loss=function(module, batch)"
        )
    inputs, targets = (batch[0] if len(batch) == 2 else batch[:-1]), batch[-1]
    return (inputs if isinstance(inputs, tuple | list | Mapping) else (inputs,)), targets


def loss_function(torch: Any, loss: Any, place: Callable[[Any], Any]) -> Function:
    """Make a function of outputs and targets of a name of the format, a loss module, or a function.

    Raises
    ------
    InputError
        An unknown name, a class, or a module with parameters of its own.
    """
    if isinstance(loss, str):
        if loss not in NAMED:
            raise InputError(
                f"loss: unknown name '{loss}': choose {', '.join(NAMED)}, or give a loss of torch.nn{did_you_mean(loss, NAMED)}"
            )
        return functools.partial(of_format, loss, NAMED[loss](torch.nn.functional))
    if isinstance(loss, type) or not callable(loss):
        found = f"the class {loss.__name__}" if isinstance(loss, type) else f"a {type(loss).__name__}"
        raise InputError(
            f"loss: expected a loss such as torch.nn.MSELoss(), a name, or a function (output, target) → mean, found {found}"
        )
    if isinstance(loss, torch.nn.Module):
        require_no_parameters(torch, loss)
        # A copy where the computation is, in its dtype: class weights are tensors too.
        return copy.deepcopy(loss)._apply(place)
    function, given = unfolded(loss)
    return functools.partial(function, **mapped(torch, place, given)) if given else loss


def of_format(name: str, function: Function, outputs: Any, targets: Any) -> Any:
    """Evaluate a loss of the format, whose classes lie on the last axis but for images."""
    if name in OF_CLASSES and not targets.is_floating_point():
        targets = targets.long()
        if outputs.ndim <= 3:
            return function(outputs.reshape(targets.numel(), -1), targets.reshape(-1))
        return function(outputs, targets)
    return function(outputs, targets.to(outputs.dtype).reshape(outputs.shape))


def weight_of(torch: Any, loss: Any, targets: Any, examples: int) -> Any:
    """Count what the mean over a batch is a mean of: its examples, or, where classes have weights or are left out, the sum of the weights.

    A number, or a tensor where it lies on the device.
    """
    function, given = unfolded(loss)
    left_out, weights = ignored(loss), given.get("weight", getattr(function, "weight", None))
    if not of_classes(torch, function) or targets.is_floating_point():
        return examples
    counts = targets != left_out
    if weights is None:
        return counts.sum()
    kept = targets.clamp(min=0).reshape(-1).long() * counts.reshape(-1)
    return (weights.to(targets.device)[kept] * counts.reshape(-1)).sum()


def name_of(function: Any) -> str:
    """Name a loss in a record: as the format does where it has one of PyTorch's."""
    if isinstance(function, str):
        return function
    inner = unfolded(function)[0]
    name = str(getattr(inner, "__name__", type(inner).__name__))
    row = ROWS.get(NAMES.get(name, name))
    return row.name if row is not None else name.strip("<>") or "loss"
