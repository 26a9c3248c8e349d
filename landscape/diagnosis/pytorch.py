"""A remedy as lines of PyTorch: the optimizer, the initialization and the batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from landscape.formulas.optimizers import OPTIMIZERS

# The class of each optimizer that PyTorch has too, with what it is given beside rate, momentum and weight decay.
CLASSES = {
    "sgd": ("SGD", ""), "heavy_ball": ("SGD", ""), "nesterov": ("SGD", "nesterov=True"), "adagrad": ("Adagrad", ""), "rmsprop": ("RMSprop", ""),
    "adam": ("Adam", ""), "adamw": ("AdamW", ""), "amsgrad": ("Adam", "amsgrad=True"), "radam": ("RAdam", ""),
}  # fmt: skip
# What a rewrite of data or network is in PyTorch, by the remedy's label; fresh starts of it alike.
REWRITES = {
    "standardized": "x = (x - x_train.mean(0)) / x_train.std(0)  # for all splits",
    "standardized targets": "y = (y - y_train.mean(0)) / y_train.std()  # and outputs * y_train.std() + y_train.mean(0) when they are used",
    "standardized inputs and targets": "x = (x - x_train.mean(0)) / x_train.std(0); y = (y - y_train.mean(0)) / y_train.std()",
}
LAYERS = {
    "relu": "nn.ReLU()", "tanh": "nn.Tanh()", "sigmoid": "nn.Sigmoid()", "gelu": "nn.GELU()", "elu": "nn.ELU()", "silu": "nn.SiLU()",
    "leaky_relu": "nn.LeakyReLU()", "softplus": "nn.Softplus()",
}  # fmt: skip
# What stands at a network's end.
ENDS = LAYERS | {"softmax": "nn.Softmax()"}
STARTS = {"he": "kaiming_normal_", "xavier": "xavier_normal_"}
MOMENTUM = ("SGD", "RMSprop")


def in_pytorch(settings: Mapping[str, Any], init: str | None) -> str:
    """Write a training as PyTorch's calls; empty where PyTorch has no such optimizer.

    >>> in_pytorch({"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "batch_size": 32, "steps": 100}, "he")
    'torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9), 100 updates of 32 examples, from nn.init.kaiming_normal_ weights and zero biases'
    """
    name = settings["optimizer"]
    if name not in CLASSES:
        return ""
    kind, more = CLASSES[name]
    given = [f"lr={settings['learning_rate']:g}", *momenta(name, kind, settings), *filter(None, [more])]
    given += [f"weight_decay={settings['weight_decay']:g}"] if settings.get("weight_decay") else []
    said = [f"torch.optim.{kind}(net.parameters(), {', '.join(given)})"]
    said += (
        [f"torch.nn.utils.clip_grad_norm_(net.parameters(), {settings['clip']:g})"]
        if settings.get("clip")
        else []
    )
    size = settings["batch_size"]
    said.append(f"{settings['steps']:,} updates of {size:,} example{'s' if size > 1 else ''}")
    said += [f"from nn.init.{STARTS[init]} weights and zero biases"] if init in STARTS else []
    return ", ".join(said)


def rewritten(label: str) -> str:
    """Write a rewrite of data or network as PyTorch's line, an empty text for a remedy that is none.

    >>> rewritten("fresh, standardized")
    'x = (x - x_train.mean(0)) / x_train.std(0)  # for all splits'
    """
    return REWRITES.get(label.removeprefix("fresh, "), "")


def in_layers(widths: Sequence[int], activation: str) -> str:
    """Write a chain of dense layers as PyTorch's; empty where it has no such layer.

    >>> in_layers((8, 64, 3), "relu")
    'net = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))'
    """
    if len(widths) > 2 and activation not in LAYERS:
        return ""
    layers = [f"nn.Linear({inputs}, {outputs})" for inputs, outputs in pairwise(widths)]
    between = f", {LAYERS[activation]}, " if len(layers) > 1 else ""
    return f"net = nn.Sequential({between.join(layers)})"


def momenta(name: str, kind: str, settings: Mapping[str, Any]) -> list[str]:
    """Write what PyTorch calls momentum, betas or alpha, where it differs from PyTorch's default."""
    if kind == "Adagrad":
        return []
    row = OPTIMIZERS[name]
    first, second = settings.get("momentum", row.momentum), settings.get("beta2", row.beta2)
    if kind in MOMENTUM:
        alpha = [f"alpha={second:g}"] if kind == "RMSprop" and second != row.beta2 else []
        return alpha + ([f"momentum={first:g}"] if first else [])
    return [f"betas=({first:g}, {second:g})"] if (first, second) != (row.momentum, row.beta2) else []
