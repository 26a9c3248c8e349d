"""What an applied remedy came to: the losses before and after it, and what of the removable loss is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from landscape.diagnosis.outcomes import plain
from landscape.records import Diagnosis


def came_to(record: Diagnosis, before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, Any]:
    """Lay out the remedy, the losses {split: loss} before and after it, and the share of the removable training loss that is gone, None for none."""
    seen = record.report["evidence"]
    start = min(before["train"], seen["constant_loss"])
    removable = start - (start if seen["best_loss"] is None else seen["best_loss"])
    return {
        "remedy": record.report["remedy"],
        "before": {split: plain(loss) for split, loss in before.items()},
        "after": {split: plain(loss) for split, loss in after.items()},
        "removed": plain((start - after["train"]) / removable) if removable > 0 else None,
    }
