"""Kernels are compiled ahead for the types that they are called with, by several processes, which end with the one that began them."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from landscape.connection.nodes import nodes_of_network
from landscape.curvature import dense_matrix, hessian_operator
from landscape.errors import InputError
from landscape.jit import alone_in_cache
from landscape.kernels.cpu import entries
from landscape.kernels.cpu.rules import (
    ACTIVATE,
    BACKWARD,
    CURVED,
    MOST_OPS,
    REVERSE,
    TABLE,
    TANGENT,
    VALUE,
    empty_table,
    fill,
)
from landscape.kernels.cpu.table import COMBINATIONS, GRADIENTS, PRODUCTS, SWEEPS, VALUES, enter, numbers_of
from landscape.objective import NetworkObjective, compiling
from landscape.objective.lowered import lowered
from landscape.objective.program_check import Mode
from landscape.objective.session import Neighbours
from landscape.objective.targets import loss_code
from landscape.program.codes import Op
from landscape.program.table import Column
from landscape.training import train_many
from tests.cases import CASES
from tests.engine import every_dtype
from tests.processes import python

# A few rules that compile in a moment.
QUICK = [number for number, rule in sorted(TABLE.items()) if rule.letters == "rx"][:4]
CHILD = """
import sys
from landscape.objective import compiling
class Named(compiling.Helper):
    def __enter__(self):
        print(self.process.pid, flush=True)
        return super().__enter__()
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
    ends, half = np.stack([theta, theta]), np.full((1, 3), 0.5)
    nodes_of_network(objective, half, np.ones(1), ends, None)(theta[None])
    sweep = objective.sweep(theta, np.ones((1, theta.size)), (np.linspace(0, 1, 3),))
    for step in range(sweep.steps):
        sweep.run(step)
    train_many(case.model, steps=2, batch_size=4, dtype=dtype, threads=1)
    for name, (function, _) in entries.ENTRIES.items():
        expected = {entries.types_of(name, np.dtype(kind)) for kind in ("float32", "float64")}
        assert {tuple(types) for types in function.signatures} <= expected, name
        assert entries.types_of(name, objective.dtype) in function.signatures


@pytest.mark.parametrize(
    ("mode", "works"),
    [(Mode.VALUES, (VALUES, SWEEPS)), (Mode.DERIVATIVES, (GRADIENTS, PRODUCTS, COMBINATIONS))],
    ids=["values", "derivatives"],
)
@pytest.mark.parametrize("name", CASES)
def test_every_row_has_its_rules_and_no_other_is_compiled(name, mode, works):
    model = CASES[name].model
    program = lowered(model, np.dtype("float64"), mode).program
    for work in works:
        assert_rules_of(model, program, work)


def assert_rules_of(model, program, work):
    numbers = set(numbers_of(program, loss_code(model), work))
    ops = {int(op) for op in program.rows[1:, Column.OP]}
    active = {int(row[Column.OP]) for row in program.rows[1:] if row[Column.ACTIVE]}
    for number, found in ((VALUE, ops), (BACKWARD, active), (TANGENT, active)):
        if number in work.passes:
            assert {number + op for op in found} <= numbers & TABLE.keys()
            assert {n - number for n in numbers & TABLE.keys() if 0 <= n - number < MOST_OPS} <= ops
    if work is PRODUCTS:
        assert all({REVERSE + op, CURVED + op} & numbers & TABLE.keys() for op in active)
    codes = {
        int(row[Column.CODE]) for row in program.rows if row[Column.CODE] or row[Column.OP] == Op.ACTIVATION
    }
    assert {ACTIVATE + code for code in codes} <= numbers & TABLE.keys()


def test_a_table_that_outgrows_its_range_is_refused():
    with pytest.raises(ValueError, match="range of 16"):
        enter(ACTIVATE, 16, {16: TABLE[ACTIVATE]})


def test_processes_that_save_one_function_at_once_keep_all_of_its_codes(tmp_path):
    code = (
        "import sys\nfrom landscape.kernels.cpu.combine import copy_rows\nfile = copy_rows._cache._cache_file\n"
        "print('ready', flush=True)\nsys.stdin.readline()\nfor n in range(40): file.save((sys.argv[1], n), (sys.argv[1], n))\n"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    savers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(k)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for k in range(2)
    ]  # fmt: skip
    # Both begin at the same moment.
    assert [saver.stdout.readline() for saver in savers] == ["ready\n", "ready\n"]
    for saver in savers:
        saver.stdin.write("\n")
        saver.stdin.flush()
    for saver in savers:
        saver.communicate()
    assert [saver.returncode for saver in savers] == [0, 0]
    (index,) = tmp_path.rglob("*.nbi")
    with index.open("rb") as stream:
        pickle.load(stream)
        _, found = pickle.loads(stream.read())
    assert len(found) == 80
    assert all(pickle.loads((index.parent / name).read_bytes()) == key for key, name in found.items())


