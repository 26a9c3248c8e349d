"""The rules see numbers only, so they are tested on numbers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from landscape.diagnosis.baselines import Baseline
from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.outcomes import Outcome, half_interval, judged, shared
from landscape.diagnosis.state import State
from landscape.diagnosis.verdict import decide
from landscape.diagnosis.vetoes import Veto

LOSS, CONSTANT = 0.6, 0.7


def outcome(name: str, kind: str, train: float, **changes) -> Outcome:
    gain = LOSS - train
    return Outcome(
        name=name,
        kind=kind,
        train=train,
        half=0.01,
        **{"gain": gain, "gain_half": 0.01, "seeds": 5, **changes},
    )


def evidence(*found: Outcome, **changes) -> Evidence:
    best = min([LOSS, *(o.train for o in found if o.useful)])
    told = {"state": State(), "outcomes": tuple(shared(found, LOSS, best)), "best": best, **changes}
    return Evidence(loss=LOSS, constant=CONSTANT, **told)


def told(*found: Outcome, **changes) -> str:
    verdict = decide(evidence(*found, **changes))
    return f"{verdict.code}/{verdict.subtype}" if verdict.subtype else verdict.code


NOTHING = outcome("longer", "fork", LOSS)


@pytest.mark.parametrize(
    ("winner", "expected"),
    [
        (outcome("rate/10", "fork", 0.01), "optimization"),
        (outcome("rate×10", "fork", 0.01), "optimization/unfinished"),
        (outcome("longer", "fork", 0.01), "optimization/unfinished"),
        (outcome("escape", "fork", 0.01), "optimization/saddle"),
        (outcome("standardized", "fork", 0.01), "optimization/ill-conditioned"),
        (outcome("adam", "fork", 0.01), "optimization/ill-conditioned"),
        (outcome("fresh, rate/10", "fresh", 0.01), "optimization"),
        (outcome("fresh, weight decay/100", "penalty", 0.01), "model-bias/over-regularized"),
        (outcome("shallower", "simpler", 0.01), "optimization/ill-conditioned"),
        (outcome("wider", "larger", 0.01), "model-bias/width"),
        (outcome("deeper", "larger", 0.01), "model-bias/depth"),
    ],
)
def test_the_remedy_that_wins_names_the_cause(winner, expected):
    assert told(*([] if winner.name == "longer" else [NOTHING]), winner) == expected
    assert decide(evidence(winner)).confidence == "verified"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State(dead=1.0, dead_layer="act1"), "dead-units"),
        (State(identical="fc1"), "symmetric-units"),
        (State(gradient_ratio=1e-5), "vanishing-gradient"),
        (State(decrement=1e-9, escape=0.4), "saddle"),
        (State(decrement=1e-3), "plateau"),
    ],
)
def test_where_a_fresh_start_wins_the_parameters_name_the_sub_type(state, expected):
    assert told(NOTHING, outcome("fresh", "fresh", 0.01), state=state) == f"optimization/{expected}"


def test_a_slower_rate_against_noise_and_against_walls():
    winner = outcome("rate/10", "fork", 0.01)
    assert told(NOTHING, winner, state=State(stability=0.1, noise=0.2)) == "optimization/noise"
    assert told(NOTHING, winner, state=State(stability=1.1, noise=0.2)) == "optimization/bouncing"


def test_bouncing_is_named_only_where_the_run_shows_it():
    """By its curvature, by its batches' sharpness, or by its control going up and down; a remedy that is slower does not show it."""
    for winner in (outcome("rate/10", "fork", 0.01), outcome("fresh, rate/10", "fresh", 0.01)):
        for state in (
            State(stability=1.1),
            State(highest=1.0),
            State(batch_stability=0.95),
            State(turning=-0.9),
        ):
            assert told(NOTHING, winner, state=state) == "optimization/bouncing"
        assert told(outcome("longer", "fork", LOSS, wobble=0.1), winner) == "optimization/bouncing"
        assert told(outcome("longer", "fork", LOSS, wobble=0.001), winner) == "optimization"


def test_a_fresh_start_names_a_plateau_only_below_its_threshold():
    winner = outcome("fresh", "fresh", 0.01)
    assert told(NOTHING, winner, state=State(decrement=0.01)) == "optimization/plateau"
    assert told(NOTHING, winner, state=State(decrement=0.2)) == "optimization"
    assert told(NOTHING, winner, state=State(decrement=0.2, condition=1e4)) == "optimization/ill-conditioned"


def test_a_recipe_that_diverges_in_the_trials_explodes_unless_it_was_assumed():
    gone = outcome("longer", "fork", math.inf, diverged=5, useful=False)
    winner = outcome("standardized targets", "fork", 0.01)
    assert told(gone, winner) == "optimization/exploding"
    assert told(gone, winner, assumed="sgd at 1") == "optimization/ill-conditioned"


