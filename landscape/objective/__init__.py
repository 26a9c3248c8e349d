"""A function of θ: value, gradient, Hessian-vector product, many at once. The only place that knows devices."""

from landscape.objective.evaluation import Evaluation
from landscape.objective.functions import CallableObjective, CompiledObjective
from landscape.objective.network import NetworkObjective, evaluate_model
from landscape.objective.protocol import Objective, Sweep

__all__ = [
    "CallableObjective",
    "CompiledObjective",
    "Evaluation",
    "NetworkObjective",
    "Objective",
    "Sweep",
    "evaluate_model",
]
