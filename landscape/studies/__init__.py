"""Experiments on one model: races and studies, each a function that returns a record."""

from landscape.studies.batch_size import study_batch_size
from landscape.studies.learning_rate import study_learning_rate
from landscape.studies.race import race
from landscape.studies.schedule import study_schedule
from landscape.studies.stability import study_stability

__all__ = ["race", "study_batch_size", "study_learning_rate", "study_schedule", "study_stability"]
