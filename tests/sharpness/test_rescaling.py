"""Dinh's table: the same function at other parameters, measured; theory's verdicts and a control that must fail."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.objective import NetworkObjective
from landscape.sharpness import MEASURES, Options, measure_sharpness, rescaled
from landscape.sharpness.rescaling import rescalable_pairs
from landscape.tables.sharpness import surprises
from tests.networks import network
from tests.scanning.examples import small_model

FEW = Options(samples=20, directions=3, starts=1)


@cache
def dinh():
    return measure_sharpness(small_model(examples=60), rescaling_test=True, options=FEW)


@pytest.mark.parametrize("level", ["layer", "neuron"])
@pytest.mark.parametrize("name", MEASURES)
def test_every_verdict_of_dinhs_table_is_computed(name, level):
    expected = {"layer": MEASURES[name].layer, "neuron": MEASURES[name].neuron}[level]
    assert dinh().verdict(level, name) == expected


def test_invariants_are_the_same_to_the_last_digits_since_the_factors_are_powers_of_two():
    for name in ("adaptive_average", "fisher_rao", "width"):
        assert dinh().beside["layer"][name][0] == pytest.approx(dinh().measures[name][0], rel=1e-12)


def test_a_control_that_does_not_change_is_reported():
    fooled = replace(dinh(), beside={"layer": dinh().measures})
    assert not surprises(dinh())
    assert any("lambda_max was expected to be changed" in sentence for sentence in surprises(fooled))


def test_the_control_is_measured_even_where_only_others_are_asked_for():
    found = measure_sharpness(small_model(), measures=["fisher_rao"], rescaling_test=True)
    assert list(found.measures) == ["lambda_max", "fisher_rao"]


@pytest.mark.parametrize("level", ["layer", "neuron"])
def test_a_rescaled_network_is_another_point_and_the_same_function_to_the_last_bit(level):
    model = small_model()
    moved = rescaled(model, level)
    directions = moved.theta - model.theta
    before, after = (NetworkObjective(each).evaluate(each.theta) for each in (model, moved))
    assert np.linalg.norm(directions) > np.linalg.norm(model.theta)
    assert before == after


def graph(text, **more):
    return network(text, 5, 3, **more)(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a dense 5 6 | r relu | b dense 6 3", [("a", "b", 6)]),
        ("a dense 5 6 | r leaky_relu slope=0.1 | d dropout p=0.2 | b dense 6 3", [("a", "b", 6)]),
        ("a dense 5 6 | b dense 6 6 | t tanh | c dense 6 3", [("a", "b", 6)]),
        ("a dense 5 6 | r relu | f flatten | b dense 6 3", [("a", "b", 0)]),
        ("a dense 5 6 | r relu | b dense 6 6 : r | s add : b r | c dense 6 3", []),
        ("a dense 5 6 | r relu | b dense 6 6 | s relu | c dense 6 6 parameters_of=b | d dense 6 3", []),
    ],
)
def test_layers_that_can_be_rescaled_are_found_in_the_graph(text, pairs):
    model = graph(text.replace(" 6 6 parameters_of", " parameters_of"))
    if not pairs:
        with pytest.raises(InputError, match="two trained layers"):
            rescalable_pairs(model)
        return
    assert [(pair.first, pair.second, pair.neurons) for pair in rescalable_pairs(model)] == pairs


def test_a_network_without_homogeneous_layers_is_refused():
    with pytest.raises(InputError, match="relu"):
        measure_sharpness(graph("a dense 5 6 | t tanh | b dense 6 3"), rescaling_test=True)
