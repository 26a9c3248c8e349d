"""Any PyTorch module as a function of its parameters, evaluated by PyTorch where the module is."""

from landscape.torch_objective.objective import TorchObjective

__all__ = ["TorchObjective"]
