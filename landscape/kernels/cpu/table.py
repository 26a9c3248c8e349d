"""The table of rules by their numbers, and which numbers a program needs.

A new op is a file in `ops/` and a row of `OPS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from landscape.kernels.cpu import loops, loss_rules, over_examples, register_products, squares, updates
from landscape.kernels.cpu.ops import (
    activation,
    add,
    attention,
    avgpool,
    batch_statistics,
    batchnorm,
    combine,
    concat,
    convolution,
    convolution_of,
    dense,
    dense_of,
    embedding,
    gather,
    groupnorm,
    largest,
    layernorm,
    matmul,
    maxpool,
    mean,
    multiply,
    pad_channels,
    parameter,
    position,
    product,
    softmax,
    transpose,
)
from landscape.kernels.cpu.rules import (
    ACTIVATE,
    ADD_CURVED,
    ADD_SLOPE,
    ADJOINT_CHANGE_OF,
    ADJOINT_OF,
    AFFINE,
    BACKWARD,
    CONVOLVE,
    CURVED,
    FINISH,
    LINEAR,
    MOST_ACTIVATIONS,
    MOST_LOSSES,
    MOST_OPS,
    MOST_UPDATES,
    OUTER,
    PRODUCT,
    REVERSE,
    SET_SLOPE,
    SUMS_OF,
    TABLE,
    TANGENT,
    TAPS_GRADIENT,
    VALUE,
    Rule,
)
from landscape.program.codes import Op
from landscape.program.table import Column, Geometry, Program

OPS = {
    Op.DENSE: dense,
    Op.ACTIVATION: activation,
    Op.SOFTMAX: softmax,
    Op.LAYERNORM: layernorm,
    Op.ADD: add,
    Op.MULTIPLY: multiply,
    Op.CONCAT: concat,
    Op.CONVOLUTION: convolution,
    Op.BATCHNORM: batchnorm,
    Op.TRANSPOSE: transpose,
    Op.MAXPOOL: maxpool,
    Op.AVGPOOL: avgpool,
    Op.PAD_CHANNELS: pad_channels,
    Op.MEAN: mean,
    Op.EMBEDDING: embedding,
    Op.POSITION: position,
    Op.ATTENTION: attention,
    Op.BATCH_STATISTICS: batch_statistics,
    Op.GROUPNORM: groupnorm,
    Op.GATHER: gather,
    Op.PARAMETER: parameter,
    Op.COMBINE: combine,
    Op.PRODUCT: product,
    Op.LARGEST: largest,
    Op.MATMUL: matmul,
    Op.DENSE_OF: dense_of,
    Op.CONVOLUTION_OF: convolution_of,
}


class Work(NamedTuple):
    """The rules that a kind of work needs: the passes over ops, the loops over activations, the sums of losses, the entry points."""

    passes: tuple[int, ...]
    formulas: tuple[int, ...]
    sums: tuple[int, ...]
    entries: tuple[str, ...] = ()


VALUES = Work((VALUE,), (ACTIVATE,), (SUMS_OF,), ("values",))
SWEEPS = Work(
    (VALUE, FINISH, LINEAR), (ACTIVATE, AFFINE), (SUMS_OF,), ("sweep", "share_products", "share_fixed")
)
GRADIENTS = Work((VALUE, BACKWARD), (ACTIVATE, SET_SLOPE, ADD_SLOPE), (SUMS_OF, ADJOINT_OF), ("gradients",))
COMBINATIONS = Work(
    (VALUE, LINEAR, BACKWARD), GRADIENTS.formulas, GRADIENTS.sums, ("combinations", "keep_products")
)
TRAININGS = GRADIENTS._replace(entries=("train",))
PRODUCTS = Work(
    (VALUE, BACKWARD, TANGENT, REVERSE, CURVED),
    (ACTIVATE, SET_SLOPE, ADD_SLOPE, ADD_CURVED),
    (ADJOINT_OF, ADJOINT_CHANGE_OF),
    ("products", "keep_primals"),
)
WHOLE = PRODUCTS._replace(entries=("hessian_rows", "keep_primals"))


def enter(first: int, most: int, rules: Mapping[int, Rule]) -> None:
    """Enter the rules of a range into the table, by their codes.

    Raises
    ------
    ValueError
        A code is beyond the range, where it would stand for another rule: `rules.py` leaves too little room.
    """
    if any(not 0 <= code < most for code in rules):
        raise ValueError(f"codes {sorted(rules)} of rules do not fit a range of {most}")
    TABLE.update({first + code: rule for code, rule in rules.items()})


for number in (VALUE, FINISH, LINEAR, BACKWARD, TANGENT, REVERSE, CURVED):
    enter(number, MOST_OPS, {op: file.RULES[number] for op, file in OPS.items() if number in file.RULES})
TABLE.update(register_products.RULES | over_examples.RULES | squares.RULES)
for table, most in (
    (loops.RULES, MOST_ACTIVATIONS),
    (loss_rules.RULES, MOST_LOSSES),
    (updates.RULES, MOST_UPDATES),
):
    for number, rules in table.items():
        enter(number, most, dict(enumerate(rules)))


def numbers_of(program: Program, loss: int, work: Work) -> Iterator[int]:
    """Name the rules that a program with a loss (its code) needs for a kind of work."""
    for op in sorted({int(op) for op in program.rows[:, Column.OP]}):
        yield from (number + op for number in work.passes)
    codes = {
        int(row[Column.CODE]) for row in program.rows if row[Column.CODE] or row[Column.OP] == Op.ACTIVATION
    }
    for code in sorted(codes):
        yield from (number + code for number in work.formulas)
    if AFFINE in work.formulas:
        # A sweep's products without an activation take the identity's loop.
        yield AFFINE
    yield from (number + loss for number in work.sums)
    yield from (PRODUCT, OUTER) if BACKWARD in work.passes else (PRODUCT,)
    if program.geometry.size and np.any(program.geometry[:, Geometry.BY_SQUARES] > 0):
        yield from (CONVOLVE, TAPS_GRADIENT) if BACKWARD in work.passes else (CONVOLVE,)
