"""A callback for Keras 3 that records its training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from landscape.importers.optional import need
from landscape.recording.recorder import Recorder


class KerasHooks:
    """The methods of the callback; Keras' own base class, which sets `model`, is put before it."""

    model: Any

    def __init__(self, path: str | Path, keep: int, choices: dict[str, Any]) -> None:
        super().__init__()
        self.path, self.keep, self.choices = path, keep, choices
        self.recorder: Recorder | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin with the weights that are trained, as they are now."""
        optimizer = getattr(self.model, "optimizer", None)
        told = {"optimizer": type(optimizer).__name__} if optimizer is not None else {}
        self.recorder = Recorder(
            self.path, lambda: weights_of(self.model), None, None, None, self.keep,
            **({"name": str(getattr(self.model, "name", "network")), "training": told} | self.choices),
        )  # fmt: skip

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count an update; the numbers that Keras gives here are means since the epoch began, and are taken at its end."""
        if self.recorder is not None:
            self.recorder.step()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the epoch's means, the rate, and what was measured on validation data."""
        if self.recorder is None:
            return
        found = {name: float(value) for name, value in (logs or {}).items()}
        self.recorder.log(**{name: value for name, value in found.items() if not name.startswith("val_")})
        rate = getattr(getattr(self.model, "optimizer", None), "learning_rate", None)
        if rate is not None and "learning_rate" not in found:
            self.recorder.log(learning_rate=float(np.asarray(rate)))
        self.recorder.evaluate(**{name: value for name, value in found.items() if name.startswith("val_")})

    def on_train_end(self, logs: Any = None) -> None:
        """Write the recording into its file and end it."""
        if self.recorder is not None:
            self.recorder.close()


def weights_of(model: Any) -> dict[str, np.ndarray]:
    """Give the weights that a Keras model trains, by their paths with their places, so that the order is that of the model."""
    weights = model.trainable_weights
    return {
        f"{number:04d} {weight.path}": np.asarray(weight.numpy()) for number, weight in enumerate(weights)
    }


def keras_callback(path: str | Path, *, keep: int = 64, **choices: Any) -> Any:
    """Make a callback for Keras' `model.fit` that records the training.

    The recording is an opaque model.

    Parameters
    ----------
    path, keep
        As `Recorder` takes them.
    **choices
        Other settings of `Recorder`.

    Raises
    ------
    InputError
        Keras is not installed.
    """
    base = need("keras").callbacks.Callback
    return type("LandscapeCallback", (KerasHooks, base), {})(path, keep, choices)
