"""A function of θ: value, gradient, Hessian-vector product, many at once. The only place that knows devices."""

from landscape.objective.between import BetweenObjective, carries, positive_part
from landscape.objective.evaluation import Evaluation
from landscape.objective.functions import CallableObjective, CompiledObjective
from landscape.objective.network import NetworkObjective, evaluate_model
from landscape.objective.protocol import Objective, Sweep
from landscape.objective.recomputed import RecomputedObjective, as_one_batch, needs_statistics
from landscape.objective.surfaces import SurfaceObjective

__all__ = [
    "BetweenObjective",
    "CallableObjective",
    "CompiledObjective",
    "Evaluation",
    "NetworkObjective",
    "Objective",
    "RecomputedObjective",
    "SurfaceObjective",
    "Sweep",
    "as_one_batch",
    "carries",
    "evaluate_model",
    "needs_statistics",
    "positive_part",
]
