"""Trials and remedies in words: what a reader sees of the names that records and code know them by."""

from __future__ import annotations

# Remedies in words, by the labels that figures have room for.
WORDS = {
    "longer": "more updates as before",
    "rate/10": "a tenth of the rate",
    "rate×10": "ten times the rate",
    "rate×100": "a hundred times the rate",
    "rate×1000": "a thousand times the rate",
    "batch×8": "eight times the batch",
    "adam": "Adam from here on",
    "escape": "a step along the escape direction",
    "standardized": "standardized inputs",
    "fresh, standardized": "a fresh start on standardized inputs",
    "fresh": "a fresh start",
    "fresh, rate/10": "a fresh start at a tenth of the rate",
    "fresh, adam": "a fresh start with Adam",
    "weight decay/100": "a hundredth of the weight decay",
    "fresh, weight decay/100": "a fresh start with a hundredth of the weight decay",
    "fresh, adam, weight decay/100": "a fresh start with Adam and a hundredth of the weight decay",
    "without dropout": "no dropout",
    "fresh, without dropout": "a fresh start without dropout",
    "fresh, adam, without dropout": "a fresh start with Adam and without dropout",
    "linear": "a linear model",
    "shallower": "a shallower network",
    "narrower": "a narrower network",
    "wider": "a wider network",
    "deeper": "a deeper network",
    "wider and deeper": "a wider and deeper network",
    "with activations": "activations between the layers",
}
# Ensembles in words; one that is not here is a remedy's, or a remedy's rates.
ENSEMBLES = {
    "forks": "going on from these parameters in several ways, and fresh starts",
    "penalty": "with a hundredth of the weight decay",
    "dropout": "without dropout",
    "standardized": "on standardized inputs",
    "sixteen": "fresh starts on 16 examples alone",
    "narrow": "with half the width, for the gap",
}


def worded(name: str) -> str:
    """Say a remedy in words."""
    return WORDS.get(name, name)


def words_of(name: str) -> str:
    """Say what an ensemble tries, by its name in the record.

    >>> words_of("fresh, adam.rates"), words_of("part 40")
    ('a fresh start with Adam, to choose its rate', 'on 40 training examples')
    """
    if name in ENSEMBLES:
        return ENSEMBLES[name]
    if name.endswith(".rates"):
        return f"{worded(name.removesuffix('.rates'))}, to choose its rate"
    kind, _, number = name.partition(" ")
    if kind == "part":
        return f"on {number} training examples"
    return f"with weight decay {number}" if kind == "decay" else worded(name)
