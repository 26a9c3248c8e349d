"""Every function of each number is assembled for a GPU: those that all kernels have, and the others, which only their networks' kernels have."""

from __future__ import annotations

import pytest

from landscape.kernels.cuda.table import USUAL_ACTIVATIONS
from landscape.program.codes import ACTIVATION_CODES, ACTIVATION_NAMES
from tests.cuda.conditions import compiled
from tests.cuda.ptx import machine, require_float32, shape_of

pytestmark = compiled
UNUSUAL = tuple(range(USUAL_ACTIVATIONS, len(ACTIVATION_NAMES)))
# The device's library reduces large angles in float64.
OF_ANGLES = {ACTIVATION_CODES[name] for name in ("sin", "cos", "tan")}


@pytest.mark.parametrize(("name", "dtype"), [("products", "float32"), ("values", "float64")])
def test_kernels_with_all_functions_spill_nothing(name, dtype):
    shape = shape_of(name, dtype, wide=False)
    assert machine(name, dtype, (9, 0), shape, activations=UNUSUAL).spilled <= 0


def test_all_functions_but_those_of_angles_stay_in_float32():
    codes = tuple(code for code in UNUSUAL if code not in OF_ANGLES)
    shape = shape_of("values", "float32", wide=False)
    require_float32("values", machine("values", "float32", (9, 0), shape, activations=codes), 168)
