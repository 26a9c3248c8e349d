"""The table of remedies, with a row for everything that belongs to each one."""

from __future__ import annotations

from landscape.diagnosis.changes import (
    Batch,
    Change,
    Decay,
    EarlyStopping,
    Escape,
    More,
    NoDropout,
    Penalty,
    Rate,
    Standardized,
)
from landscape.diagnosis.ensembles import Laboratory
from landscape.diagnosis.networks import Activations, Deeper, Linear, Shallower, Width
from landscape.diagnosis.outcomes import CONTROL, Outcome
from landscape.diagnosis.plan import Plan
from landscape.diagnosis.remedy import Kind, Remedy
from landscape.diagnosis.rewrites import Recomputed, ScaledTargets, WithoutEnd
from landscape.diagnosis.statistics import STATISTICS
from landscape.diagnosis.subtypes import Rule, adaptive, afresh, always, seen, seen_or, slower, slower_afresh
from landscape.diagnosis.vetoes import WITHOUT_END

# Sub-types that a slower remedy, and one on standardized inputs, name by themselves.
TOO_FAST, UNSCALED = ("bouncing", "noise"), ("ill-conditioned",)
UNFINISHED, UNEVEN, LIGHT = always("unfinished"), always("ill-conditioned"), always("over-regularized")
SLOW, POOR = seen_or("unfinished"), seen_or("ill-conditioned")
LESS = Decay(0.01)


def tuned(
    label: str, words: str, kind: Kind, change: Change, rank: float, rule: Rule, proves: tuple[str, ...] = ()
) -> Remedy:
    """Return the row of a fresh start with Adam at a rate that is tuned, as networks are compared."""
    return Remedy(label, words, kind, change, rank, rule, "fresh", "adam", tuned=True, proves=proves)


# In the order in which they are tried.
REMEDIES = (
    Remedy(CONTROL, "more updates as before", "fork", More(), 1, UNFINISHED),
    Remedy("rate/10", "a tenth of the rate", "fork", Rate(0.1), 2, slower, proves=TOO_FAST),
    Remedy("rate×10", "ten times the rate", "fork", Rate(10.0), 4, SLOW),
    Remedy("rate×100", "a hundred times the rate", "fork", Rate(100.0), 5, SLOW),
    Remedy("rate×1000", "a thousand times the rate", "fork", Rate(1000.0), 6, SLOW),
    Remedy("batch×8", "eight times the batch", "fork", Batch(8), 3, slower, proves=TOO_FAST),
    Remedy("escape", "a step along the escape direction", "fork", Escape(), 7, always("saddle")),
    Remedy("adam", "Adam from here on", "fork", Change(), 11, adaptive, "here", "adam"),
    Remedy("fresh", "a fresh start", "fresh", Change(), 8, afresh(seen), "fresh"),
    Remedy(
        "fresh, rate/10", "a fresh start at a tenth of the rate",
        "fresh", Rate(0.1), 9, afresh(slower_afresh), "fresh", proves=TOO_FAST,
    ),
    tuned("fresh, adam", "a fresh start with Adam", "fresh", Change(), 12, afresh(adaptive)),
    Remedy("weight decay/100", "a hundredth of the weight decay", "penalty", LESS, 14, LIGHT),
    Remedy(
        "fresh, weight decay/100", "a fresh start with a hundredth of the weight decay",
        "penalty", LESS, 15, LIGHT, "fresh",
    ),
    Remedy(
        "fresh, adam, weight decay/100", "a fresh start with Adam and a hundredth of the weight decay",
        "penalty", LESS, 16, LIGHT, "fresh", "adam",
    ),
    Remedy("without dropout", "no dropout", "penalty", NoDropout(), 17, LIGHT),
    Remedy(
        "fresh, without dropout", "a fresh start without dropout", "penalty", NoDropout(), 18, LIGHT, "fresh"
    ),
    Remedy(
        "fresh, adam, without dropout", "a fresh start with Adam and without dropout",
        "penalty", NoDropout(), 19, LIGHT, "fresh", "adam",
    ),
    Remedy(
        "standardized", "standardized inputs",
        "fork", Standardized((1.0, 10.0, 100.0)), 10, UNEVEN, proves=UNSCALED,
    ),
    tuned(
        "fresh, standardized", "a fresh start on standardized inputs",
        "fresh", Standardized(), 13, UNEVEN, UNSCALED,
    ),
    Remedy(
        "standardized targets", "standardized targets",
        "fork", ScaledTargets((1.0, 10.0, 100.0)), 4.5, UNEVEN, proves=UNSCALED,
    ),
    tuned(
        "fresh, standardized targets", "a fresh start on standardized targets",
        "fresh", ScaledTargets(), 7.5, UNEVEN, UNSCALED,
    ),
    tuned(
        "fresh, standardized inputs and targets", "a fresh start on standardized inputs and targets",
        "fresh", ScaledTargets(inputs=True), 7.6, UNEVEN, UNSCALED,
    ),
    Remedy(WITHOUT_END, "no activation behind the last layer", "output", WithoutEnd(), 34, always("output-range")),
    tuned("linear", "a linear model", "simpler", Linear(), 26, always("")),
    tuned("shallower", "a shallower network", "simpler", Shallower(), 20, POOR),
    tuned("narrower", "a narrower network", "simpler", Width(0.5), 21, POOR),
    tuned("with activations", "activations between the layers", "larger", Activations(), 22, always("linear")),
    tuned("wider", "a wider network", "larger", Width(2.0), 23, always("width")),
    tuned("wider and deeper", "a wider and deeper network", "larger", Deeper(2.0), 25, always("depth")),
    tuned("deeper", "a deeper network", "larger", Deeper(), 24, always("depth")),
    Remedy("early stopping", "early stopping", "constraint", EarlyStopping(), 27, always(""), "fresh"),
    Remedy("weight decay 0.001", "weight decay 0.001", "constraint", Penalty(1e-3), 28, always(""), "fresh"),
    Remedy("weight decay 0.01", "weight decay 0.01", "constraint", Penalty(1e-2), 29, always(""), "fresh"),
    Remedy("half the width", "half the width", "constraint", Width(0.5), 30, always(""), "fresh"),
    Remedy(STATISTICS, "recomputed running statistics", "rewrite", Recomputed(), 35, always("stale-statistics")),
)  # fmt: skip

