"""A loss that is the user's own function, which becomes a part of the network.

The targets lie beside the inputs in an example, and the model's loss is "output". The function has to be a mean over the examples, which is tested.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.data import Arrays, Part, original_input
from landscape.importers.pytorch.losses import TorchLoss, is_of_torch
from landscape.model.losses import OUTPUT

# How far the mean of single losses may be from the loss of a batch, in parts of it: the rounding of a sum.
APART = 1e-6


def is_own(torch: Any, loss: Any) -> bool:
    """Whether a loss is a function or a module of the user's."""
    return callable(loss) and not isinstance(loss, (str, type)) and not is_of_torch(torch, loss)


def as_function(torch: Any, loss: Any) -> Any:
    """Give PyTorch's loss of a mean and a variance as a function of the pair that a network returns; any other as it is."""
    if not isinstance(loss, torch.nn.GaussianNLLLoss):
        return loss

    def gaussian_nll_loss(outputs: Any, target: Any) -> Any:
        if not isinstance(outputs, (tuple, list)) or len(outputs) != 2:
            raise InputError(
                "loss: GaussianNLLLoss reads a mean and a variance; expected a network that puts out both, as a tuple of two"
            )
        mean, variance = outputs
        return torch.nn.functional.gaussian_nll_loss(
            mean, target, variance, full=loss.full, eps=loss.eps, reduction=loss.reduction
        )

    return gaussian_nll_loss


def require_no_parameters(torch: Any, loss: Any) -> None:
    """Refuse a loss that is trained itself.

    Raises
    ------
    InputError
        It is a module with parameters.
    """
    if isinstance(loss, torch.nn.Module) and any(p.requires_grad for p in loss.parameters()):
        raise InputError(
            "loss: has parameters of its own that are trained; expected them in the network, so that they are in θ"
        )


def with_targets(arrays: Arrays, parts: tuple[Part, ...]) -> tuple[Arrays, tuple[Part, ...]]:
    """Append targets to the inputs; give the data, with targets of zeros, and the position of each input and of the target.

    >>> data, parts = with_targets({"x_train": np.ones((2, 3)), "y_train": np.array([1, 0])}, ())
    >>> data["x_train"].tolist(), data["y_train"].tolist(), [part.whole for part in parts]
    ([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]], [0.0, 0.0], [False, True])
    """
    x, y = arrays["x_train"], arrays["y_train"]
    count = math.prod(x.shape[1:])
    inputs = parts or (Part(0, count, x.shape[1:], x.dtype.kind in "iu" and x.dtype != np.uint8),)
    target = Part(count, count + math.prod(y.shape[1:]), y.shape[1:], y.dtype.kind in "iu")
    joined: Arrays = {}
    for key, array in arrays.items():
        if key[0] == "x":
            other = arrays[f"y{key[1:]}"]
            numbers = original_input(array, False).reshape(len(array), -1)
            joined[key] = np.concatenate(
                [numbers, np.asarray(other, np.float64).reshape(len(other), -1)], axis=1
            )
        else:
            joined[key] = np.zeros(len(array))
    return joined, (*inputs, target)


def pieces_of(given: Any, parts: tuple[Part, ...]) -> list[Any]:
    """Cut a tensor of examples into the inputs, and the targets, that lie side by side in it."""
    pieces = [given[:, part.start : part.stop].reshape(-1, *part.shape) for part in parts]
    return [piece.long() if part.whole else piece for piece, part in zip(pieces, parts, strict=True)]


def applied(module: Any, loss: Any, parts: tuple[Part, ...]) -> Any:
    """Wrap a copy of a module to return its loss, for examples that contain inputs and targets."""
    forward = module.forward

    def lossy(given: Any) -> Any:
        *inputs, target = pieces_of(given, parts)
        return loss(forward(*inputs), target)

    module.forward = lossy
    return module


def one_by_one(torch: Any, module: Any, example: Any) -> None:
    """Wrap a module that returns its loss to return that of each example, and check that the loss of several is their mean.

    Raises
    ------
    InputError
        It is not, or it is not one number.
    """
    forward = module.forward

    def each(given: Any) -> Any:
        return torch.stack([forward(given[place : place + 1]).reshape(()) for place in range(len(given))])

    with torch.no_grad():
        whole = forward(example)
        if not isinstance(whole, torch.Tensor) or whole.numel() != 1:
            raise InputError(
                "loss: gives more than one number for a batch; expected the mean over its examples"
            )
        apart = float((each(example).mean() - whole).abs())
        if not apart <= APART * max(float(whole.abs()), 1e-30):
            raise InputError(
                "loss: the loss of a batch is not the mean of those of its examples, so that it is no function of each of them; "
                "expected reduction='mean'"
            )
    module.forward = each


def own(loss: Any) -> TorchLoss:
    """Give the loss as the format has it: what the network returns."""
    return TorchLoss(OUTPUT, None, kind=getattr(loss, "__name__", type(loss).__name__))
