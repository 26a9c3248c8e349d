"""`.pt` files: check that there is only a state dict before PyTorch reads it with `weights_only=True`."""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import require_regular, shown
from landscape.importers.data import Data
from landscape.importers.optional import need
from landscape.importers.state_dict import from_state_dict
from landscape.memory import available_memory
from landscape.model import Model

# What the index of a state dict is made of: a mapping of names to tensors over storages, and no other name.
STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
ALLOWED = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    *(f"torch {name}Storage" for name in STORAGES),
}
LONGEST_INDEX = 64_000_000
HINT = "save module.state_dict() alone, or use landscape.from_torch(module, …) in the process that has the module"


def from_pt(path: str | Path, data: Data, *, name: str | None = None, **options: Any) -> Model:
    """Make a model of a state dict that `torch.save` wrote, and data; options are `from_state_dict`'s.

    Raises
    ------
    InputError
        A file with anything but a state dict, or what a model file would be refused for; the message names the file.
    """
    path = Path(path)
    try:
        return from_state_dict(read_pt(path), data, name=name or path.stem, **options)
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(f"{path}: ") else f"{path}: {message}") from None


def read_pt(path: Path) -> dict[str, np.ndarray]:
    """Read a state dict's tensors, half precision as float32.

    Raises
    ------
    InputError
        Anything but a state dict, or a tensor that claims more numbers than the file has.
    """
    require_regular(path)
    torch = need("torch")
    _require_state_dict(path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader raises errors of many kinds
        raise InputError(
            f"damaged: {shown(str(error).splitlines()[0] if str(error) else error, 120)}"
        ) from None
    if not isinstance(loaded, dict) or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
        raise InputError(f"expected a state dict, a mapping of names to tensors; {HINT}")
    return {str(key): _array(torch, str(key), tensor) for key, tensor in loaded.items()}


def _array(torch: Any, key: str, tensor: Any) -> np.ndarray:
    """Copy a tensor that has as many numbers as bytes for them."""
    held = tensor.untyped_storage().nbytes()
    if tensor.numel() * tensor.element_size() > held:
        raise InputError(f"{shown(key)}: claims {tensor.numel()} numbers, its storage has {held} bytes")
    half = tensor.dtype in (torch.float16, torch.bfloat16)
    return np.array((tensor.float() if half else tensor).detach().numpy())


def _require_state_dict(path: Path) -> None:
    """Refuse an archive with anything in it but an index of known words and stored numbers."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise InputError(
            "expected a .pt file of torch.save; the file is something else, older or truncated"
        ) from None
    with archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        if any("/code/" in name or name.endswith("/constants.pkl") for name in names):
            raise InputError(f"a TorchScript program: {HINT}")
        indexes = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
        size = path.stat().st_size
        claimed = sum(entry.file_size for entry in entries)
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or claimed > size:
            raise InputError("damaged: claims more bytes than the file has")
        if claimed > available_memory() or len(indexes) != 1 or indexes[0].file_size > LONGEST_INDEX:
            raise InputError("expected one index, and no more than memory holds")
        try:
            index = archive.read(indexes[0])
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError):
            raise InputError("damaged or truncated") from None
    _require_known_words(index)


def _require_known_words(index: bytes) -> None:
    """Look through the index without running it; nothing outside of `ALLOWED` may be named."""
    try:
        for code, argument, _ in pickletools.genops(index):
            if code.name in ("INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"):
                raise InputError(f"holds objects, not a state dict: {HINT}")
            if code.name == "GLOBAL" and argument not in ALLOWED:
                raise InputError(f"names {shown(argument)}, which no state dict needs: {HINT}")
    except InputError:
        raise
    except Exception:  # pickletools raises errors of many kinds for a damaged index
        raise InputError("damaged: its index cannot be read") from None
