"""What a report computes of a model, by its size."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from landscape.reporting.parts import PARTS, POLISHED


@pytest.mark.parametrize(
    ("quick", "size", "polished"),
    [(False, POLISHED, True), (False, POLISHED + 1, False), (True, 10, False), (True, POLISHED + 1, False)],
)
def test_a_report_polishes_small_networks_only_and_none_when_it_is_quick(quick, size, polished):
    options = PARTS["critical"].options(quick, SimpleNamespace(size=size))
    assert options == ({} if polished else {"polishing": False})
