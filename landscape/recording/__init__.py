"""Record a user's own training loop as a model file: log, checkpoints and optimizer."""

from landscape.recording.recorder import Recorder

__all__ = ["Recorder"]
