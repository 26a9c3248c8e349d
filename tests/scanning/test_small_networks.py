"""The bundled networks of each kind, trained elsewhere and imported: they are what they claim, and so are their landscapes."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from landscape.model import Model, bundled_path, load_model
from landscape.objective import NetworkObjective, RecomputedObjective
from landscape.scanning import scan
from tests import reference

# The least accuracy on examples that were not trained on, and the number of classes.
NETWORKS = {"lenet": (0.75, 10), "lenet_bn": (0.8, 10), "signals": (0.75, 10), "transformer": (0.6, 80)}
every_network = pytest.mark.parametrize("name", NETWORKS)


@cache
def model(name: str) -> Model:
    return load_model(bundled_path(name))


def away(name: str, distance: float = 0.3) -> np.ndarray:
    """θ and a step of a share of each parameter's size."""
    rng = np.random.default_rng(3)
    theta = model(name).theta
    return theta + distance * np.abs(theta) * rng.standard_normal(theta.size)


@every_network
def test_the_network_is_trained(name):
    accuracy, classes = NETWORKS[name]
    found = NetworkObjective(model(name), "test").evaluate(model(name).theta)
    assert float(found.accuracy) > accuracy
    assert float(found.loss) < 0.4 * math.log(classes)


@every_network
@pytest.mark.parametrize("place", ["centre", "away"])
def test_its_loss_is_the_referees(name, place):
    theta = model(name).theta if place == "centre" else away(name)
    expected = reference.value(model(name), theta, "test")
    assert NetworkObjective(model(name), "test").value(theta) == pytest.approx(expected, rel=1e-5)


@every_network
def test_it_sits_at_the_bottom_of_its_plane(name):
    record = scan(model(name), split="train", points=5, span=1.0, examples=128)
    surface = record.values["train_loss"]
    assert np.unravel_index(surface.argmin(), surface.shape) == (2, 2)
    assert surface.max() > 3 * surface[2, 2]


def test_recomputed_statistics_change_a_real_surface_far_away_and_hardly_at_its_centre():
    record, recomputed = (
        scan(model("lenet_bn"), split="train", dimensions=1, points=3, recompute_statistics=again).values["train_loss"]
        for again in (False, True)
    )  # fmt: skip
    assert recomputed[1] == pytest.approx(record[1], rel=0.03)
    assert record[2] > 5 * recomputed[2]
    theta = model("lenet_bn").theta
    assert RecomputedObjective(model("lenet_bn")).value(theta) == pytest.approx(recomputed[1], rel=1e-5)
