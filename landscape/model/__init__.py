"""The network and its data: the file that every command reads, with its checks.

`load_model` reads a file, `build_model` makes the same from arrays, `save_model` writes it. What a file may
hold is the table of ops (`landscape.ops`), the loss table (`losses`), the header (`header`) and the data (`data`);
the bare form guesses a header (`bare`) and passes through the same checks (`full`). Neither numba nor scipy
is needed here.
"""

from landscape.model.build import build_model
from landscape.model.bundles import bundled, bundled_path
from landscape.model.load import load_model
from landscape.model.model import Model, Slot
from landscape.model.nodes import Node
from landscape.model.opaque import Opaque, load_opaque
from landscape.model.save import save_model

__all__ = [
    "Model",
    "Node",
    "Opaque",
    "Slot",
    "build_model",
    "bundled",
    "bundled_path",
    "load_model",
    "load_opaque",
    "save_model",
]
