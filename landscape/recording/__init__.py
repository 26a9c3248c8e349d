"""A training loop of the user's own leaves a model file: its log, a bounded number of checkpoints, and what its optimizer says of itself."""

from landscape.recording.recorder import Recorder

__all__ = ["Recorder"]
