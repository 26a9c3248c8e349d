"""Find out why a network fails to train, by looking at its loss.

The public names are below, loaded when first used: `import landscape` costs nothing.

>>> import landscape
>>> x = [[0.0], [1.0], [2.0]]
>>> model = landscape.build_model(
...     layers=[([[2.0]], [0.5])], loss="mse", x_train=x, y_train=[[0.5], [2.5], [4.5]]
... )
>>> landscape.NetworkObjective(model).value(model.theta)
0.0
"""

from __future__ import annotations

import importlib
from typing import Any

NAMES: dict[str, str] = {
    "CallableObjective": "landscape.objective",
    "CompiledObjective": "landscape.objective",
    "ComputationError": "landscape.errors",
    "Descent": "landscape.training",
    "DivergenceError": "landscape.training",
    "Ensemble": "landscape.training",
    "Evaluation": "landscape.objective",
    "Hessian": "landscape.records",
    "InputError": "landscape.errors",
    "Model": "landscape.model",
    "NetworkObjective": "landscape.objective",
    "Node": "landscape.model",
    "Objective": "landscape.objective",
    "Recipe": "landscape.training",
    "Record": "landscape.records",
    "Scan": "landscape.records",
    "Slot": "landscape.model",
    "SurfaceObjective": "landscape.objective",
    "Race": "landscape.records",
    "Record": "landscape.records",
    "Scan": "landscape.records",
    "Slot": "landscape.model",
    "Study": "landscape.records",
    "Trajectory": "landscape.records",
    "analyze_hessian": "landscape.curvature",
    "build_model": "landscape.model",
    "bundled": "landscape.model",
    "bundled_path": "landscape.model",
    "descend": "landscape.training",
    "evaluate_model": "landscape.objective",
    "figures": "landscape.plots",
    "initialize": "landscape.training",
    "load_directions": "landscape.directions",
    "load_model": "landscape.model",
    "load_record": "landscape.records",
    "make_directions": "landscape.directions",
    "new_model": "landscape.training",
    "plot_contours": "landscape.plots",
    "plot_curves": "landscape.plots",
    "plot_out_of_plane": "landscape.plots",
    "plot_path": "landscape.plots",
    "plot_race": "landscape.plots",
    "plot_race_paths": "landscape.plots",
    "plot_scan": "landscape.plots",
    "plot_slices": "landscape.plots",
    "plot_surface": "landscape.plots",
    "race": "landscape.studies",
    "save_directions": "landscape.directions",
    "save_figures": "landscape.plots",
    "save_model": "landscape.model",
    "scan": "landscape.scanning",
    "style": "landscape.plots",
    "train": "landscape.training",
    "train_many": "landscape.training",
    "trajectory": "landscape.trajectories",
}

__all__ = sorted(NAMES)


def __getattr__(name: str) -> Any:
    """Import the module of a public name."""
    if name == "__version__":
        return importlib.import_module("landscape.version").current_version()
    if name not in NAMES:
        raise AttributeError(f"module 'landscape' has no attribute '{name}'")
    return getattr(importlib.import_module(NAMES[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
