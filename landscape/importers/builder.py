"""Write arithmetic, layouts and products of an imported network's values as nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.nodes import Nodes
from landscape.importers.values import MIXES, Value
from landscape.ops.operation import Shape, broadcast_shape

Number = int | float


class Builder(Nodes):
    """Makes the nodes of functions of values, and the values that these give."""

    def function(self, op: str, value: Value, **attributes: Any) -> Value:
        """Apply a function to each number."""
        return self.made(value, op, [self.node(value)], **attributes)

    def scaled(self, value: Value, factor: Number) -> Value:
        """Multiply by a number."""
        return value if factor == 1 else self.function("scale", value, by=float(factor))

    def shifted(self, value: Value, number: Number) -> Value:
        """Add a number."""
        return value if number == 0 else self.function("shift", value, by=float(number))

    def aligned(self, one: Value, two: Value) -> tuple[Value, list[str]]:
        """Broadcast two values to one shape, and give the nodes in shapes that the format broadcasts in the same way.

        Raises
        ------
        InputError
            Their batches stand at different axes.
        """
        rank = max(len(one.shape), len(two.shape))
        shapes = [(1,) * (rank - len(value.shape)) + value.shape for value in (one, two)]
        axes = [
            None if value.batch is None else value.batch + rank - len(value.shape) for value in (one, two)
        ]
        known = {axis for axis in axes if axis is not None}
        if len(known) > 1:
            raise InputError(MIXES)
        batch, outer = (known.pop() if known else None), 1
        if batch is not None:
            sizes = {
                (shape[batch], value.outer)
                for shape, axis, value in zip(shapes, axes, (one, two), strict=True)
                if axis is not None
            }
            if len(sizes) > 1 or any(
                axis is None and shape[batch] != 1 for shape, axis in zip(shapes, axes, strict=True)
            ):
                raise InputError(MIXES)
            outer = sizes.pop()[1]
        whole = broadcast_shape(*shapes)
        result = Value(whole, batch=batch, outer=outer)
        nodes = []
        for value, shape in zip((one, two), shapes, strict=True):
            laid = shape if not result.drops or batch is None else shape[:batch] + shape[batch + 1 :]
            nodes.append(self.shaped(value, laid))
        return result, nodes

    def binary(self, op: str, one: Value | Number, two: Value | Number) -> Value:
        """Add, subtract, multiply or divide two values, or a value and a number."""
        if isinstance(one, Value) and isinstance(two, Value):
            result, nodes = self.aligned(one, two)
            return self.made(result, op, nodes)
        if isinstance(one, Value):
            assert not isinstance(two, Value)
            number = two
            return {
                "add": lambda: self.shifted(one, number),
                "subtract": lambda: self.shifted(one, -number),
                "multiply": lambda: self.scaled(one, number),
                "divide": lambda: self.scaled(one, 1.0 / number),
            }[op]()
        assert isinstance(two, Value)
        first, second = one, two
        return {
            "add": lambda: self.shifted(second, first),
            "subtract": lambda: self.shifted(self.scaled(second, -1), first),
            "multiply": lambda: self.scaled(second, first),
            "divide": lambda: self.scaled(self.function("reciprocal", second), first),
        }[op]()

    def reduced(self, op: str, value: Value, dims: Sequence[int], keep: bool) -> Value:
        """Reduce axes, by default all; in a program for one example's loss, the batch axis has one element.

        Raises
        ------
        InputError
            Another reduction over the batch.
        """
        axes = sorted({value.axis(dim) for dim in dims} or set(range(len(value.shape))))
        batch = value.batch
        of_batch = batch in axes and self.averages
        laid = [
            axis + 1 if axis == batch and of_batch else value.laid_axis(axis)
            for axis in axes
            if not (axis == batch and of_batch and value.drops)
        ]
        shape = tuple(
            1 if axis in axes else size for axis, size in enumerate(value.shape) if keep or axis not in axes
        )
        if batch is not None:
            batch = None if of_batch else batch if keep else batch - sum(axis < batch for axis in axes)
        result = replace(value, batch=batch)
        if not laid:
            return (
                self.checked(
                    replace(result, shape=shape, node=self.node(value), constant=None, parameter=None)
                )
                if axes
                else value
            )
        return self.made(result, op, [self.node(value)], shape, axes=laid, keepdims=keep)

    def permuted(self, value: Value, order: Sequence[int]) -> Value:
        """Permute axes; if those of an example stay in order, no data move."""
        axes = [value.axis(dim) for dim in order]
        shape = tuple(value.shape[axis] for axis in axes)
        batch = None if value.batch is None else axes.index(value.batch)
        if value.constant is not None:
            return replace(
                value,
                shape=shape,
                batch=batch,
                constant=value.constant.reshape(value.shape).transpose(axes),
                parameter=None,
            )
        laid = [
            axis + (0 if value.drops and axis > (value.batch or 0) else 1)
            for axis in axes
            if not (value.drops and axis == value.batch)
        ]
        result = replace(value, shape=shape, batch=batch)
        if laid == sorted(laid):
            return replace(result, node=self.node(value), parameter=None)
        return self.made(result, "transpose", [self.node(value)], shape, axes=laid)

    def regrouped(self, value: Value, result: Value) -> Value:
        """Reshape a value to the axes of another of the same size."""
        if value.constant is not None:
            return replace(result, constant=value.constant.reshape(result.shape))
        return self.checked(replace(result, node=self.node(value)))

    def taken(self, value: Value, dim: int, places: Sequence[int] | slice) -> Value:
        """Select positions along an axis."""
        axis = value.axis(dim)
        size = value.shape[axis]
        chosen = range(size)[places] if isinstance(places, slice) else list(places)
        if list(chosen) == list(range(size)):
            return value
        shape = (*value.shape[:axis], len(chosen), *value.shape[axis + 1 :])
        if not len(chosen):
            raise InputError("takes an empty part of an axis")
        laid = value.laid_axis(axis)
        if isinstance(chosen, range):
            more = {"axis": laid, "start": chosen.start, "stop": chosen.stop, "step": chosen.step}
            if more["stop"] < 0:
                more["stop"] = -size - 1
            return self.made(value, "slice", [self.node(value)], shape, **more)
        return self.made(
            value, "take", [self.node(value)], shape, axis=laid, indices=[int(i) for i in chosen]
        )

    def taken_image(self, value: Value, place: int) -> Value:
        """Take one of the images that an example has along its batch axis, which comes first."""
        node = self.network.add(
            self.name("image"), "slice", [self.node(value)], None, axis=1, start=place, stop=place + 1
        )
        return self.checked(Value((1, *value.shape[1:]), node, 0))

    def images_joined(self, value: Value, images: Sequence[Value]) -> Value:
        """Put images of an example one after another along its batch axis."""
        nodes = [self.shaped(image, (1, *image.laid)) for image in images]
        node = self.network.add(self.name("images"), "concat", nodes, None, axis=1)
        return self.checked(Value((len(images), *images[0].shape[1:]), node, 0, value.outer))

    def joined(self, values: Sequence[Value], dim: int) -> Value:
        """Join values along an axis."""
        batched = [value for value in values if value.batch is not None]
        like = batched[0] if batched else values[0]
        axis = like.axis(dim)
        laid = like.laid_axis(axis)
        values = [value for value in values if math.prod(value.shape)]
        for value in values:
            if value.batch is None and like.batch is not None and value.shape[like.batch] != 1:
                raise InputError(MIXES)
            if value.batch not in (None, like.batch):
                raise InputError(MIXES)
        shape = (*like.shape[:axis], sum(value.shape[axis] for value in values), *like.shape[axis + 1 :])
        drop = like.batch if like.drops else None
        nodes = [
            self.shaped(value, tuple(size for number, size in enumerate(value.shape) if number != drop))
            for value in values
        ]
        if len(nodes) == 1:
            return values[0]
        if not batched:
            return self._laid_out(values, axis, shape)
        return self.made(replace(like, node=None), "concat", nodes, shape, axis=laid)

    def _laid_out(self, values: Sequence[Value], axis: int, shape: Shape) -> Value:
        """Join values that are the same for all examples, which the format's concat cannot: pad each with zeros, and add."""
        parts, start = [], 0
        for value in values:
            before, after = [0] * len(shape), [0] * len(shape)
            before[axis], after[axis] = start, shape[axis] - start - value.shape[axis]
            parts.append(
                self.made(
                    value, "pad", [self.node(value)], shape, before=before, after=after, mode="constant"
                )
            )
            start += value.shape[axis]
        result = parts[0]
        for part in parts[1:]:
            result = self.binary("add", result, part)
        return result

    def spread(self, value: Value, shape: Shape, batch: int | None, outer: int = 1) -> Value:
        """Broadcast axes of size 1 to a shape, one of which may be the batch axis."""
        rank = len(shape)
        padded = (1,) * (rank - len(value.shape)) + value.shape
        if self.averages and value.batch is not None:
            batch = value.batch + rank - len(value.shape)
        if value.batch is not None and batch != value.batch + rank - len(value.shape):
            raise InputError(MIXES)
        outer = value.outer if value.batch is not None else outer
        result = Value(shape, batch=batch, outer=outer)
        if value.constant is not None:
            return replace(result, constant=np.broadcast_to(value.constant.reshape(padded), shape))
        laid = padded if not result.drops or batch is None else padded[:batch] + padded[batch + 1 :]
        node = self.shaped(value, laid)
        if laid == result.laid:
            return self.checked(replace(result, node=node))
        made = self.network.add(self.name("expand"), "expand", [node], None, shape=list(result.laid))
        return replace(result, node=made)

    def product(self, one: Value, two: Value) -> Value:
        """Multiply matrices, the last two axes of both; a vector is a matrix of one row or column."""
        first, second = one, two
        if len(one.shape) == 1:
            first = self.regrouped(
                one, replace(one, shape=(1, *one.shape), batch=None if one.batch is None else one.batch + 1)
            )
        if len(two.shape) == 1:
            second = self.regrouped(two, replace(two, shape=(*two.shape, 1)))
        result = self._matrices(first, second)
        shape = list(result.shape)
        if len(two.shape) == 1:
            result = self.without(result, len(shape) - 1)
        if len(one.shape) == 1:
            result = self.without(result, len(result.shape) - (2 if len(two.shape) > 1 else 1))
        return result

    def without(self, value: Value, axis: int) -> Value:
        """Drop an axis of one element."""
        shape = value.shape[:axis] + value.shape[axis + 1 :]
        batch = value.batch if value.batch is None or value.batch < axis else value.batch - 1
        return self.regrouped(value, replace(value, shape=shape, batch=batch, constant=None, parameter=None))

    def _matrices(self, one: Value, two: Value) -> Value:
        """Multiply matrices; rows may be those of several examples, where the other factor is the same for all."""
        rank = max(len(one.shape), len(two.shape))
        rows = one.batch is not None and one.batch == len(one.shape) - 2
        if rows and two.batch is None and one.batch is not None:
            # Rows of all examples times one matrix: what a layer does.
            shape = (*one.shape[:-1], two.shape[-1])
            matrix = self.node(two)
            if len(two.shape) > 2 and math.prod(two.shape[:-2]) > 1:
                raise InputError(MIXES)
            if len(two.shape) > 2:
                matrix = self.shaped(two, two.shape[-2:])
            turned = self.network.add(self.name("transpose"), "transpose", [matrix], None, axes=[2, 1])
            return self.made(one, "dense", [self.node(one), turned], shape)
        for value in (one, two):
            if value.batch is not None and value.batch >= len(value.shape) - 2:
                raise InputError(MIXES)
        shapes = [(1,) * (rank - len(v.shape)) + v.shape for v in (one, two)]
        # The axes before the matrices are spread as those of any two values.
        heads = [
            Value(shape[:-2], batch=None if v.batch is None else v.batch + rank - len(v.shape), outer=v.outer)
            for shape, v in zip(shapes, (one, two), strict=True)
        ]
        batches = {head.batch for head in heads if head.batch is not None}
        if len(batches) > 1:
            raise InputError(MIXES)
        batch = batches.pop() if batches else None
        if batch is not None and any(head.batch is None and head.shape[batch] != 1 for head in heads):
            raise InputError(MIXES)
        outer = max(head.outer for head in heads)
        shape = (*broadcast_shape(heads[0].shape, heads[1].shape), shapes[0][-2], shapes[1][-1])
        result = Value(shape, batch=batch, outer=outer)
        drop = batch if result.drops else None
        nodes = [
            self.shaped(value, tuple(size for number, size in enumerate(whole) if number != drop))
            for value, whole in zip((one, two), shapes, strict=True)
        ]
        return self.made(result, "matmul", nodes)
