"""What each loss asks of the output and of the targets."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from landscape.errors import InputError
from landscape.ops.operation import Shape, batched

IGNORED = -100
Good = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Loss:
    """A row of the loss table.

    `output` says which outputs it takes (`axes` of one example), `kinds` which dtypes of targets, `good`
    which values, `values` the same in words.
    """

    axes: tuple[int, int]
    output: str
    kinds: str
    values: str
    good: Good

    def require_output(self, name: str, shape: Shape) -> None:
        """Refuse a network whose output the loss cannot take.

        Raises
        ------
        InputError
            The message says which it takes.
        """
        if not self.axes[0] <= len(shape) <= self.axes[1]:
            raise InputError(
                f"loss: {name} takes {self.output}, found {batched(shape)} put out by the last node"
            )


def _class_id(target: np.ndarray, classes: int) -> np.ndarray:
    return ((target >= 0) & (target < classes)) | (target == IGNORED)


def _binary(target: np.ndarray, classes: int) -> np.ndarray:
    return (target == 0) | (target == 1)


def _any(target: np.ndarray, classes: int) -> np.ndarray:
    return np.ones(target.shape, bool)


_REGRESSION = Loss((0, 8), "any output", "f", "numbers in float32 or float64", _any)

LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss((1, 2), "logits [N, C] or [N, T, C]", "iu", "integer class ids", _class_id),
    "binary_cross_entropy": Loss((0, 1), "logits [N], [N, 1] or [N, C]", "iufb", "0 or 1", _binary),
    "mse": _REGRESSION,
    "mae": _REGRESSION,
    "huber": _REGRESSION,
}


def require_target_shape(key: str, name: str, found: Shape, examples: int, output: Shape) -> None:
    """Refuse targets whose shape does not go with the output's.

    Raises
    ------
    InputError
        The message says which shape was expected.
    """
    if name == "binary_cross_entropy":
        good = found[:1] == (examples,) and math.prod(found) == examples * math.prod(output)
        expected = f"{[examples, *output]} or as many elements"
    else:
        wanted = (examples, *(output[:-1] if name == "cross_entropy" else output))
        good, expected = found == wanted, str(list(wanted))
    if not good:
        raise InputError(
            f"{key}: expected shape {expected} ({name} of outputs {batched(output)}), found {list(found)}"
        )
