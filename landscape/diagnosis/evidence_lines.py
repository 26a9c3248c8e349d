"""Lines of evidence beside the verdict: measurements of the network, each with its threshold."""

from __future__ import annotations

import math

from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.replay import TURNS
from landscape.diagnosis.state import State
from landscape.diagnosis.thresholds import NOISY, Thresholds


def evidence_lines(evidence: Evidence) -> list[str]:
    """Say what was measured and decides nothing by itself.

    Examples
    --------
    >>> from landscape.diagnosis.state import State
    >>> evidence_lines(Evidence(loss=1.0, constant=1.0, sixteen=0.5, state=State(rank=1, rank_most=6)))[:1]
    ["16 examples, trained alone without weight decay: 0.5 of their best constant's loss is left (learned below 0.1)"]
    """
    said = [] if evidence.modes is None else [evidence.modes.line()]
    if not math.isnan(evidence.sixteen):
        said.append(
            f"16 examples, trained alone without weight decay: {evidence.sixteen:.2g} of their best constant's loss is left "
            f"(learned below {evidence.limits.sixteen:g})"
        )
    return said if evidence.state is None else said + of_state(evidence.state, evidence.limits)


def of_state(state: State, limits: Thresholds) -> list[str]:
    """Say what the parameters show, where it is known."""
    lines = {
        f"units whose output is the same for every input: {state.dead:.0%} of {state.dead_layer} (dead from {limits.dead:.0%})": bool(
            state.dead_layer
        ),
        f"rank of the first layer's weights: {state.rank} of at most {state.rank_most}": state.rank_most > 0,
        f"gradient of the first layer over that of the last: {state.gradient_ratio:.1e} (vanishing below {limits.gradient_ratio:g})": math.isfinite(
            state.gradient_ratio
        ),
        f"predicted gain of a Newton step over that of a gradient step: {state.condition:.3g} (ill-conditioned from {limits.condition:g})"
        + (f"; λ₁/λ₁₀ about {state.spread:.3g}" if math.isfinite(state.spread) else ""): math.isfinite(
            state.condition
        ),
        f"squared gradient over the variance of a batch's gradient: {state.noise:.2g} (noise below {NOISY:g})": math.isfinite(
            state.noise
        ),
        f"largest curvature: {state.stability:.2f} times what the rate allows (bouncing from {limits.edge:g})": math.isfinite(
            state.stability
        ),
        f"batch sharpness: {state.batch_sharpness:.3g}, {state.batch_stability:.2f} times what the rate allows (bouncing from {limits.edge:g})": math.isfinite(
            state.batch_stability
        ),
        f"mean cosine between successive steps, with the last updates repeated: {state.turning:.2f} (bouncing up to {TURNS:g})": math.isfinite(
            state.turning
        ),
        f"outputs that are the same for every input: {state.dead_outputs} of {state.outputs}": state.dead_outputs
        > 0,
        f"largest curvature at the checkpoints: {state.highest:.2f} times what the rate allows, at update {state.highest_step:,}": math.isfinite(
            state.highest
        ),
    }
    return [line for line, known in lines.items() if known]
