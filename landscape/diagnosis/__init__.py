"""Why a network fails to train, or that it does not: the General Guide walked with numbers, each verdict by an intervention.

`vetoes` is step 0, `experiments` steps 1 and 2 on `ensembles`, `gaps`, `shift` and `generalization` step 3, `verdict` the rules, which see
nothing but numbers.
"""

from landscape.diagnosis.applying import apply_remedy
from landscape.diagnosis.diagnosis import diagnose
from landscape.diagnosis.thresholds import Thresholds

__all__ = ["Thresholds", "apply_remedy", "diagnose"]
