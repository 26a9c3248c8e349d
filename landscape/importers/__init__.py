"""Make models from networks of other frameworks, and compare each with its original.

PyTorch modules and scikit-learn estimators come from the running process; ONNX graphs, safetensors and state
dicts from files. Nothing in a file is executed, and a `.pt` file is checked before it is
unpickled. The frameworks are imported when asked for.
"""

from landscape.importers.files import import_file
from landscape.importers.onnx_graph import from_onnx
from landscape.importers.pytorch import from_torch
from landscape.importers.safetensors import from_safetensors
from landscape.importers.scikit import from_sklearn
from landscape.importers.state_dict import from_state_dict

__all__ = ["from_onnx", "from_safetensors", "from_sklearn", "from_state_dict", "from_torch", "import_file"]