def test_a_helper_that_cannot_begin_or_is_killed_leaves_its_share_to_this_process(monkeypatch, tmp_path):
    done = []
    pieces = {"float64": QUICK}
    monkeypatch.setattr(sys, "executable", None)
    compiling.compile_pieces(pieces, 2, lambda count, whole: done.append((count, whole)))
    assert done[0] == (1, 4)
    monkeypatch.setattr(compiling, "CHILD", "import os; os.kill(os.getpid(), 9)")
    monkeypatch.setattr(sys, "executable", str(Path(sys.prefix) / "bin" / "python"))
    compiling.compile_pieces(pieces, 2, None)
    assert all(compiling.is_kept(piece, np.dtype("float64")) for piece in QUICK)


def test_modules_in_the_current_folder_are_not_taken_for_pythons(tmp_path):
    (tmp_path / "queue.py").write_text("raise SystemExit(9)\n")
    code = (
        f"import sys; sys.path.remove({str(tmp_path)!r}) if {str(tmp_path)!r} in sys.path else None; sys.path[:] = [p for p in sys.path if p]\n"
        f"from landscape.objective import compiling\ncompiling.compile_pieces({{'float64': {QUICK}}}, 2, print)"
    )
    done = python(
        "-P", "-c", code, cwd=tmp_path, env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    )
    assert done.stdout.splitlines()[-1] == "4 4"


def test_a_number_without_a_rule_stays_empty():
    table, unused = empty_table(), VALUE + int(Op.INPUT)
    fill(table, [unused], np.dtype("float64"))
    assert table[unused] == 0
    assert compiling.is_kept(unused, np.dtype("float64"))


def test_other_processes_leave_what_they_compile_on_the_disk(tmp_path):
    process = begin(QUICK, tmp_path)
    told, said = process.communicate()
    assert process.returncode == 0, said
    helper, kept = told.split()
    assert kept == "True"
    assert not is_alive(int(helper))
    assert said.count("compiling 4 kernels on 2 cores") == 1


def test_workers_of_one_work_leave_the_compiling_to_the_first_of_them_on_their_machine(monkeypatch, tmp_path):
    # In the common folder of kernels other tests may be compiling just now.
    monkeypatch.setattr("landscape.jit.CACHE", tmp_path)
    kept, compiled, looks = set(), [], []
    monkeypatch.setattr(compiling, "is_kept", lambda piece, dtype: piece in kept)
    monkeypatch.setattr(compiling, "compile_pieces", lambda missing, *_: compiled.append(missing))
    monkeypatch.setattr(Neighbours, "alike", True)
    pieces, kind = QUICK[:2], np.dtype("float64")

    def look(seconds):
        looks.append(len(compiled))
        if len(looks) == 2:
            # The other one ends, with one of the two done.
            kept.add(pieces[0])
            lock.close()

    monkeypatch.setattr(compiling.time, "sleep", look)
    lock = ExitStack()
    assert lock.enter_context(alone_in_cache("compiling", wait=False))
    compiling.compile_together(pieces, kind)
    assert looks == [0, 0]
    assert compiled == [{"float64": pieces[1:]}]
    kept.update(pieces)
    compiling.compile_together(pieces, kind)
    assert len(compiled) == 1


def test_ctrl_c_ends_every_process_that_compiles(tmp_path):
    process = begin([piece for piece in TABLE if piece < 64], tmp_path)
    assert process.stdout is not None
    helper = int(process.stdout.readline())
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode != 0
    # One that was not yet watched ends with the piece that it is at.
    deadline = time.monotonic() + 120
    while is_alive(helper) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(helper)


def test_a_number_of_processes_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv(compiling.VARIABLE, "many")
    with pytest.raises(InputError, match="LANDSCAPE_COMPILERS"):
        compiling.wanted_compilers()
    monkeypatch.setenv(compiling.VARIABLE, "3")
    assert compiling.wanted_compilers() == 3


@pytest.mark.parametrize("other", ["float16", "float33"])
def test_another_dtype_is_refused(other):
    with pytest.raises(InputError, match=f"expected float32 or float64, found {other}"):
        compiling.compile_ahead([other])
