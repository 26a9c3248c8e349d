"""The two ways to import a module: by torch.fx, or if that fails by torch.export."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from landscape.errors import InputError
from landscape.importers.data import Part, original_input
from landscape.importers.nearest import EXIT
from landscape.importers.network import Network
from landscape.importers.pytorch.exported.program import Exported, exported
from landscape.importers.pytorch.exported.walk import walk_exported
from landscape.importers.pytorch.losses import TorchLoss
from landscape.importers.pytorch.own_loss import applied, one_by_one, pieces_of
from landscape.importers.pytorch.trace import EXAMPLES, FailedRunError, Trace, first_line, trace
from landscape.importers.pytorch.walk import walk
from landscape.importers.ties import cut_tie

Made = TypeVar("Made")


class Translation(NamedTuple):
    """What was traced or exported, the network that it became, the name of its output, and the last op if the loss contains it."""

    traced: Trace | Exported
    network: Network
    output: str
    tail: str | None


def translated(
    torch: Any,
    module: Any,
    x: np.ndarray,
    wanted: TorchLoss,
    parts: tuple[Part, ...] = (),
    output: int | str | None = None,
    loss: Any = None,
) -> Translation:
    """Translate a module as torch.fx traces it, else as torch.export writes it; a `loss` of the user's own becomes a part of it.

    Raises
    ------
    InputError
        Neither way takes it.
    """
    dtype, first = stored_dtype(torch, module), None
    if output is None and not parts:
        try:
            traced = at_best(torch, module, lambda copied, kind: trace(torch, copied, x, kind))
            found = Translation(traced, *walk(torch, traced, dtype, wanted))
            require_ties(found.network, found.output)
            return found
        except FailedRunError:
            raise
        except InputError as error:
            first = error
    try:
        program = at_best(
            torch,
            module,
            lambda copied, kind: exported(
                torch,
                reading_parts(copied, parts, output, loss),
                examples(x, kind),
                kind,
                alone=loss is not None,
            ),
        )
        if loss is not None:
            given = torch.from_numpy(examples(x[:EXAMPLES], program.dtype).astype(program.dtype))
            one_by_one(torch, program.module, given)
        network, value, tail = walk_exported(torch, program, dtype, wanted)
        return Translation(program, network, str(value.node), tail)
    except InputError as error:
        raise clearer(first, error) from None


def clearer(first: InputError | None, second: InputError) -> InputError:
    """Choose between the error messages of the two ways: the second's, unless it failed at the beginning."""
    began = not any(words in str(second) for words in ("cannot be exported", "fixes the number of examples"))
    return second if first is None or began else first


def examples(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Give examples as the module reads them; [N] numbers are [N, 1]."""
    ids = x.dtype.kind == "i"
    given = original_input(x, ids)
    given = given if ids else given.astype(dtype)
    return np.asarray(given[:, None] if given.ndim == 1 else given)


def reading_parts(module: Any, parts: tuple[Part, ...], output: int | str | None, loss: Any) -> Any:
    """Wrap a copy of a module to read several inputs from one array, in which they are concatenated, and to return one of several outputs.

    With a loss it reads the targets too, and gives that.
    """
    if loss is not None:
        return applied(module, loss, parts)
    forward = module.forward

    def joined(given: Any) -> Any:
        return chosen(forward(*pieces_of(given, parts) or [given]), output)

    module.forward = joined
    return module


def chosen(result: Any, output: int | str | None) -> Any:
    """Choose one of a module's outputs: the only tensor, the logits, or the one that is asked for.

    Raises
    ------
    InputError
        There are several, or there is none of that name or number.
    """
    if not isinstance(result, (tuple, list, Mapping)) or hasattr(result, "detach"):
        if output not in (None, 0):
            raise InputError(f"output: the module puts out one tensor, found {output!r}")
        return result
    names = [str(key) for key in result] if isinstance(result, Mapping) else []
    values = list(result.values()) if isinstance(result, Mapping) else list(result)
    tensors = [number for number, value in enumerate(values) if hasattr(value, "detach")]
    wanted = "logits" if output is None and "logits" in names else output
    place = names.index(wanted) if isinstance(wanted, str) and wanted in names else wanted
    if wanted is None and len(tensors) == 1:
        place = tensors[0]
    if isinstance(place, int) and not isinstance(place, bool) and place in tensors:
        return values[place]
    if wanted is None:
        raise InputError(
            f"the module puts out {len(tensors)} tensors; expected one: choose it by output=…, a number from 0{' or a name' if names else ''}"
        )
    known = f": {', '.join(names)}" if names else ""
    raise InputError(f"output: expected one of 0 to {len(values) - 1}{known}, found {wanted!r}")


def require_ties(network: Network, output: str) -> None:
    """Refuse a network that has the same numbers of a parameter in two places of θ.

    Raises
    ------
    InputError
        The message names both places.
    """
    found = cut_tie(network.origins_of(network.ending_at(output)))
    if found is not None:
        raise InputError(
            f"{found[0]}: is used for {found[1]} and, in another way, for {found[2]}; the format shares all parameters of a layer or none. "
            f"Give each its own parameters, or {EXIT}"
        )


def at_best(torch: Any, module: Any, make: Callable[[Any, np.dtype], Made]) -> Made:
    """Trace or export a module in float64; in float32 where it has numbers of its own in float32."""
    try:
        return make(copied(torch, module, torch.float64), np.dtype(np.float64))
    except FailedRunError as error:
        try:
            return make(copied(torch, module, torch.float32), np.dtype(np.float32))
        except InputError:
            raise error from None


def copied(torch: Any, module: Any, dtype: Any) -> Any:
    """Copy a module, in another precision and in evaluation mode; weights that it computes as it runs are left out of the copy."""
    try:
        # What a hook has set on a module (weight_norm, prune) is set again when the copy runs.
        memo = {
            id(value): value.detach().clone()
            for part in module.modules()
            for value in vars(part).values()
            if isinstance(value, torch.Tensor) and value.grad_fn is not None
        }
        return copy.deepcopy(module, memo).to("cpu", dtype).eval()
    except Exception as error:  # a module may raise what it likes
        raise InputError(f"the module cannot be copied: {first_line(error)}") from None


def stored_dtype(torch: Any, module: Any) -> np.dtype:
    """Give float64 for a module that has such parameters, else float32."""
    tensors = [*module.parameters(), *module.buffers()]
    return np.dtype(np.float64 if any(t.dtype == torch.float64 for t in tensors) else np.float32)
