"""Kernels are compiled ahead for the types that they are called with, by several processes, which end with the one that began them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from landscape.curvature import dense_matrix, hessian_operator
from landscape.errors import InputError
from landscape.kernels.cpu import entries
from landscape.kernels.cpu.rules import TABLE, VALUE, empty_table, fill
from landscape.kernels.cpu.table import GRADIENTS, PRODUCTS, SWEEPS, VALUES, numbers_of
from landscape.kernels.program import Op
from landscape.objective import NetworkObjective, compiling
from landscape.objective.lowered import lowered
from landscape.objective.program_check import Mode
from landscape.training import train_many
from tests.cases import CASES
from tests.engine import every_dtype

# A few rules that compile in a moment.
QUICK = [number for number, rule in sorted(TABLE.items()) if rule.letters == "rx"][:4]
CHILD = """
import sys
from landscape.objective import compiling
class Named(compiling.Helper):
    def __init__(self, *given):
        super().__init__(*given)
        print(self.process.pid, flush=True)
compiling.Helper = Named
compiling.compile_pieces({{"float64": {pieces}}}, 2, None)
print(all(compiling.is_kept(piece, compiling.np.dtype("float64")) for piece in {pieces}))
"""


def begin(pieces, cache):
    code = CHILD.format(pieces=pieces)
    return subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | {"NUMBA_CACHE_DIR": str(cache)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def is_alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


@every_dtype
def test_entry_points_are_compiled_for_the_types_that_they_are_called_with(dtype):
    case = CASES["chain_tanh"]
    objective, theta = NetworkObjective(case.model, dtype=dtype, threads=2), case.model.theta
    objective.value(theta)
    objective.outputs(theta)
    objective.gradient(theta)
    objective.hvp(theta, theta)
    dense_matrix(hessian_operator(objective, theta))
    sweep = objective.sweep(theta, np.ones((1, theta.size)), (np.linspace(0, 1, 3),))
    for step in range(sweep.steps):
        sweep.run(step)
    train_many(case.model, steps=2, batch_size=4, dtype=dtype, threads=1)
    for name, (function, _) in entries.ENTRIES.items():
        expected = {entries.types_of(name, np.dtype(kind)) for kind in ("float32", "float64")}
        assert {tuple(types) for types in function.signatures} <= expected, name
        assert entries.types_of(name, objective.dtype) in function.signatures


@pytest.mark.parametrize("work", [VALUES, SWEEPS, GRADIENTS, PRODUCTS])
@pytest.mark.parametrize("name", ["chain_relu", "skip", "attention", "conv_padded", "layernorm"])
def test_only_the_rules_of_a_programs_own_ops_are_needed(name, work):
    if name not in CASES:
        pytest.skip("the table of cases has no such row")
    program = lowered(CASES[name].model, np.dtype("float64"), Mode.DERIVATIVES).program
    ops = {int(op) for op in program.rows[:, 0]}
    numbers = set(numbers_of(program, 0, work))
    assert {number - VALUE for number in numbers if VALUE <= number < VALUE + len(Op)} <= ops


def test_a_number_without_a_rule_stays_empty():
    table, unused = empty_table(), VALUE + int(Op.INPUT)
    fill(table, [unused], np.dtype("float64"))
    assert table[unused] == 0
    assert compiling.is_kept(unused, np.dtype("float64"))


def test_other_processes_leave_what_they_compile_on_the_disk(tmp_path):
    process = begin(QUICK, tmp_path)
    told, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    helper, kept = told.split()
    assert kept == "True"
    assert not is_alive(int(helper))
    assert said.count("compiling 4 kernels on 2 cores") == 1


def test_ctrl_c_ends_every_process_that_compiles(tmp_path):
    process = begin([piece for piece in TABLE if piece < 64], tmp_path)
    assert process.stdout is not None
    helper = int(process.stdout.readline())
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode != 0
    deadline = time.monotonic() + 5
    while is_alive(helper) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(helper)


def test_a_number_of_processes_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv(compiling.VARIABLE, "many")
    with pytest.raises(InputError, match="LANDSCAPE_COMPILERS"):
        compiling.wanted_compilers()
    monkeypatch.setenv(compiling.VARIABLE, "3")
    assert compiling.wanted_compilers() == 3


def test_another_dtype_is_refused():
    with pytest.raises(InputError, match="float16"):
        compiling.compile_ahead(["float16"])
