"""Names of optimizers, with those of PyTorch and others translated into the names of this package."""

from __future__ import annotations

import difflib

from landscape.errors import InputError

NAMES = (
    "sgd", "heavy_ball", "nesterov", "adagrad", "adagrad_rms", "rmsprop", "adam", "adamw", "amsgrad", "radam", "lion", "sam",
)  # fmt: skip
# Other spellings, without their capitals, spaces, dashes and underscores. PyTorch's SGD is `sgd` with whatever momentum it has.
ALIASES = {
    "momentum": "heavy_ball", "sgdmomentum": "heavy_ball", "sgdwithmomentum": "heavy_ball", "polyak": "heavy_ball",
    "nag": "nesterov", "sgdnesterov": "nesterov", "nesterovmomentum": "nesterov", "gd": "sgd", "gradientdescent": "sgd",
    "adamams": "amsgrad",
}  # fmt: skip
# Optimizers that do not run here, with the nearest one that does.
NEAREST = {
    "nadam": "adam", "adamax": "adam", "sparseadam": "adam", "adafactor": "adam", "lamb": "adamw", "lars": "heavy_ball",
    "adadelta": "rmsprop", "rprop": "rmsprop", "asgd": "sgd", "lbfgs": "adam", "muon": "adamw",
}  # fmt: skip


def optimizer_name(given: str) -> str:
    """Return this package's name of an optimizer, whatever its capitals and its package.

    Examples
    --------
    >>> optimizer_name("RMSprop"), optimizer_name("torch.optim.AdamW"), optimizer_name("SGD")
    ('rmsprop', 'adamw', 'sgd')

    Raises
    ------
    InputError
        A name that is none of them; the message has the nearest one.
    """
    if given in NAMES:
        return given
    known = {plain(name): name for name in NAMES} | ALIASES
    word = plain(given)
    if word in known:
        return known[word]
    raise InputError(f"optimizer: {refusal(given, word, known)}")


def refusal(given: str, word: str, known: dict[str, str]) -> str:
    """Say what was expected in place of an unknown name, and which of the known ones is meant or nearest."""
    expected = f"expected one of {', '.join(NAMES)}, found {str(given)[:60]!r}"
    if word in NEAREST:
        return f"{expected}, which does not run here; the nearest is '{NEAREST[word]}'"
    near = difflib.get_close_matches(word[:60], [*known, *NEAREST], n=1)
    meant = known.get(near[0], NEAREST.get(near[0])) if near else None
    return expected if meant is None else f"{expected}; did you mean '{meant}'?"


def nearest_optimizer(given: str) -> str | None:
    """Return the optimizer here that is nearest to a foreign one; None if the name is not known at all.

    >>> nearest_optimizer("NAdam"), nearest_optimizer("my own")
    ('adam', None)
    """
    return NEAREST.get(plain(given))


def plain(name: str) -> str:
    """Return a name's last part in small letters and digits alone.

    >>> plain("torch.optim.Heavy_Ball")
    'heavyball'
    """
    return "".join(letter for letter in str(name).rsplit(".", 1)[-1].lower() if letter.isalnum())
