"""Which parameters of a module are θ, in which order, and what of a module cannot be taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

from landscape.errors import InputError, did_you_mean
from landscape.importers.pytorch.module import unwrapped
from landscape.objective.about import Piece

Choice = str | Iterable[str] | Callable[[str, Any], bool]

# Classes that keep a part of each parameter on each machine, by their names.
SHARDED = ("FullyShardedDataParallel", "FSDP", "DeepSpeedEngine", "DTensor", "ShardedTensor")
GATHER = "gather the parameters into a plain module, such as by its full state dict, and give that"


def plain_module(torch: Any, module: Any) -> Any:
    """Return the module inside of what only runs it.

    Raises
    ------
    InputError
        It is no module, or its parameters are in parts on several machines, are complex, or have no size or no numbers yet.
    """
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"module: expected a torch.nn.Module, found {type(module).__name__}")
    module = unwrapped(module)
    for part in module.modules():
        require_whole("module", part)
    for name, parameter in module.named_parameters():
        require_whole(name, parameter)
        if torch.nn.parameter.is_lazy(parameter):
            raise InputError(f"{name}: has no size yet: call the module once on an example, then give it")
        if parameter.is_complex():
            raise InputError(
                f"{name}: is complex, expected real numbers: keep real and imaginary parts apart"
            )
        if parameter.is_meta:
            raise InputError(f"{name}: lies on the device 'meta', without numbers: load the weights first")
    return module


def require_whole(name: str, part: Any) -> None:
    """Refuse what is sharded, by the name of its class.

    Raises
    ------
    InputError
        The part is sharded.
    """
    kinds = [kind.__name__ for kind in type(part).__mro__]
    sharded = next((kind for kind in kinds if kind in SHARDED or kind.startswith("FSDP")), None)
    if sharded is None and hasattr(part, "ds_id"):
        sharded = "DeepSpeed ZeRO"
    if sharded is not None:
        raise InputError(f"{name}: is sharded over machines ({sharded}), expected whole parameters: {GATHER}")


def chosen_parameters(module: Any, choice: Choice | None) -> dict[str, Any]:
    """Give the parameters that are θ by name, in the order of `named_parameters`; frozen ones stay out.

    Raises
    ------
    InputError
        There are none, or a name or a pattern of the choice fits none.
    """
    free = {name: p for name, p in module.named_parameters() if p.requires_grad and p.numel()}
    if not free:
        raise InputError(
            "module: has no trainable parameters, expected at least one with requires_grad: call module.requires_grad_(True)"
        )
    if choice is None:
        return free
    if callable(choice):
        found = {name: p for name, p in free.items() if choice(name, p)}
    else:
        patterns = [choice] if isinstance(choice, str) else list(choice)
        for pattern in patterns:
            require_match(module, free, pattern)
        found = {name: p for name, p in free.items() if any(fits(name, pattern) for pattern in patterns)}
    if not found:
        raise InputError(f"parameters: the choice leaves none of {len(free)}: choose among {listed(free)}")
    return found


def require_match(module: Any, free: Iterable[str], pattern: object) -> None:
    """Refuse a pattern that fits no trainable parameter.

    Raises
    ------
    InputError
        The message says whether it would fit a frozen one.
    """
    if not isinstance(pattern, str):
        raise InputError(
            f"parameters: expected names, patterns or a function (name, parameter) → bool, found {pattern!r}"
        )
    if any(fits(name, pattern) for name in free):
        return
    if any(fits(name, pattern) for name, _ in module.named_parameters()):
        raise InputError(
            f"parameters: '{pattern}' is frozen (requires_grad is False): call requires_grad_(True) on it, or leave it out"
        )
    raise InputError(
        f"parameters: '{pattern}' fits no parameter: there are {listed(free)}{did_you_mean(pattern, free)}"
    )


def fits(name: str, pattern: str) -> bool:
    """Say whether a parameter is meant by its name, a pattern such as `layer1.*`, or the name of a module that it is in.

    >>> fits("layer1.0.weight", "layer1"), fits("layer1.0.weight", "*.weight"), fits("layer10.weight", "layer1")
    (True, True, False)
    """
    return fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")


def listed(names: Iterable[str], most: int = 6) -> str:
    """Name the first few of many.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    all_names = list(names)
    more = f" and {len(all_names) - most} more" if len(all_names) > most else ""
    return ", ".join(all_names[:most]) + more


def pieces_of(module: Any, parameters: dict[str, Any]) -> tuple[Piece, ...]:
    """Lay the parameters out in θ; those of normalizations have no filters, whatever their shape."""
    pieces, start = [], 0
    # A scripted module has no `get_submodule`, and its parts have the name of their class beside it.
    parts = dict(module.named_modules(remove_duplicate=False))
    for name, parameter in parameters.items():
        owner = name.rpartition(".")[0]
        norm = "Norm" in getattr(parts[owner], "original_name", type(parts[owner]).__name__)
        shape = tuple(parameter.shape)
        stop = start + parameter.numel()
        pieces.append(Piece(name, owner or name, start, stop, shape, len(shape) >= 2 and not norm))
        start = stop
    return tuple(pieces)


def one_device(parameters: Iterable[tuple[str, Any]]) -> Any:
    """Return the device of all tensors.

    Raises
    ------
    InputError
        There are several.
    """
    devices: dict[Any, str] = {}
    for name, tensor in parameters:
        devices.setdefault(tensor.device, name)
    if len(devices) > 1:
        where = ", ".join(f"{name} on {device}" for device, name in devices.items())
        raise InputError(f"module: expected all parameters on one device, found {where}: give device=…")
    return next(iter(devices))


def one_dtype(torch: Any, parameters: dict[str, Any], wanted: Any) -> Any:
    """Return the type of the arithmetic, of the parameters where none is wanted.

    Raises
    ------
    InputError
        It is neither float32 nor float64, or parameters are of several types.
    """
    known = {"float32": torch.float32, "float64": torch.float64}
    if wanted is not None:
        found = known.get(str(wanted).removeprefix("torch."))
        if found is None:
            raise InputError(f"dtype: expected float32 or float64, found {wanted!r}")
        return found
    kinds = list(dict.fromkeys(parameter.dtype for parameter in parameters.values()))
    if len(kinds) == 1 and kinds[0] in known.values():
        return kinds[0]
    names = ", ".join(str(kind).removeprefix("torch.") for kind in kinds)
    raise InputError(
        f"module: expected parameters in float32 or in float64, found {names}: give dtype='float32', in which a copy is evaluated"
    )


def read_device(torch: Any, device: Any) -> Any:
    """Read a device of PyTorch's that is there.

    Raises
    ------
    InputError
        There is none of that name, or it cannot be used.
    """
    try:
        found = torch.device(device)
        torch.zeros(1, device=found)
    except (RuntimeError, TypeError, AssertionError) as error:
        first = (str(error).splitlines() or ["unknown"])[0]
        raise InputError(f"device: cannot use {device!r}: {first[:120]}") from None
    return found
