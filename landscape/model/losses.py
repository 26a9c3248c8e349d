"""What each loss requires of the output and of the targets."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from landscape.errors import InputError
from landscape.model.loss_options import IGNORED as IGNORED
from landscape.ops.operation import Shape, batched

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
    return (target >= 0) & (target < classes)


def _share(target: np.ndarray, classes: int) -> np.ndarray:
    return (target >= 0) & (target <= 1)


def _binary(target: np.ndarray, classes: int) -> np.ndarray:
    return (target == 0) | (target == 1)


def _sign(target: np.ndarray, classes: int) -> np.ndarray:
    return abs(target) == 1


def _not_negative(target: np.ndarray, classes: int) -> np.ndarray:
    return target >= 0


def _any(target: np.ndarray, classes: int) -> np.ndarray:
    return np.ones(target.shape, bool)


_FLOATS = "numbers in float32 or float64"
_REGRESSION = Loss((0, 8), "any output", "f", _FLOATS, _any)
_COUNTS = Loss((0, 8), "any output", "iuf", "numbers from 0", _not_negative)
_LOGITS = "logits [N, C], [N, T, C] or of images [N, C, H, W]"

LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss((1, 8), _LOGITS, "iuf", "integer class ids, or a number from 0 for each class", _class_id),
    "binary_cross_entropy": Loss((0, 8), "logits of any shape", "iufb", "numbers from 0 to 1", _share),
    "mse": _REGRESSION,
    "mae": _REGRESSION,
    "huber": _REGRESSION,
    "kl_divergence": Loss((1, 8), _LOGITS, "f", "a number from 0 for each class", _not_negative),
    "poisson": _COUNTS,
    "poisson_rate": _COUNTS,
    "hinge_embedding": Loss((0, 8), "any output", "if", "1 or -1", _sign),
    "multi_margin": Loss((1, 1), "an output for each class, [N, C]", "iu", "integer class ids", _class_id),
    "focal": Loss((0, 8), "logits of any shape", "iufb", "0 or 1", _binary),
    "output": Loss((0, 8), "any output", "f", "numbers, which it does not read", _any),
}  # fmt: skip
# The network puts out its loss itself.
OUTPUT = "output"
# Losses over the classes of an example, and those whose outputs are right on one side of zero.
OF_CLASSES = ("cross_entropy", "kl_divergence", "multi_margin")
OF_SIDES = ("binary_cross_entropy", "focal")


def classes_first(loss: str, output: Shape) -> bool:
    """Say whether an example's classes lie on its first axis, as those of an image do, and not on its last.

    >>> classes_first("cross_entropy", (3, 8, 8)), classes_first("cross_entropy", (8, 3))
    (True, False)
    """
    return loss in OF_CLASSES and len(output) > 2


def classes_of(loss: str, output: Shape) -> int:
    """Count the classes of an example's output; 1 for a loss that has none."""
    if loss not in OF_CLASSES or not output:
        return 1
    return output[0] if classes_first(loss, output) else output[-1]


def is_soft(loss: str, target: np.ndarray) -> bool:
    """Say whether targets are a number for each class, and not class ids."""
    return loss == "kl_divergence" or (loss == "cross_entropy" and target.dtype.kind == "f")


def require_target_shape(
    key: str, name: str, found: Shape, examples: int, output: Shape, soft: bool = False
) -> None:
    """Refuse targets whose shape does not go with the output's.

    Raises
    ------
    InputError
        The message says which shape was expected.
    """
    if name in OF_SIDES:
        good = found[:1] == (examples,) and math.prod(found) == examples * math.prod(output)
        expected = f"{[examples, *output]} or as many elements"
    else:
        ids = output[1:] if classes_first(name, output) else output[:-1]
        wanted = (examples, *(ids if name in OF_CLASSES and not soft else output))
        good, expected = found == wanted, str(list(wanted))
    if not good:
        raise InputError(
            f"{key}: expected shape {expected} ({name} of outputs {batched(output)}), found {list(found)}"
        )
