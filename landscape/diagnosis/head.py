"""The head of a report: what was diagnosed, what was inferred, and what was assumed."""

from __future__ import annotations

import math

from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.session import Session


def head(session: Session, evidence: Evidence) -> list[str]:
    """Say what the report is about: the loss, how it and the network's form were guessed, and which of the recipe was assumed.

    Losses are without the penalty; with it where there is one.
    """
    model, assumed = session.model, session.training.assumed()
    said = [f"{model.loss} over {model.examples('train'):,} training examples, {model.size:,} parameters"]
    if math.isfinite(evidence.loss) and math.isfinite(evidence.constant):
        said[0] += f": {evidence.loss:.4g}, the best constant predictor's {evidence.constant:.4g}"
    if evidence.decays and math.isfinite(evidence.objective):
        said.append(
            f"with the weight decay's penalty {evidence.objective:.4g}; all losses here are without it"
        )
    said += list(model.inferred)
    if assumed and not evidence.vetoes:
        said.append(
            f"assumed of the training: {', '.join(f'{name} {value}' for name, value in assumed.items())}".replace(
                "_", " "
            )
        )
    return said
