"""The description of an op: parameters, attributes, the rules of its shapes, and how it becomes rows of a program.

Shapes are those of one example, the batch axis left out; messages count it as `N`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from landscape.errors import InputError
from landscape.ops.traits import Traits
from landscape.ops.values import Reader
from landscape.program.building import GraphNode, Lowering, Shape

# More inputs than any op needs.
MOST_INPUTS = 4096
Sizes = dict[str, int | Shape]
Attributes = dict[str, Any]
Settle = Callable[[Attributes, tuple[Shape, ...]], Attributes]
ReadSizes = Callable[[tuple[Shape, ...], Attributes], Sizes]
Output = Callable[[tuple[Shape, ...], Attributes, Sizes], Shape]
Lower = Callable[[Lowering, GraphNode], int]


@dataclass(frozen=True)
class Parameter:
    """A parameter or buffer of an op; its shape is spelled in letters, as in the format's table."""

    name: str
    shape: tuple[str, ...]
    optional: bool = False
    buffer: bool = False


@dataclass(frozen=True)
class Attribute:
    """An attribute of an op; with neither a default nor another one that it is `like`, it must be given."""

    read: Reader
    default: Any = None
    like: str | None = None

    @property
    def required(self) -> bool:
        """Whether a header has to give it."""
        return self.default is None and self.like is None


def unchanged(attributes: Attributes, inputs: tuple[Shape, ...]) -> Attributes:
    """Return the attributes as they are."""
    return attributes


def no_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Accept any input, and define no sizes."""
    return {}


def same_shape(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Return the first input's shape."""
    return inputs[0]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An op of the format.

    `settle` fills in what depends on the inputs (a negative axis), `sizes` says what the inputs fix of the
    letters in the parameters' shapes and refuses inputs that cannot be, `output` gives the output's shape.
    `lower` appends a node's rows and returns the number of the row that holds its output. `traits` answers what
    other packages ask of an op. `counts` are the fewest and the most inputs, where those are not one or, if `several`, two or more. An op that
    `keeps_single` has an output that is the same for all examples where all its inputs are; one with `weights_of_nodes` may read its parameters,
    in their order, from such nodes after its first input. `places` of an op that only orders numbers says for each of its output which of the input
    it is, −1 for a constant.
    """

    name: str
    lower: Lower
    traits: Traits
    sizes: ReadSizes = no_sizes
    output: Output = same_shape
    parameters: tuple[Parameter, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    settle: Settle = unchanged
    several: bool = False
    reads_ids: bool = False
    counts: tuple[int, int] | None = None
    keeps_single: bool = False
    weights_of_nodes: bool = False
    places: Callable[[Shape, Shape, Attributes], Any] | None = None

    @property
    def inputs(self) -> tuple[int, int]:
        """The fewest and the most inputs."""
        if self.counts is not None:
            return self.counts
        if self.several:
            return 2, MOST_INPUTS
        return 1, 1 + (len(self.parameters) if self.weights_of_nodes else 0)


def size_of(sizes: Sizes, letter: str) -> int:
    """Return the number that a letter stands for."""
    size = sizes[letter]
    assert isinstance(size, int)
    return size


def bind(parameter: Parameter, found: Shape, sizes: Sizes) -> Sizes:
    """Match a parameter's shape with the known values of the letters, and return these with the new ones.

    >>> bind(Parameter("weight", ("out", "in")), (10, 64), {"in": 64})
    {'in': 64, 'out': 10}

    Raises
    ------
    InputError
        The shapes do not match.
    """
    expected = spelled(parameter.shape, sizes)
    matches = len(expected) == len(found) and all(
        size >= 1 and (isinstance(wanted, str) or wanted == size)
        for wanted, size in zip(expected, found, strict=True)
    )
    if not matches:
        raise InputError(f"expected shape [{', '.join(map(str, expected))}], found {list(found)}")
    return sizes | {
        wanted: size for wanted, size in zip(expected, found, strict=True) if isinstance(wanted, str)
    }


def spelled(letters: tuple[str, ...], sizes: Sizes) -> tuple[int | str, ...]:
    """Replace the letters that are known; one that stands for a shape gives several sizes."""
    result: list[int | str] = []
    for letter in letters:
        value = sizes.get(letter, letter)
        result.extend(value if isinstance(value, tuple) else (value,))
    return tuple(result)


def require_axes(shape: Shape, least: int, expected: str, most: int | None = None) -> None:
    """Refuse an input with too few or too many axes.

    Raises
    ------
    InputError
        The message says what the op reads.
    """
    if not least <= len(shape) <= (len(shape) if most is None else most):
        raise InputError(f"reads {expected}, found {batched(shape)}")


def batched(shape: Shape) -> str:
    """Spell a shape with its batch axis.

    >>> batched((3, 8, 8))
    '[N, 3, 8, 8]'
    """
    return f"[{', '.join(['N', *map(str, shape)])}]"


def settle_axis(attributes: Attributes, inputs: tuple[Shape, ...]) -> Attributes:
    """Count the axis from the batch, which is axis 0 and cannot be meant.

    Raises
    ------
    InputError
        There is no such axis beside the batch's.
    """
    axes = 1 + len(inputs[0])
    axis = attributes["axis"]
    settled = axis + axes if axis < 0 else axis
    if not 1 <= settled < axes:
        raise InputError(f"axis: expected 1 to {axes - 1} (the batch is axis 0), found {axis}")
    return attributes | {"axis": settled}


def settle_axes(attributes: Attributes, inputs: tuple[Shape, ...]) -> Attributes:
    """Count several axes from the batch, in order, none of them twice.

    Raises
    ------
    InputError
        There is no such axis beside the batch's, or one is named twice.
    """
    axes = [settle_axis({"axis": axis}, inputs)["axis"] for axis in attributes["axes"]]
    if len(set(axes)) < len(axes):
        raise InputError(f"axes: expected each axis once, found {list(attributes['axes'])}")
    return attributes | {"axes": tuple(sorted(axes))}


def spreads_to(shape: Shape, target: Shape) -> bool:
    """Say whether a shape can be spread to another, aligned at the last axis.

    >>> spreads_to((8, 1, 1), (8, 5, 5)), spreads_to((8, 5, 5), (8, 1, 1))
    (True, False)
    """
    ends = target[len(target) - len(shape) :]
    return len(shape) <= len(target) and all(a in (1, b) for a, b in zip(shape, ends, strict=True))


def broadcast_shape(one: Shape, two: Shape) -> Shape:
    """Give the shape to which two are spread, aligned at the last axis.

    >>> broadcast_shape((8, 1, 1), (8, 5, 5))
    (8, 5, 5)

    Raises
    ------
    InputError
        Two sizes differ and none of them is 1.
    """
    length = max(len(one), len(two))
    first, second = (1,) * (length - len(one)) + one, (1,) * (length - len(two)) + two
    if any(a != b and 1 not in (a, b) for a, b in zip(first, second, strict=True)):
        raise InputError(
            f"reads inputs of equal shapes, or of 1 where they differ, found {batched(one)} and {batched(two)}"
        )
    return tuple(b if a == 1 else a for a, b in zip(first, second, strict=True))
