"""PyTorch modules become models: traced by torch.fx, translated op by op, compared on the data."""

from landscape.importers.pytorch.module import from_torch

__all__ = ["from_torch"]
