"""Where adjoints lie: those that are needed at the same time never share a place, and together they take less than all outputs."""

from __future__ import annotations

import numpy as np

from landscape.kernels.lowering import lower, sharing_adjoints
from landscape.program.table import Column
from tests.cases import CASES
from tests.engine import every_case
from tests.networks import chain


@every_case
def test_adjoints_that_are_needed_together_have_places_of_their_own(name):
    program, features = sharing_adjoints(lower(CASES[name].model, derivatives=True))
    rows = program.rows
    active = np.flatnonzero(rows[:, Column.ACTIVE])
    assert features <= program.features
    for row in active:
        # From the reader that sets it, or the loss, until the row itself has been run in reverse.
        born = rows[row, Column.LAST_READER] if row != len(rows) - 1 else row
        start, stop = rows[row, Column.ADJOINT], rows[row, Column.ADJOINT] + rows[row, Column.SIZE]
        assert start >= 0
        assert stop <= features
        for other in active[active > row]:
            apart = (
                rows[other, Column.ADJOINT] >= stop
                or rows[other, [Column.ADJOINT, Column.SIZE]].sum() <= start
            )
            assert apart or other > born


def adjoint_features(depth: int) -> int:
    """Count what the adjoints of a chain of so many layers take."""
    model = chain([5] * (depth + 1))(np.random.default_rng(0))
    return sharing_adjoints(lower(model, derivatives=True))[1]


def test_the_adjoints_of_a_deep_chain_take_as_much_as_those_of_a_short_one():
    assert adjoint_features(40) == adjoint_features(4) <= 15
