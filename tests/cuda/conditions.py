"""Where the tests of the GPU's kernels run, and the small cases that they run on."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest

from landscape.model import Model
from landscape.objective.devices import gpu_problem, simulated
from tests.cases import CASES, LAYOUTS, VALUES

SIMULATED = simulated() and os.environ.get("NUMBA_DISABLE_JIT") == "1"
in_simulator = pytest.mark.skipif(
    not SIMULATED,
    reason="runs in a process of its own: NUMBA_ENABLE_CUDASIM=1 NUMBA_DISABLE_JIT=1 python -m pytest tests/cuda",
)
compiled = pytest.mark.skipif(
    simulated() or find_spec("numba_cuda") is None or find_spec("nvidia") is None,
    reason="needs numba-cuda with NVVM: pip install 'numba-landscape[cuda]' 'nvidia-cuda-nvcc==13.0.*'",
)
problem = "the simulator stands in for it" if simulated() else gpu_problem(0)
on_gpu = pytest.mark.skipif(
    problem is not None and not SIMULATED, reason=f"needs a GPU, or the simulator at small sizes: {problem}"
)

# Every op, loss and way to share parameters that has kernels; the simulator runs a few thousand threads a second.
SMALL = (
    "chain_gelu", "huber_delta", "binary_three_outputs", "ignored_labels", "sequence_mse", "concat_token_features",
    "multiply_itself", "add_to_input", "two_branches", "tied_weights", "frozen_middle", "weight_decay_map",
    "functions_of_arithmetic", "functions_of_waves",
)  # fmt: skip
# The same of what only networks beyond the dense ones have.
WIDER = (
    "softmax_inside", "layernorm_first", "layernorm_of_tokens", "frozen_layernorm", "batchnorm_of_tokens", "batchnorm_without_scale",
    "conv_groups", "conv_strided", "conv_dilated", "conv_batchnorm", "maxpool_padded", "avgpool", "image_joints", "pad_channels_first",
    "resnet", "position", "position_of_input", "attention", "attention_of_input", "frozen_embedding",
)  # fmt: skip
# Index maps, outputs that are the same for all examples, products of outputs, reductions; the vision transformer takes the simulator half a minute.
GENERAL = (*(name for name in LAYOUTS if name != "vision_transformer"), *VALUES)


def sized(small: Any, large: Any) -> Any:
    """Choose how large a test of `test_gpu.py` is: small in the simulator, so that its lines have run before a GPU runs them."""
    return small if SIMULATED else large


def few(name: str, examples: int = 3) -> Model:
    """Take a case with its first examples only."""
    model = CASES[name].model
    return replace(model, data={key: array[:examples] for key, array in model.data.items()})
