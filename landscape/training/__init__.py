"""Training: one run into a file, many runs at once, and descents on any function."""

from landscape.training.descent import Descent, descend
from landscape.training.ensemble import Ensemble, train_many, train_recipes
from landscape.training.recipe import Recipe
from landscape.training.run import DivergenceError, train
from landscape.training.start import INITIALIZATIONS, at_initialization, initialize, new_model

__all__ = [
    "INITIALIZATIONS",
    "Descent",
    "DivergenceError",
    "Ensemble",
    "Recipe",
    "at_initialization",
    "descend",
    "initialize",
    "new_model",
    "train",
    "train_many",
    "train_recipes",
]
