"""What identifies a module and its loss: the source of their classes, their layers, and all numbers that are not θ."""

from __future__ import annotations

import hashlib
import inspect
import marshal
import re
import tokenize
import types
from collections.abc import Iterable
from typing import Any

from landscape.importers.pytorch.losses import unfolded
from landscape.torch_objective.data import digest_of
from landscape.torch_objective.host import Host
from landscape.torch_objective.surroundings import is_package, of_function

PLAIN = bool | int | float | str


def digest(host: Host, functions: Iterable[Any], settings: Iterable[Any]) -> str:
    """Hash a module without the parameters that are θ, the functions beside it, and what else changes a number.

    Numbers, words, tensors and functions that a user's function reads around it (in its closure or module) belong to it.
    """
    whole = hashlib.sha256()
    for text in (repr(host.module), repr([piece.name for piece in host.pieces]), *map(repr, settings)):
        whole.update(text.encode())
    for kind in sorted({type(part) for part in host.module.modules()}, key=full_name):
        whole.update(source_of(kind))
        for method in methods_of(kind):
            whole.update(around(host.torch, method))
    for name, part in host.module.named_modules():
        whole.update(name.encode() + plain_settings(part))
        if isinstance(part, host.torch.jit.ScriptModule) and hasattr(part, "forward"):
            whole.update(program_of(host.torch, part))
    for function in functions:
        whole.update(function_digest(host.torch, function))
    chosen = set(host.parameters)
    frozen = [(name, p) for name, p in host.module.named_parameters() if name not in chosen]
    for name, tensor in (*frozen, *host.module.named_buffers()):
        whole.update(name.encode() + digest_of(host.torch, tensor))
    return whole.hexdigest()


def program_of(torch: Any, part: Any) -> bytes:
    """Give the program of a part that is TorchScript, and the constants and attributes that it reads, which its class does not tell."""
    # Without the lines of the source, and the numbers by which PyTorch tells apart what has one name.
    program = re.sub(r"#.*|___torch_mangle_\d+", "", str(part.inlined_graph))
    names = sorted(set(re.findall(r'GetAttr\[name="(\w+)"', program)) - {"training"})
    read = [getattr(part, name, None) for name in names]
    plain = [value for value in read if isinstance(value, PLAIN | list | tuple | dict)]
    constants = part.code_with_constants[1].const_mapping
    tensors = [value for value in read if type(value) is torch.Tensor] + [
        constants[name] for name in sorted(constants)
    ]
    return program.encode() + repr(plain).encode() + digest_of(torch, tensors)


def function_digest(torch: Any, function: Any) -> bytes:
    """Give what a function of the user's is known by: its source, its settings (its object's for a method), and those that a functools.partial gives it."""
    inner, given = unfolded(function)
    owner = inner.__self__ if isinstance(inner, types.MethodType) else None
    numbers = {key: value for key, value in sorted(given.items()) if isinstance(value, PLAIN)}
    tensors = list(inner.state_dict().values()) if hasattr(inner, "state_dict") else []
    text = (
        source_of(inner)
        + plain_settings(inner)
        + plain_settings(owner)
        + repr((sorted(given), numbers)).encode()
        + around(torch, inner)
    )
    return text + digest_of(torch, [tensors, [given[key] for key in sorted(given)]])


def function_hash(torch: Any, function: Any) -> str:
    """Hash a function of the user's with what it reads around it, such as the one that trains."""
    return hashlib.sha256(function_digest(torch, function)).hexdigest()


def around(torch: Any, function: Any) -> bytes:
    """Give what a function of the user's, or the call of an object, reads around it."""
    if not hasattr(function, "__code__"):
        return b"".join(around(torch, method) for method in methods_of(type(function)))
    if is_package(function.__code__.co_filename):
        return b""
    return of_function(function, lambda value: digest_of(torch, value), source_of, set())


def methods_of(kind: type) -> list[Any]:
    """Give the methods that a class of the user's has by itself, in the order of their names."""
    if str(kind.__module__).split(".")[0] == "torch":
        return []
    return [value for _, value in sorted(vars(kind).items()) if isinstance(value, types.FunctionType)]


def plain_settings(part: Any) -> bytes:
    """Give the numbers and words that an object keeps as attributes, which its text may leave out."""
    kept = {key: value for key, value in getattr(part, "__dict__", {}).items() if isinstance(value, PLAIN)}
    return repr(sorted((key, value) for key, value in kept.items() if key != "training")).encode()


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
    text = own_text(code)
    if text:
        return text.encode()
    compiled = getattr(code, "__code__", None)
    return marshal.dumps(compiled) if compiled is not None else full_name(code).encode()


def own_text(code: Any) -> str:
    """Return the text of a function or a class; "" where there is none, or its file now holds another one at its place."""
    try:
        text = inspect.getsource(code)
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):
        return ""
    inner = code if isinstance(code, type) else inspect.unwrap(code)
    name = inner.__code__.co_name if hasattr(inner, "__code__") else inner.__name__
    begins = "lambda" if name == "<lambda>" else rf"(def|class)\s+{re.escape(name)}"
    return text if re.search(rf"\b{begins}\b", text) else ""
