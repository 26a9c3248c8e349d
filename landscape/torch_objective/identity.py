"""What a module and its loss are known by: the source of their classes, their layers, and all numbers that are not θ."""

from __future__ import annotations

import hashlib
import inspect
import marshal
from collections.abc import Iterable
from typing import Any

from landscape.importers.pytorch.losses import unfolded
from landscape.torch_objective.host import Host


def digest(host: Host, functions: Iterable[Any], settings: Iterable[Any]) -> str:
    """Hash a module without the parameters that are θ, the functions beside it, and what else changes a number.

    What a function takes from around it (a closure, a global) is not seen.
    """
    whole = hashlib.sha256()
    for text in (repr(host.module), repr([piece.name for piece in host.pieces]), *map(repr, settings)):
        whole.update(text.encode())
    for kind in sorted({type(part) for part in host.module.modules()}, key=full_name):
        whole.update(source_of(kind))
    for function in functions:
        whole.update(source_of(unfolded(function)[0]) + repr(sorted(unfolded(function)[1])).encode())
    chosen = set(host.parameters)
    frozen = [(name, p) for name, p in host.module.named_parameters() if name not in chosen]
    for name, tensor in (*frozen, *host.module.named_buffers()):
        whole.update(name.encode())
        whole.update(
            host.torch.as_tensor(tensor)
            .detach()
            .cpu()
            .contiguous()
            .reshape(-1)
            .view(host.torch.uint8)
            .numpy()
            .data
        )
    return whole.hexdigest()


def full_name(kind: type) -> str:
    """Name a class with its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def source_of(thing: Any) -> bytes:
    """Give the text of a class or a function, its compiled code where there is no text; PyTorch's own by their name."""
    if isinstance(thing, str) or thing is None:
        return repr(thing).encode()
    code = thing if isinstance(thing, type) or hasattr(thing, "__code__") else type(thing)
    if str(getattr(code, "__module__", "")).split(".")[0] == "torch":
        # Its settings stand in its own text.
        return f"{code.__module__}.{code.__qualname__} {thing if code is not thing else ''}".encode()
    try:
        return inspect.getsource(code).encode()
    except (OSError, TypeError):
        compiled = getattr(code, "__code__", None)
        return marshal.dumps(compiled) if compiled is not None else full_name(code).encode()
