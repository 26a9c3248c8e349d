"""A module as a program of core operators, exported with a batch of any size."""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.nearest import EXIT
from landscape.importers.pytorch.exported.table import TABLE
from landscape.importers.pytorch.trace import EXAMPLES, FailedRunError, coarsest, first_line
from landscape.ops.operation import Shape


@dataclass(frozen=True)
class Exported:
    """An exported module: its calls, its parameters by name, and what the data decide."""

    module: Any
    program: Any
    example_shape: Shape
    dtype: np.dtype

    @property
    def graph(self) -> Any:
        """The calls."""
        return self.program.graph

    @property
    def precision(self) -> np.dtype:
        """The dtype that its outputs are exact to: float32 where the module itself turns numbers into that on the way."""
        return coarsest(self.dtype, (node.meta.get("val") for node in self.graph.nodes))

    @property
    def output_shape(self) -> Shape | None:
        """The shape of what the module returns for one example, where it returns one tensor."""
        results = next(node for node in self.graph.nodes if node.op == "output").args[0]
        shapes = [
            node.meta["val"].shape[1:]
            for node in results
            if hasattr(getattr(node, "meta", {}).get("val"), "shape")
        ]
        return (
            tuple(shapes[0])
            if len(shapes) == 1 and all(isinstance(size, int) for size in shapes[0])
            else None
        )

    @property
    def symbol(self) -> Any:
        """The symbol for the number of examples, or None if the program has a fixed number."""
        names = set(self.program.graph_signature.user_inputs)
        for node in self.graph.nodes:
            if node.op == "placeholder" and node.name in names and hasattr(node.meta.get("val"), "shape"):
                size = node.meta["val"].shape[0]
                return None if isinstance(size, int) else size.node.expr
        return None


def exported(
    torch: Any,
    module: Any,
    x: np.ndarray,
    dtype: np.dtype,
    output: int | str | None = None,
    *,
    alone: bool = False,
) -> Exported:
    """Export a module on a few examples, for a batch of any size, or `alone` for one example.

    Raises
    ------
    InputError
        It cannot be exported: choices that depend on values, or code that fails on the data.
    """
    rows = np.arange(1 if alone else EXAMPLES) % len(x)
    example = torch.from_numpy(np.ascontiguousarray(x[rows]))
    try:
        with torch.no_grad():
            module(example)
    except InputError:
        raise
    except Exception as error:  # a module may raise what it likes
        raise FailedRunError(f"the module fails on the first examples: {first_line(error)}") from None
    program = quietly(torch, module, example)
    return Exported(module, program, tuple(example.shape[1:]), dtype)


def quietly(torch: Any, module: Any, example: Any) -> Any:
    """Export without PyTorch's messages, and decompose calls that have no row into calls that have one."""
    shapes = None if len(example) == 1 else ({0: torch.export.Dim.AUTO},)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            # Without gradients some modules take a path of their own, which is one fused call.
            with torch.enable_grad(), without_looking_at_values(torch):
                program = torch.export.export(module, (example,), dynamic_shapes=shapes, strict=False)
                return decomposed(torch, program)
    except InputError:
        raise
    except Exception as error:  # a forward may raise what it likes
        raise InputError(f"the module cannot be exported: {first_line(error)}; {EXIT}") from None
    finally:
        logging.disable(logging.NOTSET)


@contextmanager
def without_looking_at_values(torch: Any) -> Iterator[None]:
    """Keep PyTorch from branching on values whose outcome does not matter: whether a mask is causal, whether all variances are positive."""
    transformer, functional = torch.nn.modules.transformer, torch.nn.functional
    originals = transformer._detect_is_causal_mask, functional.gaussian_nll_loss

    def gaussian(
        given: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
    ) -> Any:
        variance = var if isinstance(var, torch.Tensor) else torch.full_like(given, var)
        variance = variance.clamp(min=eps)
        loss = 0.5 * (torch.log(variance) + (given - target) ** 2 / variance)
        loss = loss + 0.5 * math.log(2 * math.pi) if full else loss
        return {"mean": loss.mean, "sum": loss.sum, "none": lambda: loss}[reduction]()

    transformer._detect_is_causal_mask = lambda *arguments, **settings: False
    functional.gaussian_nll_loss = gaussian
    try:
        yield
    finally:
        transformer._detect_is_causal_mask, functional.gaussian_nll_loss = originals


def decomposed(torch: Any, program: Any) -> Any:
    """Decompose calls that have no row, and replace calls in place that change other values as well."""
    calls = [
        node for node in program.graph.nodes if node.op == "call_function" and hasattr(node.target, "_schema")
    ]
    if all(name_of(call.target) in TABLE and changes_only_its_own(call) for call in calls):
        return program
    table = torch.export.default_decompositions()
    for operator in list(table):
        if name_of(operator) in TABLE:
            table.pop(operator, None)
    return program.run_decompositions(table)


def is_in_place(operator: Any) -> bool:
    """Say whether an operator changes its argument in place."""
    return hasattr(operator, "_schema") and operator._schema.is_mutable


def shows_another(node: Any) -> bool:
    """Say whether a call's result may share memory with its argument, so that both change together."""
    schema = getattr(node.target, "_schema", None)
    return node.op == "call_function" and (
        schema is None or any(result.alias_info is not None for result in schema.returns)
    )


def changes_only_its_own(node: Any) -> bool:
    """Say whether a call changes nothing, or a value whose memory nothing else shares."""
    if not is_in_place(node.target):
        return True
    changed = node.args[0] if node.args else None
    if not node.target._schema.name.endswith("_") or changed is None or changed.op != "call_function":
        return False
    others = [user for user in changed.users if user is not node]
    source_shows = shows_another(changed) and not is_in_place(changed.target)
    return not source_shows and not any(
        shows_another(user) for user in (*others, *node.users) if not is_in_place(user.target)
    )


def name_of(operator: Any) -> str:
    """Give an operator's name without its overload and the mark of working in place."""
    schema = getattr(operator, "_schema", None)
    return "" if schema is None else str(schema.name).removeprefix("aten::").removesuffix("_")
