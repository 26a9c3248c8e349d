"""What the networks of `coverage_networks.py` share: their list, examples drawn at random, and a module of parts with a short forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import nn

# Examples of each network.
N = 8
Case = tuple[nn.Module, Any, tuple[Any, Any]]


@dataclass(frozen=True)
class Network:
    """A network's name, its group, which its file is named by, and the function that makes it with its loss and data."""

    name: str
    group: str
    make: Callable[[], Case]

    def case(self) -> Case:
        """Make the module, the loss and (x, y), the same each time."""
        torch.manual_seed(0)
        return self.make()


NETWORKS: dict[str, Network] = {}


def network(make: Callable[[], Case]) -> Callable[[], Case]:
    """Put a function on the list under its own name."""
    NETWORKS[make.__name__] = Network(make.__name__, make.__module__.split("_")[1], make)
    return make


class Net(nn.Module):
    """Parts under names, and a forward of one input that reads them: `Net(lambda net, x: 2 * net.a(x), a=nn.Linear(3, 1))`."""

    def __init__(self, forward: Callable[[Any, Any], Any], **parts: Any) -> None:
        super().__init__()
        self.rule = forward
        for name, part in parts.items():
            if isinstance(part, torch.Tensor) and not isinstance(part, nn.Parameter):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)

    def forward(self, x: Any) -> Any:
        return self.rule(self, x)


def classified(*shape: int, classes: int = 3) -> tuple[Any, Any]:
    """Draw examples of a shape, and a class for each."""
    return torch.randn(N, *shape), torch.randint(0, classes, (N,))


def measured(*shape: int, outputs: tuple[int, ...] = (1,)) -> tuple[Any, Any]:
    """Draw examples of a shape, and numbers of another for each."""
    return torch.randn(N, *shape), torch.randn(N, *outputs)


def worded(length: int, words: int, classes: int = 3) -> tuple[Any, Any]:
    """Draw texts of word numbers, and a class for each."""
    return torch.randint(0, words, (N, length)), torch.randint(0, classes, (N,))


def continued(length: int, words: int) -> tuple[Any, Any]:
    """Draw texts of word numbers, and the word that follows each word."""
    text = torch.randint(0, words, (N, length + 1))
    return text[:, :-1].contiguous(), text[:, 1:].contiguous()


def mlp(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of these widths with an activation between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1])


def head(channels: int, classes: int = 10) -> list[nn.Module]:
    """The mean of each channel, and a dense layer."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
