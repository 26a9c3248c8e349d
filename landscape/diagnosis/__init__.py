"""Why a network fails to train, or that it does not: the General Guide walked with numbers, each verdict by an intervention.

`facts` is step 0 (`vetoes`, `state`), `large` steps 1 and 2 (`experiments` on `ensembles`), `small` step 3 (`gaps`, `shift`, `generalization`); each
adds to an `Evidence`. `verdict` has the rules, which see nothing but numbers: `attribution` and `subtypes` of a large loss, `generality` of a small one.
"""

from landscape.diagnosis.applying import apply_remedy
from landscape.diagnosis.diagnosis import diagnose
from landscape.diagnosis.thresholds import Thresholds

__all__ = ["Thresholds", "apply_remedy", "diagnose"]
