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
    "Atlas": "landscape.records",
    "CallableObjective": "landscape.objective",
    "CompiledObjective": "landscape.objective",
    "ComputationError": "landscape.errors",
    "Connection": "landscape.records",
    "Critical": "landscape.records",
    "Descent": "landscape.training",
    "Diagnosis": "landscape.records",
    "DivergenceError": "landscape.training",
    "Ensemble": "landscape.training",
    "Evaluation": "landscape.objective",
    "Hessian": "landscape.records",
    "InputError": "landscape.errors",
    "Look": "landscape.plots",
    "Model": "landscape.model",
    "NetworkObjective": "landscape.objective",
    "Node": "landscape.model",
    "Objective": "landscape.objective",
    "Opaque": "landscape.model",
    "OptaxRecorder": "landscape.recording.adapters.optax",
    "Race": "landscape.records",
    "Recipe": "landscape.training",
    "RecomputedObjective": "landscape.objective",
    "Record": "landscape.records",
    "Recorder": "landscape.recording",
    "Scan": "landscape.records",
    "Sharpness": "landscape.records",
    "SklearnRecorder": "landscape.recording.adapters.sklearn",
    "Slot": "landscape.model",
    "Study": "landscape.records",
    "SurfaceObjective": "landscape.objective",
    "Topology": "landscape.records",
    "TorchObjective": "landscape.torch_objective",
    "Trajectory": "landscape.records",
    "Workers": "landscape.workers",
    "align": "landscape.alignment",
    "analyze_critical": "landscape.critical",
    "analyze_hessian": "landscape.curvature",
    "analyze_topology": "landscape.topology",
    "apply_remedy": "landscape.diagnosis",
    "build_model": "landscape.model",
    "bundled": "landscape.model",
    "bundled_path": "landscape.model",
    "compile_ahead": "landscape.objective.compiling",
    "complete": "landscape.objective",
    "connect": "landscape.connection",
    "descend": "landscape.training",
    "diagnose": "landscape.diagnosis",
    "diagnose_log": "landscape.diagnosis",
    "evaluate_model": "landscape.objective",
    "export_record": "landscape.exporting",
    "figures": "landscape.plots",
    "from_onnx": "landscape.importers",
    "from_safetensors": "landscape.importers",
    "from_sklearn": "landscape.importers",
    "from_state_dict": "landscape.importers",
    "from_torch": "landscape.importers",
    "import_file": "landscape.importers",
    "initialize": "landscape.training",
    "keras_callback": "landscape.recording.adapters.keras",
    "lightning_callback": "landscape.recording.adapters.lightning",
    "load_directions": "landscape.directions",
    "load_model": "landscape.model",
    "load_opaque": "landscape.model",
    "load_record": "landscape.records",
    "looking": "landscape.plots",
    "make_directions": "landscape.directions",
    "make_report": "landscape.reporting",
    "measure_sharpness": "landscape.sharpness",
    "new_model": "landscape.training",
    "plot_atlas": "landscape.plots",
    "plot_barcode": "landscape.plots",
    "plot_basins": "landscape.plots",
    "plot_comparison": "landscape.plots",
    "plot_connection": "landscape.plots",
    "plot_contours": "landscape.plots",
    "plot_curves": "landscape.plots",
    "plot_cuts": "landscape.plots",
    "plot_escape": "landscape.plots",
    "plot_log": "landscape.plots",
    "plot_merge_tree": "landscape.plots",
    "plot_out_of_plane": "landscape.plots",
    "plot_path": "landscape.plots",
    "plot_persistence": "landscape.plots",
    "plot_race": "landscape.plots",
    "plot_race_paths": "landscape.plots",
    "plot_scan": "landscape.plots",
    "plot_sharpness": "landscape.plots",
    "plot_slices": "landscape.plots",
    "plot_surface": "landscape.plots",
    "plot_tree": "landscape.plots",
    "race": "landscape.studies",
    "read_log": "landscape.logs",
    "save_comparison": "landscape.plots",
    "save_directions": "landscape.directions",
    "save_figures": "landscape.plots",
    "save_film": "landscape.plots",
    "save_page": "landscape.interactive",
    "save_model": "landscape.model",
    "scan": "landscape.scanning",
    "search_critical": "landscape.critical",
    "study_batch_size": "landscape.studies",
    "study_learning_rate": "landscape.studies",
    "study_schedule": "landscape.studies",
    "study_stability": "landscape.studies",
    "style": "landscape.plots",
    "train": "landscape.training",
    "train_many": "landscape.training",
    "train_recipes": "landscape.training",
    "trajectory": "landscape.trajectories",
    "transformers_callback": "landscape.recording.adapters.transformers",
    "write_report": "landscape.reporting",
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
