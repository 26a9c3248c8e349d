"""The numbers that support a sub-type, from the parameters, the log and the trials, the strongest first."""

from __future__ import annotations

import math

from landscape.diagnosis.citing import SHARE, Cited, Reason, supporting
from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.outcomes import CONTROL
from landscape.diagnosis.replay import TURNS
from landscape.diagnosis.scales import LARGE
from landscape.diagnosis.state import State
from landscape.diagnosis.subtypes import DIVERGES, OWN, WOBBLES
from landscape.diagnosis.thresholds import EXPLODED, NOISY, Thresholds


def reasons_for(subtype: str, evidence: Evidence) -> list[Reason]:
    """Return the number that speaks for a sub-type, or against it, or nothing if there is none."""
    return supporting(candidates(subtype, evidence))


def is_supported(subtype: str, evidence: Evidence, proved: tuple[str, ...] = ()) -> bool:
    """Say whether a number, or the remedy that won, speaks for a sub-type, or there is no number that could.

    `proved` are the sub-types that the remedy names by itself.
    """
    found = reasons_for(subtype, evidence)
    return subtype in proved or not found or not isinstance(found[0], Cited) or found[0].supports


def candidates(subtype: str, evidence: Evidence) -> list[Reason]:
    """List what is known of a sub-type, the strongest first, without what was not looked at."""
    found: list[Reason] = []
    if evidence.state is not None:
        found += of_state(subtype, evidence.state, evidence.limits)
    if subtype == "bouncing":
        found += going_up_and_down(evidence)
    if subtype == "exploding":
        found += [*of_divergence(evidence), *of_height(evidence)]
    if subtype == "ill-conditioned":
        found += [uneven(evidence), *far(evidence)]
    return [reason for reason in found if isinstance(reason, str) or not math.isnan(reason.value)]


def uneven(evidence: Evidence) -> Cited:
    """Cite how much the inputs' variances differ."""
    return Cited(
        sentence="the variances of the inputs differ by a factor of {value}", claim="to be standardized", value=evidence.scales,
        side="above", threshold=evidence.limits.scales,
    )  # fmt: skip


def far(evidence: Evidence) -> list[Reason]:
    """Cite how large inputs and targets are beside the outputs of an ordinary start, which are about 1."""
    said = {"the inputs' deviations": evidence.input_size, "the targets": evidence.target_size}
    return [
        Cited(
            sentence=f"the root mean square of {what} is {{value}}",
            claim="to be standardized",
            value=size,
            side="above",
            threshold=LARGE,
        )
        for what, size in said.items()
    ]


def of_state(subtype: str, state: State, limits: Thresholds) -> list[Reason]:
    """List what the parameters show."""
    newton = (
        f", where a Newton step would remove {state.decrement:.1g} of the loss's range"
        if math.isfinite(state.decrement)
        else ""
    )
    here: dict[str, list[Reason]] = {
        "dead-units": [dead(state, limits)],
        "saddle": [
            Cited(
                sentence="λ_min is {value} at a critical point" + newton,
                claim="a saddle", value=state.eigenvalue_min, side="below", threshold=-state.eigenvalue_error, styles=(".3g",),
            )
        ],
        "symmetric-units": [
            f"all units of {state.identical} have the same weights (the first layer's rank is {state.rank} of at most {state.rank_most})"
        ]
        if state.identical
        else [],
        "vanishing-gradient": [
            Cited(
                sentence="the first layer's gradient is {value} of the last one's",
                claim="vanishing", value=state.gradient_ratio, side="below", threshold=limits.gradient_ratio,
            )
        ],
        "plateau": [
            Cited(
                sentence="a Newton step would remove {value} of the best constant predictor's loss",
                claim="a plateau", value=state.decrement, side="below", threshold=limits.plateau,
            )
        ],
        "bouncing": [*bouncing(state, limits)],
        "ill-conditioned": [
            Cited(
                sentence="a Newton step would gain {value} times as much as a gradient step",
                claim="ill-conditioned", value=state.condition, side="from", threshold=limits.condition,
            )
        ],
        "noise": [
            Cited(
                sentence="the squared gradient is {value} of the variance of a batch's gradient",
                claim="noise", value=state.noise, side="below", threshold=NOISY,
            )
        ],
        "linear": ["the network is an affine function of its inputs: no layer bends it"] if state.linear else [],
        "output-range": [f"{state.dead_outputs} of {state.outputs} outputs are the same for every input"] if state.dead_outputs else [],
    }  # fmt: skip
    return here.get(subtype, [])


def dead(state: State, limits: Thresholds) -> Cited:
    """Cite the units that are dead."""
    return Cited(
        sentence=f"{{value}} of the units of {state.dead_layer or 'no layer'} do the same for every input",
        claim="dead", value=state.dead, side="from", threshold=limits.dead, styles=SHARE,
    )  # fmt: skip


def bouncing(state: State, limits: Thresholds) -> list[Cited]:
    """Cite the largest curvature against what the rate allows: at the parameters, and where along the checkpoints it was largest."""
    where = "at the start" if state.highest_step == 0 else f"at update {state.highest_step:,}"
    said = {"the largest curvature is {value} times what the rate allows": state.stability}
    said[f"{where} the largest curvature was {{value}} times what the rate allows"] = state.highest
    said[
        f"the batches' sharpness along their own gradients is {state.batch_sharpness:.3g}, {{value}} times what the rate allows"
    ] = state.batch_stability
    turns = "its last updates, done again, turn back: the mean cosine between successive steps is {value}"
    return [
        *(
            Cited(sentence=sentence, claim="bouncing", value=value, side="from", threshold=limits.edge)
            for sentence, value in said.items()
        ),
        Cited(sentence=turns, claim="bouncing", value=state.turning, side="up to", threshold=TURNS),
    ]


def going_up_and_down(evidence: Evidence) -> list[Reason]:
    """Cite how far the user's recipe, taken on from the parameters, goes up and down."""
    control = next((o for o in evidence.outcomes or () if o.name == CONTROL), None)
    if control is None or not evidence.constant > 0:
        return []
    return [
        Cited(
            sentence="continued as before, the training loss goes up and down by {value} of the best constant predictor's",
            claim="bouncing", value=control.wobble / evidence.constant, side="from", threshold=WOBBLES, styles=SHARE,
        )
    ]  # fmt: skip


def of_divergence(evidence: Evidence) -> list[Reason]:
    """Cite how often the user's own recipe left the range of numbers."""
    words = {CONTROL: "continued from the parameters", "fresh": "from fresh starts"}
    return [
        Cited(
            sentence=f"the same recipe {words[o.name]} diverges in {{value}} of {o.seeds} runs",
            claim="exploding", value=o.diverged / o.seeds, side="from", threshold=DIVERGES, styles=SHARE,
        )
        for o in evidence.outcomes or ()
        if o.name in OWN and o.seeds and o.diverged
    ]  # fmt: skip


def of_height(evidence: Evidence) -> list[Reason]:
    """Cite how far the log, or the loss, stands above the best constant predictor's loss."""
    said = {"the log's highest training loss": evidence.highest, "the training loss": evidence.loss}
    return [
        Cited(
            sentence=f"{what} is {{value}} times the best constant predictor's",
            claim="exploded", value=height / evidence.constant, side="above", threshold=EXPLODED,
        )
        for what, height in said.items()
        if evidence.constant > 0
    ]  # fmt: skip
