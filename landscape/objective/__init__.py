"""Objectives: functions of θ with values, gradients and Hessian–vector products, on the CPU or another device."""

from landscape.objective.between import BetweenObjective, PlaneObjective, carries, positive_part
from landscape.objective.complete import Completed, complete
from landscape.objective.evaluation import Evaluation
from landscape.objective.functions import CallableObjective, CompiledObjective
from landscape.objective.kinds import as_network, require_network
from landscape.objective.network import NetworkObjective, evaluate_model
from landscape.objective.protocol import HasSweep, HasValue, NetworkLike, Objective, Sweep
from landscape.objective.recomputed import RecomputedObjective, as_one_batch, needs_statistics
from landscape.objective.surfaces import SurfaceObjective

__all__ = [
    "BetweenObjective",
    "CallableObjective",
    "CompiledObjective",
    "Completed",
    "Evaluation",
    "HasSweep",
    "HasValue",
    "NetworkLike",
    "NetworkObjective",
    "Objective",
    "PlaneObjective",
    "RecomputedObjective",
    "SurfaceObjective",
    "Sweep",
    "as_network",
    "as_one_batch",
    "carries",
    "complete",
    "evaluate_model",
    "needs_statistics",
    "positive_part",
    "require_network",
]