# What is advised where the data have to change, and nothing can be trained.
OF_DATA = {
    "more data": "collect more training data: the learning curve still falls",
    "unknown": "nothing that was tried closes the gap: look at the data, and try more of them",
    "no-signal": "held-out data are no better than guessing: check that inputs and targets belong together, in the same order",
    "split": "split again by chance, each class in every part: shuffle before splitting (--validation takes another file)",
    "copy": "the network adds nothing to one of its own inputs: predict the difference to it, or look for inputs that tell more",
    "preprocessing": "prepare the test inputs as the training inputs were",
    "label-shift": "the classes have other shares in the test set: reweight them, or train with the test set's shares",
    "concept": "the same inputs have other targets in the test set: look at how the targets were made",
    "covariate": "the test inputs are of another kind: train on inputs like them",
}


def remedy_of(label: str) -> Remedy | None:
    """Return the remedy of a label, or None for advice that is none of these."""
    return next((remedy for remedy in REMEDIES if remedy.label == label), None)


def of_kinds(*kinds: Kind) -> list[Remedy]:
    """Return the remedies of some kinds, in the order in which they are tried."""
    return [remedy for remedy in REMEDIES if remedy.kind in kinds]


def tried(outcome: Outcome) -> Remedy:
    """Return the remedy that came to an outcome."""
    found = remedy_of(outcome.name)
    assert found is not None, outcome.name
    return found


def worded(label: str) -> str:
    """Return a remedy in words, or the advice itself where it is no remedy of the table.

    >>> worded("batch×8"), worded("leave the sigmoid out")
    ('eight times the batch', 'leave the sigmoid out')
    """
    found = remedy_of(label)
    return OF_DATA.get(label, label) if found is None else found.words


def plan_of(lab: Laboratory, label: str) -> Plan | None:
    """Return the plan of a remedy, or None if the data or the network's file has to change first."""
    found = remedy_of(label)
    return None if found is None else found.plan(lab)
