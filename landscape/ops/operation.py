"""What an op says of itself: parameters, attributes, the rules of its shapes, and how it becomes rows of a program.

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
    """Leave the attributes as they are."""
    return attributes


def no_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Ask nothing of the input."""
    return {}


def equal_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Ask for inputs of one shape."""
    for shape in inputs:
        if shape != inputs[0]:
            raise InputError(f"reads inputs of equal shapes, found {batched(inputs[0])} and {batched(shape)}")
    return {}


def same_shape(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Put out the first input's shape."""
    return inputs[0]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An op of the format.

    `settle` fills in what depends on the inputs (a negative axis), `sizes` says what the inputs fix of the
    letters in the parameters' shapes and refuses inputs that cannot be, `output` gives the output's shape.
    `lower` appends a node's rows and returns the number of the row that holds its output. `traits` answers what
    other packages ask of an op.
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


def size_of(sizes: Sizes, letter: str) -> int:
    """Return the number that a letter stands for."""
    size = sizes[letter]
    assert isinstance(size, int)
    return size


def bind(parameter: Parameter, found: Shape, sizes: Sizes) -> Sizes:
    """Match a parameter's shape with what the letters stand for so far; give back what they stand for now.

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
