"""`from_torch`: make a model from a PyTorch module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from landscape.errors import InputError
from landscape.importers.data import Data, parts_of, read_data
from landscape.importers.finish import make_model
from landscape.importers.network import Origin
from landscape.importers.optional import need
from landscape.importers.proof import Original, tail_along, verified
from landscape.importers.pytorch import own_loss
from landscape.importers.pytorch.losses import criterion, read_loss
from landscape.importers.pytorch.original import TorchOriginal, hint, left_out
from landscape.importers.pytorch.story import batch_size_of, with_story
from landscape.importers.pytorch.ways import translated
from landscape.model import Model
from landscape.model.losses import OUTPUT, classes_first

# The module is compared in float64, where only the order of sums differs, or else in float32.
TOLERANCES = {"float64": 1e-8, "float32": 1e-5}


def from_torch(
    module: Any,
    loss: Any,
    data: Data,
    *,
    weight_decay: float = 0.0,
    name: str | None = None,
    output: int | str | None = None,
    optimizer: Any = None,
    history: Any = None,
    checkpoints: Any = None,
) -> Model:
    """Make a model from a PyTorch module in evaluation mode, its loss and data, and optionally the record of its training.

    The module is traced by torch.fx, and if that fails, exported by torch.export for a batch of any size. Its forward
    function may not branch on values. Nodes keep the names of modules. The translation is compared with the module on
    up to 1,000 training examples, in float64 if possible, and again, with the gradient of the loss, at randomly changed
    parameters. The last of the model's `inferred` sentences says how well they agree, others say which parameters are
    not in θ. Parameters may be NaN or infinite.

    Parameters
    ----------
    module
        An `nn.Module`. It is not changed.
    loss
        A name of the format ("cross_entropy", …), or a loss of `torch.nn` or `torch.nn.functional` (in a
        `functools.partial` if it has settings). `reduction="sum"` means the sum over all the training data. Your own
        function (outputs, targets) that is a mean over the examples becomes a part of the network: the outputs of the
        model are then the losses of the examples, and its loss is called "output".
    data
        (x, y), with a tuple for x if the module has several inputs; a mapping with `x_train`, `y_train`, `x_test`, …,
        the path of such an `.npz`, or a TensorDataset or DataLoader of PyTorch, which is read once into memory.
    weight_decay
        The λ of ½ λ ‖θ‖², as `weight_decay` of `torch.optim.SGD`; by default that of `optimizer`, if it acts through
        the gradient.
    name
        The model's name; by default the class's.
    output
        Which output the loss reads, if the module returns several: its number from 0, or its name in a mapping.
    optimizer
        The `torch.optim` optimizer of the training: its settings go into `training`, its state into `optimizer`, in the order of θ.
    history
        The log: a mapping of series, such as `{"step": [0, 10], "loss": [2.3, 0.4], "val_loss": [2.3, 0.5]}`, each [T], or a list of such rows.
    checkpoints
        The parameters during the training, oldest first: a list of `state_dict`s, or a mapping from numbers of updates
        to them.

    Raises
    ------
    InputError
        Something cannot be traced or translated (the message names the module, the op and the most similar known one),
        the outputs differ, or log, checkpoints or optimizer do not fit the module.
    """
    found = imported(module, loss, data, weight_decay=weight_decay, name=name, output=output)
    told = {} if optimizer is None else batch_size_of(data)
    model = replace(found.model, training={**found.model.training, **told})
    return with_story(model, found.module, found.origins, optimizer, history, checkpoints)


class Imported(NamedTuple):
    """A model, the module without wrappers, and the tensor of the module that each array of the model comes from."""

    model: Model
    module: Any
    origins: Mapping[str, Origin]


def imported(
    module: Any, loss: Any, data: Data, *, weight_decay: float = 0.0, name: str | None = None, output: int | str | None = None
) -> Imported:  # fmt: skip
    """Make a model as `from_torch` does, without the record of a training, and with the origin of each of its numbers.

    Raises
    ------
    InputError
        As `from_torch`.
    """
    torch = need("torch")
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"module: expected a torch.nn.Module, found {type(module).__name__}")
    module = unwrapped(module)
    require_plain(torch, module)
    arrays, parts, own = read_data(data), parts_of(data), None
    loss = own_loss.as_function(torch, loss)
    if own_loss.is_own(torch, loss):
        own_loss.require_no_parameters(torch, loss)
        arrays, parts = own_loss.with_targets(arrays, parts)
        wanted, own, loss = own_loss.own(loss), loss, OUTPUT
    else:
        wanted = read_loss(torch, loss)
    arrays, told = wanted.targets(arrays)
    traced, network, last, tail = translated(torch, module, arrays["x_train"], wanted, parts, output, own)
    model = make_model(
        network,
        last,
        arrays,
        wanted.with_decay(weight_decay),
        name or type(module).__name__,
        original=traced.output_shape,
    )
    model = replace(model, inferred=(*model.inferred, *told))
    origins = network.origins_of(network.ending_at(last))
    model = replace(model, inferred=(*model.inferred, *left_out(torch, traced, model, origins)))
    original = TorchOriginal(torch, module, traced, origins, criterion(torch, loss, wanted, model))
    proved = verified(
        model,
        Original(
            f"the module {type(module).__name__}",
            original.outputs,
            TOLERANCES[str(traced.precision)],
            None if tail is None else tail_along(tail, classes_first(model.loss, model.nodes[-1].shape)),
            original.move,
            origins,
            hint(module),
        ),
    )
    return Imported(proved, module, origins)


def unwrapped(module: Any) -> Any:
    """Return the module inside a wrapper: torch.compile, DataParallel, DistributedDataParallel."""
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