def test_less_penalty_goes_first_where_it_removes_clearly_more():
    lighter, better = outcome("weight decay/100", "penalty", 0.0), outcome("adam", "fork", 0.25)
    assert told(better, lighter) == "model-bias/over-regularized"
    assert told(outcome("adam", "fork", 0.05), lighter).startswith("optimization")
    scaled = outcome("standardized", "fork", 0.05)
    assert told(scaled, lighter, decays=True) == "model-bias/over-regularized"


def test_a_last_activation_is_broken_where_the_parameters_do_clearly_better_without_it():
    without = outcome("without end", "output", 0.0)
    assert told(NOTHING, without) == "broken/output-range"
    assert told(outcome("fresh", "fresh", 0.25), without).startswith("optimization")
    dead = State(dead_outputs=2, outputs=10)
    assert told(outcome("fresh", "fresh", 0.25), without, state=dead) == "broken/output-range"
    assert told(outcome("adam", "fork", 0.1), without, state=dead) == "broken/output-range"
    assert told(outcome("longer", "fork", 0.01), without, state=dead).startswith("optimization")


def test_outputs_that_are_dead_are_broken_though_a_fresh_start_does_as_well():
    """A fresh start has other outputs dead, or none by luck; what is no better from the same parameters is that activation's fault."""
    dead = State(dead_outputs=2, outputs=4, decrement=1e-9)
    without, fresh = outcome("without end", "output", 0.05), outcome("fresh", "fresh", 0.0)
    assert told(NOTHING, fresh, without, state=dead) == "broken/output-range"
    assert told(NOTHING, fresh, without, state=replace(dead, dead_outputs=0)) == "optimization/plateau"
    assert told(NOTHING, fresh, outcome("without end", "output", 0.2), state=dead).startswith("optimization")


def test_a_loop_that_its_own_recipe_beats_in_few_updates_minimizes_another_loss():
    """Taken on and afresh: one of the two alone is luck or a plateau, and unknown updates prove nothing."""
    longer, fresh = outcome("longer", "fork", 0.05, steps=100), outcome("fresh", "fresh", 0.05, steps=200)
    assert told(longer, fresh, spent=10_000) == "broken/wrong-loss"
    for other in (
        told(longer, fresh),
        told(longer, fresh, spent=300),
        told(longer, spent=10_000),
        told(fresh, NOTHING, spent=10_000),
    ):
        assert other.startswith("optimization")


def test_a_linear_network_gets_no_linear_model_as_its_remedy():
    line = outcome("linear", "simpler", 0.0)
    slow = outcome("adam", "fork", 0.4)
    found = decide(evidence(slow, line, state=State(affine=True)))
    assert (found.code, found.remedy) == ("optimization", "adam")
    assert decide(evidence(slow, line)).remedy == "linear"


def test_a_linear_network_that_no_training_helps_is_solved_and_said_to_be_linear():
    found = decide(evidence(NOTHING, outcome("linear", "simpler", 0.0), state=State(affine=True)))
    assert (found.code, found.remedy) == ("optimization", "linear")
    assert "convex" in found.advice
    assert not any("a linear model training" in text for text in found.why)


def test_no_activation_is_bias_whatever_layers_do():
    state = State(linear=True)
    assert told(NOTHING, outcome("with activations", "larger", 0.01), state=state) == "model-bias/linear"


def test_a_single_layer_that_activations_help_lacks_them():
    assert told(NOTHING, outcome("with activations", "larger", 0.01)) == "model-bias/linear"


def test_a_linear_model_that_a_bottleneck_does_not_contain_proves_bias_and_no_training_fault():
    line, wider = outcome("linear", "larger", 0.02), outcome("wider", "larger", 0.05)
    assert told(NOTHING, line, wider) == "model-bias/width"
    assert told(NOTHING, line) == "model-bias"


def test_no_dropout_that_helps_alone_is_over_regularization():
    assert told(NOTHING, outcome("without dropout", "penalty", 0.01)) == "model-bias/over-regularized"


def test_other_signs_of_the_parameters_are_the_runners_up():
    state = State(identical="fc1", dead=1.0, dead_layer="act1")
    found = decide(evidence(NOTHING, outcome("fresh", "fresh", 0.01), state=state))
    assert (found.subtype, found.accepted) == ("symmetric-units", ("optimization/dead-units",))


def test_an_assumed_recipe_is_named_and_its_rate_not_blamed():
    found = decide(evidence(outcome("rate/10", "fork", 0.01), assumed="adam at 0.001, batch 32"))
    assert found.subtype == "unfinished"
    assert "assumed: adam at 0.001" in found.why[1]


def test_shares_are_of_what_lies_below_the_best_constant():
    far = [outcome("longer", "fork", 30.0), outcome("fresh", "fresh", 0.1)]
    assert [o.share for o in shared(far, CONSTANT, 0.1)] == pytest.approx([-29.3 / 0.6, 1.0])


