"""The ops that own parameters: rows of the op table.

A convolution's output along an image axis is `⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1`.
"""

from __future__ import annotations

from landscape.errors import InputError
from landscape.model import values
from landscape.model.operation import (
    Attribute,
    Attributes,
    Operation,
    Parameter,
    Shape,
    Sizes,
    batched,
    require_axes,
)


def dense_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read the last axis."""
    require_axes(inputs[0], 1, "[N, …, in]")
    return {"in": inputs[0][-1]}


def dense_output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Replace the last axis."""
    return (*inputs[0][:-1], _size(sizes, "out"))


def convolution_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read the channels; the groups must divide them."""
    axes = len(attributes["stride"])
    require_axes(inputs[0], axes + 1, f"{batched_letters('C', axes)}, channels first", axes + 1)
    channels, groups = inputs[0][0], attributes["groups"]
    if channels % groups:
        raise InputError(f"groups: expected a divisor of the {channels} channels, found {groups}")
    return {"in/groups": channels // groups}


def batched_letters(first: str, axes: int) -> str:
    """Spell the shape that an image op reads.

    >>> batched_letters("C", 2)
    '[N, C, H, W]'
    """
    return f"[N, {first}, {', '.join('HW'[-axes:])}]"


def convolution_output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Slide the kernel along the image axes."""
    channels, groups = _size(sizes, "out"), attributes["groups"]
    if channels % groups:
        raise InputError(f"groups: expected a divisor of the {channels} output channels, found {groups}")
    kernel = tuple(_size(sizes, letter) for letter in ("kh", "kw")[-len(attributes["stride"]) :])
    reach = tuple(d * (k - 1) + 1 for d, k in zip(attributes["dilation"], kernel, strict=True))
    return (channels, *slide(inputs[0][1:], reach, attributes["stride"], attributes["padding"]))


def slide(image: Shape, reach: Shape, stride: Shape, padding: Shape) -> Shape:
    """Count the positions of a window of length `reach` along each axis.

    >>> slide((8, 8), (3, 3), (2, 2), (1, 1))
    (4, 4)

    Raises
    ------
    InputError
        The window is longer than the padded image.
    """
    positions = tuple(
        (size + 2 * pad - length) // step + 1
        for size, length, step, pad in zip(image, reach, stride, padding, strict=True)
    )
    if min(positions) < 1:
        raise InputError(
            f"the kernel reaches over {list(reach)}, more than the padded image {list(image)} has"
        )
    return positions


def batchnorm_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read the channels, axis 1."""
    require_axes(inputs[0], 1, "[N, C, …]")
    return {"C": inputs[0][0]}


def layernorm_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read the trailing axes."""
    axes = attributes["axes"]
    require_axes(inputs[0], axes, f"[N, …] with at least {axes} trailing axes")
    return {"normalized": inputs[0][-axes:]}


def embedding_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read ids, one row an example."""
    require_axes(inputs[0], 1, "integer ids [N, T]", 1)
    return {}


def embedding_output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Give every id its vector."""
    return (*inputs[0], _size(sizes, "D"))


def tokens_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read sequences of vectors."""
    require_axes(inputs[0], 2, "[N, T, D]", 2)
    return {"T": inputs[0][0], "D": inputs[0][1]}


def attention_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read sequences of vectors that the heads divide."""
    width = _size(tokens_sizes(inputs, attributes), "D")
    if width % attributes["heads"]:
        raise InputError(
            f"heads: expected a divisor of the width {width} of {batched(inputs[0])}, "
            f"found {attributes['heads']}"
        )
    return {"D": width, "3D": 3 * width}


def _size(sizes: Sizes, letter: str) -> int:
    size = sizes[letter]
    assert isinstance(size, int)
    return size


def _convolution(axes: int) -> Operation:
    """Make the row for images of one or two axes."""
    kernel = ("kh", "kw")[-axes:]
    return Operation(
        sizes=convolution_sizes,
        output=convolution_output,
        parameters=(
            Parameter("weight", ("out", "in/groups", *kernel)),
            Parameter("bias", ("out",), optional=True),
        ),
        attributes={
            "stride": Attribute(values.per_axis(axes, 1), (1,) * axes),
            "padding": Attribute(values.per_axis(axes, 0), (0,) * axes),
            "dilation": Attribute(values.per_axis(axes, 1), (1,) * axes),
            "groups": Attribute(values.integer(1), 1),
        },
    )


LAYERS: dict[str, Operation] = {
    "dense": Operation(
        sizes=dense_sizes,
        output=dense_output,
        parameters=(Parameter("weight", ("out", "in")), Parameter("bias", ("out",), optional=True)),
    ),
    "conv2d": _convolution(2),
    "conv1d": _convolution(1),
    "batchnorm": Operation(
        sizes=batchnorm_sizes,
        parameters=(
            Parameter("weight", ("C",), optional=True),
            Parameter("bias", ("C",), optional=True),
            Parameter("running_mean", ("C",), buffer=True),
            Parameter("running_var", ("C",), buffer=True),
        ),
        attributes={
            "eps": Attribute(values.number(0.0), 1e-5),
            "momentum": Attribute(values.fraction, 0.1),
            "mode": Attribute(values.choice("running", "batch"), "running"),
            "batch_size": Attribute(values.integer(1), 256),
        },
    ),
    "layernorm": Operation(
        sizes=layernorm_sizes,
        parameters=(Parameter("weight", ("normalized",)), Parameter("bias", ("normalized",))),
        attributes={
            "eps": Attribute(values.number(0.0), 1e-5),
            "axes": Attribute(values.integer(1), 1),
        },
    ),
    "embedding": Operation(
        sizes=embedding_sizes,
        output=embedding_output,
        parameters=(Parameter("weight", ("V", "D")),),
        reads_ids=True,
    ),
    "position": Operation(sizes=tokens_sizes, parameters=(Parameter("weight", ("T", "D")),)),
    "attention": Operation(
        sizes=attention_sizes,
        parameters=(
            Parameter("in_proj_weight", ("3D", "D")),
            Parameter("in_proj_bias", ("3D",)),
            Parameter("out_proj.weight", ("D", "D")),
            Parameter("out_proj.bias", ("D",)),
        ),
        attributes={
            "heads": Attribute(values.integer(1)),
            "causal": Attribute(values.boolean, False),
        },
    ),
}
