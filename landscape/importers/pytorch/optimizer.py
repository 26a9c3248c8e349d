"""Read a `torch.optim` optimizer: its settings, its weight decay and its state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.optimizer_names import optimizer_name

# State of PyTorch's optimizers, by the names of `landscape train`.
SLOTS = {
    "exp_avg": "m",
    "momentum_buffer": "m",
    "exp_avg_sq": "v",
    "square_avg": "v",
    "sum": "v",
    "max_exp_avg_sq": "v_max",
}
# Optimizers whose weight decay acts on θ itself, whatever their settings.
DECOUPLED = ("adamw", "lion", "muon", "adafactor")


def unwrapped_optimizer(optimizer: Any) -> Any:
    """Return the optimizer inside a wrapper, and refuse anything else.

    Raises
    ------
    InputError
        It has no groups of parameters.
    """
    while hasattr(getattr(optimizer, "optimizer", None), "param_groups"):
        optimizer = optimizer.optimizer
    require_optimizer(optimizer)
    return optimizer


def require_optimizer(optimizer: Any) -> None:
    """Refuse what has no groups of parameters.

    Raises
    ------
    InputError
        The message says what was found.
    """
    groups = getattr(optimizer, "param_groups", None)
    if not groups or not all(isinstance(group, Mapping) and "params" in group for group in groups):
        raise InputError(
            f"optimizer: expected one of torch.optim, with its param_groups, found {type(optimizer).__name__}"
        )


def number(value: Any) -> float:
    """Give a setting as a number, also from a tensor; NaN for anything else.

    >>> number(0.5), number(None)
    (0.5, nan)
    """
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        return math.nan


def settings_of(optimizer: Any) -> dict[str, Any]:
    """Read the settings of the first group, as `training` in a header has them; what the optimizer lacks is left out.

    Raises
    ------
    InputError
        It is no optimizer.
    """
    require_optimizer(optimizer)
    group = optimizer.param_groups[0]
    found: dict[str, Any] = {"optimizer": name_of(optimizer, group)}
    # A schedule notes the rate that it began with.
    rate = number(group.get("initial_lr", group.get("lr")))
    given = {
        "learning_rate": rate, "momentum": number(group.get("momentum")), "eps": number(group.get("eps")),
        "beta2": number(group.get("alpha")), "weight_decay": number(group.get("weight_decay")) if decoupled(optimizer, group) else math.nan,
    }  # fmt: skip
    found |= {key: value for key, value in given.items() if math.isfinite(value) and value >= 0}
    betas = [number(beta) for beta in group.get("betas") or ()]
    if len(betas) == 2 and all(map(math.isfinite, betas)):
        found["betas"] = betas
    return found


def name_of(optimizer: Any, group: Mapping[str, Any]) -> str:
    """Name an optimizer as this package does where it knows it, else by its class."""
    kind = type(optimizer).__name__
    if kind == "SGD" and group.get("nesterov"):
        return "nesterov"
    if kind == "Adam" and group.get("amsgrad"):
        return "amsgrad"
    try:
        return optimizer_name("adamw" if kind == "Adam" and decoupled(optimizer, group) else kind)
    except InputError:
        return kind


def decoupled(optimizer: Any, group: Mapping[str, Any]) -> bool:
    """Say whether the weight decay acts on θ itself and not through the gradient."""
    flag = group.get("decoupled_weight_decay", False)
    return bool(flag) or type(optimizer).__name__.lower() in DECOUPLED


def penalties_of(optimizer: Any) -> dict[int, float]:
    """Give the λ of ½ λ ‖w‖² of each parameter, by its identity; 0 where the decay acts on θ itself.

    Raises
    ------
    InputError
        It is no optimizer.
    """
    require_optimizer(optimizer)
    found: dict[int, float] = {}
    for group in optimizer.param_groups:
        decay = number(group.get("weight_decay", 0.0))
        through = math.isfinite(decay) and decay > 0 and not decoupled(optimizer, group)
        found |= {id(parameter): decay if through else 0.0 for parameter in group["params"]}
    return found


def state_of(
    optimizer: Any,
    names: Mapping[int, str],
    flat: Callable[[Mapping[str, np.ndarray]], np.ndarray | None],
) -> dict[str, np.ndarray]:
    """Give the state in the order of θ, [P] a slot, and the number of updates `step`; slots that not all of θ has are left out.

    `names` are those of the parameters, by identity, and `flat` lays arrays of those names out as θ is.

    Raises
    ------
    InputError
        It is no optimizer.
    """
    require_optimizer(optimizer)
    slots: dict[str, dict[str, np.ndarray]] = {}
    steps: set[int] = set()
    for parameter, held in getattr(optimizer, "state", {}).items():
        name = names.get(id(parameter))
        if name is None or not isinstance(held, Mapping):
            continue
        steps |= {int(number(held["step"]))} if math.isfinite(number(held.get("step"))) else set()
        for key, value in held.items():
            if key in SLOTS and getattr(value, "shape", None) == parameter.shape:
                slots.setdefault(SLOTS[key], {})[name] = value.detach().cpu().double().numpy()
    laid = {slot: flat(arrays) for slot, arrays in slots.items()}
    found = {slot: array for slot, array in laid.items() if array is not None}
    # Parameters that joined later have other numbers of updates, and then none is said.
    return found | ({"step": np.array(steps.pop())} if len(steps) == 1 else {})
