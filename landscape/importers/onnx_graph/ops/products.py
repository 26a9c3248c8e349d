"""Products: of a value and a weight, of two values, and by Einstein's sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.onnx_graph.call import Call
from landscape.importers.rules.weights import dense
from landscape.importers.values import Value

Translate = Callable[[Call], Any]


def gemm(call: Call) -> Value:
    """Translate α A B + β C, of which a layer is a special case."""
    b, one, weight = call.builder, call.value(), call.trained(1)
    alpha, beta = float(call.get("alpha", 1.0)), float(call.get("beta", 1.0))
    bias = call.trained(2) if call.source(2) else None
    if call.get("transA", 0):
        one = turned(call, one)
    if not call.get("transB", 0):
        weight = turned(call, weight)
    plain = bias is None or math.prod(bias.shape) == weight.shape[0]
    if alpha == 1 and (bias is None or beta == 1) and plain and len(weight.shape) == 2:
        return dense(b, one, weight, None if bias is None else flat(call, bias))
    product = b.scaled(dense(b, one, weight, None), alpha)
    return product if bias is None else b.binary("add", product, b.scaled(bias, beta))


def turned(call: Call, value: Value) -> Value:
    """Swap the axes of a matrix, of a parameter as a view of it."""
    if len(value.shape) != 2:
        raise InputError(f"expected a matrix, found {list(value.shape)}")
    return call.graph.viewed(value, np.transpose) or known_turned(call, value)


def known_turned(call: Call, value: Value) -> Value:
    """Swap the axes of known numbers, which a layer may have for its weights."""
    if value.fixed:
        return call.graph.fixed(np.transpose(value.constant), f"{value.parameter or call.path}.turned")
    return call.builder.permuted(value, [1, 0])


def flat(call: Call, value: Value) -> Value:
    """Give a vector."""
    if len(value.shape) == 1:
        return value
    return call.graph.viewed(value, np.ravel) or call.builder.regrouped(
        value, Value((math.prod(value.shape),))
    )


def matmul(call: Call) -> Value:
    """Multiply matrices; by a weight with the bias that is added to it next."""
    one, two = call.value(), call.trained(1)
    if two.batch is not None or len(two.shape) != 2 or one.batch is None or len(one.shape) < 2:
        return call.builder.product(one, two)
    return dense(call.builder, one, turned(call, two), following_bias(call, two.shape[1]))


def following_bias(call: Call, wide: int) -> Value | None:
    """Find a bias that is added next, and move on to there."""
    following = call.only_reader()
    if following is None or following.op_type != "Add":
        return None
    other = next((name for name in following.input if name != call.output), "")
    found = call.graph.known.get(other)
    constant = call.graph.constants.get(other)
    if not isinstance(found, Value) or constant is None or constant.array.shape != (wide,):
        return None
    if found.batch is not None or constant.array.dtype.kind != "f":
        return None
    call.output = following.output[0]
    return Value(found.shape, constant=None if constant.trainable else found.constant, parameter=other)


def einsum(call: Call) -> Value:
    """Translate Einstein's sums of one or two values."""
    values, equation = call.values, str(call.get("equation", "")).replace(" ", "")
    left, _, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(values) or len(values) > 2:
        raise InputError(f"equation {shown(equation)}: expected one or two operands")
    terms, right = spelled(terms, right if "->" in equation else implied(left), values)
    if any(len(set(term)) < len(term) for term in (*terms, right)):
        raise InputError(f"equation {shown(equation)}: an axis twice in one operand")
    sizes: dict[str, int] = {}
    for term, value in zip(terms, values, strict=True):
        if len(term) != len(value.shape):
            raise InputError(f"equation {shown(equation)}: {len(term)} axes for {len(value.shape)}")
        sizes.update(zip(term, value.shape, strict=True))
    if len(values) == 1:
        return ordered(call, *summed(call, values[0], terms[0], right), right)
    return contracted(call, values, terms, right, sizes)


def implied(left: str) -> str:
    """Give the result that an equation without an arrow means: axes that occur once, in the order of the alphabet."""
    names = left.replace(",", "").replace("...", "")
    rest = "".join(sorted(name for name in set(names) if names.count(name) == 1))
    return ("..." if "..." in left else "") + rest


def spelled(terms: list[str], right: str, values: list[Value]) -> tuple[list[str], str]:
    """Name the axes that three points stand for."""
    free = "".join(chr(code) for code in range(0x3B1, 0x3C9))
    counts = [
        len(value.shape) - len(term.replace("...", ""))
        for term, value in zip(terms, values, strict=True)
        if "..." in term
    ]
    most = max(counts, default=0)
    result = []
    for term, value in zip(terms, values, strict=True):
        count = max(0, len(value.shape) - len(term.replace("...", "")))
        result.append(term.replace("...", free[most - count : most]))
    return result, right.replace("...", free[:most])


def summed(call: Call, value: Value, term: str, kept: str) -> tuple[Value, str]:
    """Sum over axes that nothing else has."""
    axes = [axis for axis, name in enumerate(term) if name not in kept]
    if not axes:
        return value, term
    return call.builder.reduced("reduce_sum", value, axes, False), "".join(n for n in term if n in kept)


def ordered(call: Call, value: Value, term: str, right: str) -> Value:
    """Put axes in the order of the result."""
    return call.builder.permuted(value, [term.index(name) for name in right])


def contracted(call: Call, values: list[Value], terms: list[str], right: str, sizes: dict[str, int]) -> Value:
    """Multiply two values as matrices: axes of both that stay go before, what is summed over is one axis."""
    b = call.builder
    one, first = summed(call, values[0], terms[0], right + terms[1])
    two, second = summed(call, values[1], terms[1], right + terms[0])
    if one.batch is None and two.batch is not None and first[0:1] != "":
        one, two, first, second = two, one, second, first
    heads = [name for name in right if name in first and name in second]
    inner = [name for name in first if name in second and name not in right]
    rows = [name for name in first if name not in second]
    columns = [name for name in second if name not in first]
    left = merged(b, one, first, [heads, rows, inner], sizes)
    other = merged(b, two, second, [heads, inner, columns], sizes)
    product = b.product(left, other)
    names = [*heads, *rows, *columns]
    shape = tuple(sizes[name] for name in names)
    batch = None if product.batch is None else names.index(batch_name(one, first, two, second))
    apart = b.regrouped(product, Value(shape, batch=batch, outer=1 if batch is not None else product.outer))
    return ordered(call, apart, "".join(names), right)


def batch_name(one: Value, first: str, two: Value, second: str) -> str:
    """Name the axis of the examples."""
    if one.batch is not None:
        return first[one.batch]
    assert two.batch is not None
    return second[two.batch]


def merged(b: Any, value: Value, term: str, groups: list[list[str]], sizes: dict[str, int]) -> Value:
    """Order axes by groups; those of the first stay apart, those of each other group become one."""
    heads, *rest = groups
    order = [term.index(name) for group in groups for name in group]
    value = b.permuted(value, order)
    shape = [sizes[name] for name in heads] + [math.prod(sizes[name] for name in group) for group in rest]
    batch, outer = value.batch, value.outer
    if batch is not None:
        place = len(heads)
        for number, group in enumerate(rest):
            if place <= batch < place + len(group):
                outer = math.prod(value.shape[place:batch]) * value.outer
                batch = len(heads) + number
                break
            place += len(group)
    return b.regrouped(
        value, replace(value, shape=tuple(shape), batch=batch, outer=outer, constant=None, parameter=None)
    )


PRODUCTS: dict[str, Translate] = {"Gemm": gemm, "MatMul": matmul, "Einsum": einsum}
