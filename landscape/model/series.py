"""The names of logged series in this package, for the names that frameworks use."""

from __future__ import annotations

import re

from landscape.model.story import OTHER, SERIES

# Other spellings, in small letters, with `_` for every sign between words.
ALIASES: dict[str, str] = {
    **dict.fromkeys(("global_step", "iteration", "iter", "steps", "iterations", "train_global_step", "trainer_global_step"), "step"),
    **dict.fromkeys(("loss", "training_loss", "train_batch_loss", "batch_loss"), "train_loss"),
    **dict.fromkeys(("val_loss", "valid_loss", "eval_loss", "dev_loss"), "validation_loss"),
    **dict.fromkeys(
        ("accuracy", "acc", "train_acc", "training_accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"),
        "train_accuracy",
    ),
    **dict.fromkeys(
        ("val_accuracy", "val_acc", "valid_accuracy", "valid_acc", "eval_accuracy", "eval_acc", "dev_accuracy", "val_binary_accuracy",
         "val_categorical_accuracy", "val_sparse_categorical_accuracy"),
        "validation_accuracy",
    ),
    "test_acc": "test_accuracy",
    **dict.fromkeys(("grad_norm", "train_grad_norm", "train_gradient_norm"), "gradient_norm"),
    **dict.fromkeys(("lr", "train_learning_rate", "train_lr"), "learning_rate"),
}  # fmt: skip
# What an evaluation calls by a name of the training.
OF_EVALUATION = {"train_loss": "validation_loss", "train_accuracy": "validation_accuracy"}


def series_name(given: str) -> str | None:
    """Return this package's name of a logged series, or None for one that only looks like it or is another quantity.

    >>> series_name("train/loss"), series_name("eval_loss"), series_name("lr"), series_name("loss_scale")
    ('train_loss', 'validation_loss', 'learning_rate', None)
    """
    word = re.sub(r"[^a-z0-9]+", "_", given.lower()).strip("_")
    return word if word in SERIES else ALIASES.get(word)


def kept_name(given: str, *, evaluation: bool = False) -> str:
    """Return the name that a series has in a model file: this package's, or its own behind `other.`.

    >>> kept_name("loss"), kept_name("loss", evaluation=True), kept_name("kl term")
    ('train_loss', 'validation_loss', 'other.kl term')
    """
    plain = given in ("loss", "accuracy", "acc")
    name = series_name(given)
    if name is None:
        return f"{OTHER}{''.join(c if c.isprintable() else '_' for c in given)[:100] or 'series'}"
    return OF_EVALUATION.get(name, name) if evaluation and plain else name
