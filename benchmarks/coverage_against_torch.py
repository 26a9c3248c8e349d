"""A model against the module that it was made of: value, gradient and product with the Hessian in float64 at random θ."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape import NetworkObjective

F = nn.functional

POINTS, STEP = 2, 0.2
# A step of central differences; PyTorch's product is doubted where it is off by more than DOUBTED.
DIFFERENCE, DOUBTED = 1e-6, 1e-7


def steps(parameters: list[Any]) -> Any:
    """Return for each number how far it may be moved, so that sums over a layer's inputs keep their scale."""
    sizes = [p.numel() // (len(p) if p.ndim > 1 else p.numel()) for p in parameters]
    return torch.cat(
        [
            torch.full((p.numel(),), STEP / n**0.5, dtype=p.dtype)
            for p, n in zip(parameters, sizes, strict=True)
        ]
    )


def move(module: nn.Module) -> None:
    """Move all parameters and statistics from where they start; no two numbers of the parameters are equal then."""
    parameters = list(module.parameters())
    if any(nn.parameter.is_lazy(parameter) for parameter in parameters):
        return
    with torch.no_grad():
        flat = torch.cat([parameter.flatten() for parameter in parameters])
        far, again = steps(parameters), torch.ones(len(flat), dtype=torch.bool)
        while again.any():
            flat[again] += far[again] * torch.randn(int(again.sum()), dtype=flat.dtype)
            _, where, counts = flat.unique(return_inverse=True, return_counts=True)
            again = counts[where] > 1
        for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.copy_(part.view_as(parameter))
        for name, buffer in module.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer += 0.1 * torch.rand(buffer.shape, dtype=buffer.dtype)


def loss_of(loss: Any) -> Callable[[Any, Any], Any]:
    """Give a loss as a function; the format's cross-entropy is that of all words of all texts."""
    if loss == "cross_entropy":
        return lambda outputs, y: F.cross_entropy(outputs.flatten(0, -2), y.flatten())
    return copy.deepcopy(loss).double() if isinstance(loss, nn.Module) else loss


def doubled(value: Any) -> Any:
    return value.double() if value.is_floating_point() else value


class Function:
    """A module and its loss as a function of all trained parameters, laid end to end."""

    def __init__(self, module: nn.Module, loss: Any, data: tuple[Any, Any]) -> None:
        self.module, self.loss = module.double().eval(), loss_of(loss)
        self.named = {name: p for name, p in self.module.named_parameters() if p.requires_grad}
        for part in self.module.modules():
            if isinstance(part, nn.Embedding):
                part.padding_idx = None  # whose row would have no gradient
        x, self.y = data[0], doubled(data[1])
        self.x = tuple(map(doubled, x)) if isinstance(x, tuple) else (doubled(x),)

    def start(self) -> np.ndarray:
        """The parameters as the module has them."""
        return np.concatenate([p.detach().numpy().ravel() for p in self.named.values()])

    def value(self, flat: Any) -> Any:
        parts = flat.split([p.numel() for p in self.named.values()])
        put = {name: part.view(self.named[name].shape) for name, part in zip(self.named, parts, strict=True)}
        return self.loss(functional_call(self.module, put, self.x), self.y)

    def gradient(self, flat: np.ndarray, graph: bool = False) -> tuple[Any, Any, Any]:
        """Value and gradient, and the point of their graph."""
        point = torch.tensor(flat, requires_grad=True)
        with sdpa_kernel(SDPBackend.MATH):  # the others have no second derivative
            value = self.value(point)
            return value, torch.autograd.grad(value, point, create_graph=graph)[0], point

    def product(self, flat: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """The product of the Hessian with a vector as PyTorch has it."""
        _, gradient, point = self.gradient(flat, graph=True)
        if not gradient.requires_grad:
            return np.zeros_like(flat)
        found = torch.autograd.grad(gradient @ torch.tensor(vector), point, allow_unused=True)[0]
        return np.zeros_like(flat) if found is None else found.numpy()

    def differences(self, flat: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """The same by central differences of gradients."""
        after, before = (self.gradient(flat + sign * DIFFERENCE * vector)[1].numpy() for sign in (1, -1))
        return (after - before) / (2 * DIFFERENCE)


def places(theta: np.ndarray, numbers: np.ndarray) -> np.ndarray | None:
    """Find each number of θ among the module's, which are all different; None if one is not found."""
    order = np.argsort(numbers)
    at = np.searchsorted(numbers[order], theta).clip(max=len(numbers) - 1)
    return order[at] if np.array_equal(numbers[order][at], theta) else None


def relative(found: Any, expected: Any) -> float:
    return float(np.linalg.norm(np.subtract(found, expected)) / max(float(np.linalg.norm(expected)), 1e-12))


def compare(
    model: Any, module: nn.Module, loss: Any, data: tuple[Any, Any]
) -> tuple[tuple[float, float, float] | None, str]:
    """Give the largest relative errors of value, gradient and product at random θ, and a remark; None where θ is another."""
    function, objective = Function(module, loss, data), NetworkObjective(model)
    start = function.start()
    at = places(model.theta, start)
    if at is None:
        return None, "not compared: θ has numbers that are none of the module's"
    if len(np.unique(at)) < len(at):
        return (np.inf, np.inf, np.inf), "θ has a parameter twice"
    far = steps(list(function.named.values())).numpy()[at]
    rng, errors, remarks = np.random.default_rng(0), [], set()
    for _ in range(POINTS):
        theta, vector = model.theta + far * rng.standard_normal(model.size), rng.standard_normal(model.size)
        flat, along = start.copy(), np.zeros_like(start)
        flat[at], along[at] = theta, vector
        value, gradient, _ = function.gradient(flat)
        gradient = gradient.numpy()
        if np.any(np.delete(gradient, at)):
            return (np.inf, np.inf, np.inf), f"θ lacks {len(start) - len(at)} numbers that change the loss"
        product = objective.hvp(theta, vector)
        try:
            off = relative(product, function.product(flat, along)[at])
        except RuntimeError:  # some functions of PyTorch have no second derivative
            off = np.inf
        if off > DOUBTED:
            by_differences = relative(product, function.differences(flat, along)[at])
            if by_differences < off:
                off, _ = by_differences, remarks.add("product against differences of PyTorch's gradients")
        errors.append(
            (
                relative(objective.value(theta), float(value.detach())),
                relative(objective.gradient(theta), gradient[at]),
                off,
            )
        )
    return tuple(np.max(errors, axis=0).tolist()), "; ".join(sorted(remarks))
