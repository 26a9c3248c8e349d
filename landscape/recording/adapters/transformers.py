"""A callback for Hugging Face's Trainer that records its training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from landscape.importers.optional import need
from landscape.recording.adapters.hooks import Hooks

# What the trainer logs beside the training's own series.
ASIDE = ("eval_", "test_", "train_", "total_flos", "epoch")


class TrainerHooks(Hooks):
    """The methods of the callback; the Trainer's own base class is put before it."""

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, optimizer: Any = None, **others: Any
    ) -> None:
        """Begin the recording in the first process, or continue it if the training continues from a checkpoint."""
        if state.is_world_process_zero:
            self.begin(model, optimizer, int(state.global_step) or None)

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Record an update; the substeps of gradient accumulation do not call this."""
        if self.recorder is not None:
            self.recorder.step()

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **others: Any
    ) -> None:
        """Note what is logged: the loss is the mean since the last time."""
        if self.recorder is not None and logs and "train_runtime" not in logs:
            self.recorder.log(**{name: value for name, value in logs.items() if not name.startswith(ASIDE)})

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: dict[str, Any] | None = None, **others: Any
    ) -> None:
        """Note what was measured on validation data."""
        if self.recorder is not None and metrics:
            known = {name: value for name, value in metrics.items() if name.startswith("eval_")}
            self.recorder.evaluate(
                **{n: v for n, v in known.items() if not n.endswith(("_runtime", "_per_second"))}
            )

    def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Write the recording into its file and end it."""
        self.end()


def transformers_callback(
    path: str | Path, loss: Any, data: Any, *, keep: int = 64, module: Callable[[Any], Any] = lambda whole: whole, **choices: Any
) -> Any:  # fmt: skip
    """Make a callback for Hugging Face's `Trainer(callbacks=[…])` that records the training.

    Parameters
    ----------
    path, loss, data, keep
        As `Recorder` takes them.
    module
        A function of the Trainer's model that gives the network which is recorded; by default it is all of it.
    **choices
        Other settings of `Recorder`.

    Raises
    ------
    InputError
        transformers is not installed.
    """
    base = need("transformers").TrainerCallback
    return type("LandscapeCallback", (TrainerHooks, base), {})(path, loss, data, keep, module, choices)
