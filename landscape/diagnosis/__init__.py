"""Why a network fails to train, or that it is healthy: the General Guide with numbers, each verdict tested by trainings.

`checks` is step 0 (`vetoes`, `state`), `training_loss` steps 1 and 2 (`experiments` with the `remedies`, on `ensembles`), `gap_steps` step 3
(`gap`, `shift`, `learning_curve`). Each adds to an `Evidence`. `verdict` has the rules, which see nothing but numbers: `attribution` and
`subtypes` of a large loss, `gap_rules` of a small one. `from_log` diagnoses a log without a network, by `log_rules`.
"""

from landscape.diagnosis.applying import apply_remedy
from landscape.diagnosis.diagnosis import diagnose
from landscape.diagnosis.from_log import diagnose_log
from landscape.diagnosis.thresholds import Thresholds

__all__ = ["Thresholds", "apply_remedy", "diagnose", "diagnose_log"]
