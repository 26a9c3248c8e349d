"""A recorder for loops in JAX, where each step makes new parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from landscape.recording.recorder import Recorder


class OptaxRecorder:
    """Record a training loop in JAX, from a Flax `TrainState` or from parameters and Optax's state.

    `step(state, loss=…)` takes a `TrainState`, or the parameters and, as `opt_state=`, Optax's state.

    The recording is an opaque model: its tensors are those of the tree, in JAX's order. Call `step` outside of `jit`,
    after the update. Parameters are copied at once, so the next step may donate their buffers.

    Parameters
    ----------
    path, keep
        As `Recorder` takes them.
    state
        The state, or the tree of parameters, at the start.
    **choices
        Other settings of `Recorder`, such as `training={"optimizer": "adam"}`.

    Raises
    ------
    InputError
        A tree without arrays, or what `Recorder` refuses.
    """

    def __init__(self, path: str | Path, state: Any, *, keep: int = 64, **choices: Any) -> None:
        self.recorder = Recorder(path, params_of(state), None, None, None, keep, **choices)

    def step(self, state: Any, loss: Any = None, *, opt_state: Any = None, **series: Any) -> None:
        """Record an update, with the state after it.

        The learning rate is read where `optax.inject_hyperparams` keeps it.
        """
        rate = rate_of(getattr(state, "opt_state", opt_state))
        more = {} if rate is None or "learning_rate" in series else {"learning_rate": rate}
        self.recorder.step(loss, params=params_of(state), **more, **series)

    def evaluate(self, **series: Any) -> None:
        """Log the results of an evaluation at the last update."""
        self.recorder.evaluate(**series)

    def close(self) -> Any:
        """Write the recording into its file and end it."""
        return self.recorder.close()

    def __enter__(self) -> OptaxRecorder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def params_of(state: Any) -> Any:
    """Give the parameters of a state, or the tree itself."""
    return getattr(state, "params", state)


def rate_of(state: Any) -> Any:
    """Find the learning rate among the hyperparameters in Optax' state, None if it keeps none.

    >>> from types import SimpleNamespace
    >>> rate_of((None, SimpleNamespace(hyperparams={"learning_rate": 0.1})))
    0.1
    """
    found = getattr(state, "hyperparams", None)
    if isinstance(found, dict) and "learning_rate" in found:
        return found["learning_rate"]
    parts = state if isinstance(state, (tuple, list)) else [getattr(state, "inner_state", None)]
    return next(
        (rate for rate in map(rate_of, (part for part in parts if part is not None)) if rate is not None),
        None,
    )
