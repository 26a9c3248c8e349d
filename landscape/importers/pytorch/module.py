"""`from_torch`: a module in the running process becomes a model."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.data import Data, read_data
from landscape.importers.finish import make_model
from landscape.importers.nearest import EXIT
from landscape.importers.network import Origin
from landscape.importers.optional import need
from landscape.importers.proof import TAILS, Original, verified
from landscape.importers.pytorch.losses import criterion, read_loss
from landscape.importers.pytorch.original import TorchOriginal, hint, left_out
from landscape.importers.pytorch.trace import FailedRunError, Trace, first_line, trace
from landscape.importers.pytorch.walk import walk
from landscape.importers.ties import cut_tie
from landscape.model import Model

# The module is compared in float64, where only the order of sums differs, or else in float32.
TOLERANCES = {"float64": 1e-8, "float32": 1e-5}


def from_torch(
    module: Any, loss: Any, data: Data, *, weight_decay: float = 0.0, name: str | None = None
) -> Model:
    """Make a model of a PyTorch module, as it is in evaluation mode, with its loss and data.

    The module is traced by torch.fx, so its forward may not branch on values. Nodes keep the names of modules.
    The translation is compared with the module, in float64 where it can be, on up to 1,000 training examples, and again, with
    the gradient of the loss, where the parameters of both were moved at random by their names; the last of the model's
    `inferred` sentences says how well they agree, others which parameters are not in θ. Weights that are computed from
    parameters are refused. Parameters may be NaN or infinite; where outputs are so is then compared too.

    Parameters
    ----------
    module
        An `nn.Module` of layers that the format has; `nn.MultiheadAttention` and the transformer encoder with
        `batch_first=True`. It is not changed.
    loss
        A name of the format ("cross_entropy", …), or a loss of `torch.nn` or `torch.nn.functional` with
        `reduction="mean"`.
    data
        (x, y), a mapping with `x_train`, `y_train`, `x_test`, …, the path of such an `.npz`, or a TensorDataset or DataLoader of
        PyTorch, which is read once into memory.
    weight_decay
        The λ of ½ λ ‖θ‖², as `weight_decay` of `torch.optim.SGD`.
    name
        The model's name; by default the class's.

    Raises
    ------
    InputError
        Something cannot be traced or translated (the message names the module, the op and the nearest one), or
        the outputs differ.
    """
    torch = need("torch")
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"module: expected a torch.nn.Module, found {type(module).__name__}")
    module = unwrapped(module)
    require_plain(torch, module)
    arrays = read_data(data)
    wanted = read_loss(torch, loss)
    traced = traced_at_best(torch, module, arrays["x_train"])
    network, output, tail = walk(torch, traced, stored_dtype(torch, module), wanted)
    model = make_model(
        network,
        output,
        arrays,
        wanted.with_decay(weight_decay),
        name or type(module).__name__,
        original=traced.output_shape,
    )
    origins = network.origins_of(network.ending_at(output))
    require_ties(model, origins)
    model = replace(model, inferred=(*model.inferred, *left_out(torch, traced, model, origins)))
    original = TorchOriginal(torch, module, traced, origins, criterion(torch, loss, wanted))
    return verified(
        model,
        Original(
            f"the module {type(module).__name__}",
            original.outputs,
            TOLERANCES[str(traced.dtype)],
            None if tail is None else TAILS[tail],
            original.move,
            origins,
            hint(module),
        ),
    )


def unwrapped(module: Any) -> Any:
    """The module inside of what only runs it: torch.compile, DataParallel, DistributedDataParallel."""
    inside = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}
    while type(module).__name__ in inside and hasattr(module, inside[type(module).__name__]):
        module = getattr(module, inside[type(module).__name__])
    return module


def require_plain(torch: Any, module: Any) -> None:
    """Refuse what has no Python to be traced, numbers that are not floats, and layers that have no sizes yet.

    Raises
    ------
    InputError
        The message names the part and what to give in its place.
    """
    for name, part in module.named_modules():
        where = f"{name or 'the module'} ({getattr(part, 'original_name', type(part).__name__)})"
        if isinstance(part, torch.jit.ScriptModule):
            raise InputError(
                f"{where}: is a program of TorchScript, which has no Python to be traced; expected the module that it was made of, or its export to ONNX"
            )
        if ".quantized" in type(part).__module__:
            raise InputError(
                f"{where}: is quantized, its weights are whole numbers; expected the module before its quantization"
            )
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if torch.nn.parameter.is_lazy(tensor):
            raise InputError(f"{name}: has no size yet; call the module once on an example, then import it")
        if tensor.is_complex():
            raise InputError(f"{name}: is complex; expected real numbers")


def require_ties(model: Model, origins: Mapping[str, Origin]) -> None:
    """Refuse a model that has the same numbers of a parameter in two places of θ."""
    trained = {slot.name: origins[slot.name] for slot in model.layout if slot.name in origins}
    found = cut_tie(trained)
    if found is not None:
        raise InputError(
            f"{found[0]}: is used for {found[1]} and, in another way, for {found[2]}; the format shares all parameters of a layer or none. "
            f"Give each its own parameters, or {EXIT}"
        )


def traced_at_best(torch: Any, module: Any, x: np.ndarray) -> Trace:
    """Trace a module in float64; in float32 where it has numbers of its own in float32."""
    try:
        return trace(torch, copied(module, torch.float64), x, np.dtype(np.float64))
    except FailedRunError as error:
        try:
            return trace(torch, copied(module, torch.float32), x, np.dtype(np.float32))
        except InputError:
            raise error from None


def copied(module: Any, dtype: Any) -> Any:
    """Copy a module, in another precision and in evaluation mode."""
    try:
        return copy.deepcopy(module).to("cpu", dtype).eval()
    except Exception as error:  # a module may raise what it likes
        if "deepcopy protocol" in str(error):
            raise InputError(
                "the module cannot be copied, since weights are computed in it (torch.nn.utils.weight_norm, prune): not supported yet. "
                f"remove_weight_norm or prune.remove makes them parameters, which is another θ, or {EXIT}"
            ) from None
        raise InputError(f"the module cannot be copied: {first_line(error)}") from None


def stored_dtype(torch: Any, module: Any) -> np.dtype:
    """Give float64 for a module that has such parameters, else float32."""
    tensors = [*module.parameters(), *module.buffers()]
    return np.dtype(np.float64 if any(t.dtype == torch.float64 for t in tensors) else np.float32)
