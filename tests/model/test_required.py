"""Functions that need a whole model say so in one line when they get an objective, a path or nothing."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import landscape
from landscape.errors import InputError
from landscape.objective import CallableObjective

OF_MODELS = (
    "apply_remedy", "diagnose", "evaluate_model", "initialize", "make_report", "race", "save_model", "study_batch_size", "study_learning_rate",
    "study_schedule", "study_stability", "train", "train_many", "train_recipes", "write_report",
)  # fmt: skip


def given(function, first):
    """Give what the function needs besides the model."""
    needed = list(inspect.signature(function).parameters.values())[1:]
    return [
        first,
        *(
            None
            for p in needed
            if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)
        ),
    ]


@pytest.mark.parametrize("name", OF_MODELS)
def test_what_is_no_model_is_refused_with_what_takes_it(name):
    function = getattr(landscape, name)
    bowl = CallableObjective(lambda theta: float(theta @ theta), size=2)
    with pytest.raises(InputError, match=f"{name} needs a model.*CallableObjective.*analyze_hessian"):
        function(*given(function, bowl))
    with pytest.raises(InputError, match="load_model"):
        function(*given(function, "m.npz"))


def test_a_log_that_is_none_is_refused():
    bowl = CallableObjective(lambda theta: float(theta @ theta), size=2)
    with pytest.raises(InputError, match=r"plot_log needs the log .* model\.history"):
        landscape.plot_log(bowl)
    assert landscape.plot_log({"train_loss": np.array([1.0, 0.5])})