def test_a_loss_far_above_the_constants_exploded_and_one_that_nothing_lowers_is_no_noise():
    high = Evidence(loss=50.0, constant=CONSTANT, best=0.01, state=State())
    fresh = shared([outcome("fresh", "fresh", 0.01)], CONSTANT, 0.01)
    assert decide(replace(high, outcomes=tuple(fresh))).subtype == "exploding"
    nothing = decide(replace(high, outcomes=(), best=CONSTANT))
    assert (nothing.code, nothing.confidence) == ("optimization", "consistent")
    assert decide(replace(high, loss=0.72, outcomes=(), best=CONSTANT)).code == "noise-floor"


def test_of_remedies_that_do_as_well_the_simplest_names_the_cause():
    found = (
        outcome("adam", "fork", 0.010),
        outcome("rate×10", "fork", 0.02),
        outcome("fresh, adam", "fresh", 0.0),
    )
    assert told(NOTHING, *found) == "optimization/unfinished"


def test_a_larger_network_proves_bias_only_where_the_same_one_stays_behind():
    wider = outcome("wider", "larger", 0.0)
    assert told(outcome("adam", "fork", 0.5), wider) == "model-bias/width"
    assert told(outcome("adam", "fork", 0.1), wider).startswith("optimization")


def test_a_simpler_network_that_is_better_proves_optimization_even_where_a_larger_one_is_too():
    assert told(NOTHING, outcome("shallower", "simpler", 0.02), outcome("wider", "larger", 0.0)).startswith(
        "optimization"
    )


def test_a_remedy_that_costs_held_out_data_is_none():
    found = [outcome("adam", "fork", 0.01, held=0.9), outcome("rate×10", "fork", 0.3, held=0.2)]
    useful = judged(found, LOSS, held=0.6, held_constant=0.7, useful=0.1)
    assert [o.useful for o in useful] == [False, True]
    assert told(replace(found[0], useful=False)) == "noise-floor"


def test_a_remedy_whose_held_out_loss_stays_above_the_constants_is_none():
    """From 0.9 to 0.75, where guessing has 0.7, nothing was learned; what gets below is measured from there."""
    found = [outcome("wider", "larger", 0.1, held=0.75), outcome("adam", "fork", 0.1, held=0.3)]
    assert [o.useful for o in judged(found, LOSS, held=0.9, held_constant=0.7, useful=0.1)] == [False, True]
    assert not any(o.useful for o in judged(found[:1], LOSS, held=0.9, held_constant=0.7, useful=0.1))


def test_a_loss_that_nothing_lowers_is_a_floor_and_without_any_signal_where_it_is_the_constants():
    assert told(NOTHING) == "noise-floor"
    assert decide(replace(evidence(NOTHING), loss=0.69, best=0.69)).subtype == "no-signal"
    found = decide(replace(evidence(NOTHING), loss=0.2, best=0.2))
    assert (found.code, found.subtype) == ("noise-floor", "unexplained")
    assert "29%" in found.why[0]


def test_a_loss_near_the_constants_has_a_signal_where_held_out_data_show_it():
    """So of classes of which one is common: nothing is learned, or what orders the examples though none is called rare."""
    near = replace(evidence(NOTHING), loss=0.69, best=0.69)
    better = Baseline(column=-2, split="test", network=0.67, copy=0.69, lead=0.02, error=0.004)
    for found, subtype in ((None, "no-signal"), (better, ""), (replace(better, error=0.02), "no-signal")):
        told = decide(replace(near, beside_constant=found))
        assert (told.code, told.subtype) == ("noise-floor", subtype)
    assert "leads by 0.02" in " ".join(decide(replace(near, beside_constant=better)).why)


def test_what_can_be_removed_of_pure_noise_is_not_worth_it():
    noise = Evidence(loss=0.69, constant=CONSTANT, best=0.68, state=State())
    assert (
        decide(replace(noise, outcomes=tuple(shared([outcome("longer", "fork", 0.68)], 0.69, 0.68)))).code
        == "noise-floor"
    )


def test_without_any_training_only_what_the_parameters_show_is_suspected():
    dead = Evidence(loss=LOSS, constant=CONSTANT, state=State(dead=1.0, dead_layer="act1"))
    assert (decide(dead).subtype, decide(dead).confidence) == ("dead-units", "suspected")
    assert decide(replace(dead, state=State())).code == "undetermined"


def test_a_loss_below_the_target_is_small():
    assert decide(Evidence(loss=LOSS, constant=CONSTANT, target=0.65)).code == "healthy"
    assert decide(Evidence(loss=LOSS, constant=CONSTANT, target=0.5, state=State())).code == "undetermined"


def test_a_veto_goes_before_everything():
    veto = Veto("output-range", "89% of the targets lie outside", 0.89, 0.01, "leave the sigmoid out")
    found = decide(replace(evidence(outcome("adam", "fork", 0.01)), vetoes=(veto,)))
    assert (found.code, found.subtype, found.confidence) == ("broken", "output-range", "verified")


def test_half_a_t_interval_of_five_values_is_that_of_the_tables():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert half_interval(values) == pytest.approx(2.776445 * math.sqrt(2.5) / math.sqrt(5), rel=1e-6)
    assert half_interval(values[:1]) == math.inf
