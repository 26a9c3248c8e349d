"""A callback for Lightning that records its training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from landscape.importers.optional import need
from landscape.recording.adapters.hooks import Hooks


class LightningHooks(Hooks):
    """The methods of the callback; Lightning's own base class is put before it."""

    resumed: int | None = None
    seen = 0

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin: now the optimizers are there, and a checkpoint is restored."""
        self.begin(pl_module, next(iter(trainer.optimizers), None), self.resumed)
        self.seen = trainer.global_step

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Record an update; with gradients accumulated over several batches, not every batch is one."""
        if self.recorder is None or trainer.global_step == self.seen:
            return
        self.seen = trainer.global_step
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        self.recorder.step(loss=loss)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Note what was measured on validation data, but not in the check before the training."""
        if self.recorder is not None and not trainer.sanity_checking:
            found = trainer.callback_metrics.items()
            self.recorder.evaluate(**{name: value for name, value in found if name.startswith("val")})

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Write the recording into its file and end it."""
        self.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Keep what was recorded when the training fails."""
        self.on_train_end(trainer, pl_module)

    def state_dict(self) -> dict[str, Any]:
        """Return the recording's number of updates, for a checkpoint."""
        return {"updates": 0 if self.recorder is None else self.recorder.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint: what was recorded after it is left out."""
        self.resumed = int(state["updates"])


def lightning_callback(
    path: str | Path, loss: Any, data: Any, *, keep: int = 64, module: Callable[[Any], Any] = lambda whole: whole, **choices: Any
) -> Any:  # fmt: skip
    """Make a callback for Lightning's `Trainer(callbacks=[…])` that records the training.

    Parameters
    ----------
    path, loss, data, keep
        As `Recorder` takes them.
    module
        A function of the LightningModule that gives the network which is recorded; by default it is all of it.
    **choices
        Other settings of `Recorder`.

    Raises
    ------
    InputError
        Lightning is not installed.
    """
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            base = need(name).Callback
            break
        except ValueError as error:
            missing = error
    else:
        raise missing
    kind = type("LandscapeCallback", (LightningHooks, base), {})
    return kind(path, loss, data, keep, module, choices)
