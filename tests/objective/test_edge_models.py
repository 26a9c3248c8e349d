"""Odd but valid models: a loss near the largest number, and subsets of which no target counts."""

from __future__ import annotations

import numpy as np

from landscape.errors import InputError
from landscape.model import build_model
from landscape.objective import NetworkObjective
from landscape.scanning import scan

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((12, 3)), rng.integers(0, 2, 12)


def test_a_loss_scale_of_the_largest_size_is_scanned():
    model = build_model(
        layers=[(rng.standard_normal((3, 2)), None)],
        loss="cross_entropy",
        loss_scale=1e299,
        x_train=X,
        y_train=Y,
    )
    record = scan(model, points=3)
    assert record.summary()["diverged"] == 0
    assert record.values["train_loss"].max() > 1e298


def test_a_subset_of_ignored_labels_has_no_loss_and_says_so_in_place_of_a_traceback():
    tokens, targets = rng.integers(0, 5, (4, 3)), np.array([[0, -100, 1], [-100] * 3, [-100] * 3, [1, 1, 1]])
    nodes = [{"name": "e", "op": "embedding", "inputs": ["input"]}, {"name": "o", "op": "dense"}]
    parameters = {"e.weight": rng.standard_normal((5, 3)), "o.weight": rng.standard_normal((2, 3))}
    model = build_model(
        nodes=nodes, parameters=parameters, loss="cross_entropy", x_train=tokens, y_train=targets
    )
    refusals = []
    for seed in range(4):
        try:
            assert scan(model, points=3, examples=1, seed=seed).summary()["points"] == 9
        except InputError as error:
            refusals.append(str(error))
    assert all("-100" in message or "ignored" in message for message in refusals)
    nothing = [
        o for seed in range(8) if (o := NetworkObjective(model, examples=1, seed=seed)).counts.total == 0
    ]
    assert nothing
    for objective in nothing:
        assert np.isnan(objective.value(model.theta))
        assert np.isnan(objective.gradient(model.theta)).any()
        assert not np.isfinite(objective.hvp(model.theta, model.theta)).all()
