"""Before the whole suite runs, its workers share the compilation, so that no two compile the same kernel."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

# A worker has one core, as far as it goes: a second thread of BLAS would spend the other workers' time waiting for work. Read once, when NumPy is loaded.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numba
import pytest
from hypothesis import HealthCheck, settings

from landscape.objective.compiling import VARIABLE

PATIENCE = 900.0

# How long an example takes says how busy the machine is. A change is judged by the same examples on every machine;
# `--hypothesis-profile=other_examples` looks for others.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("other_examples", UNHURRIED)
settings.register_profile("same_examples", UNHURRIED, derandomize=True)
settings.load_profile("same_examples")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let each worker of a run of all tests compile kernels that no other has claimed, and wait until all are compiled."""
    worker = getattr(session.config, "workerinput", None)
    if worker is None or numba.config.DISABLE_JIT:
        return
    if any(Path(argument).exists() for argument in worker["mainargv"][1:]):
        return
    from tests.compiling import tasks

    # The workers are as many as the cores already.
    os.environ[VARIABLE] = "1"

    # Beside the workers' own folders for temporary files, which pytest removes after some runs.
    folder = Path(session.config.option.basetemp).parent / "compiling"
    folder.mkdir(exist_ok=True)
    tasks_of_run = tasks(everything=session.config.option.markexpr != "not thorough")
    for name, task in tasks_of_run.items():
        if not first(folder / f"{name}.taken"):
            continue
        try:
            task()
        finally:
            (folder / f"{name}.done").touch()
    end = time.monotonic() + PATIENCE
    while len(list(folder.glob("*.done"))) < len(tasks_of_run) and time.monotonic() < end:
        time.sleep(0.2)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as thorough what compiles a rare op in float32, before marks choose the tests."""
    from tests.cases import CASES
    from tests.engine import is_common

    rare = {name for name, case in CASES.items() if not is_common(case)}
    for item in items:
        if item.path.parent.name != "objective" or not hasattr(item, "callspec"):
            continue
        given = item.callspec.params
        if given.get("dtype") == "float32" and given.get("name") in rare:
            item.add_marker(pytest.mark.thorough)


def pytest_collection_finish() -> None:
    """Exclude the collected tests, which exist to the end, from later garbage collections."""
    gc.freeze()


def first(path: Path) -> bool:
    """Make a file; return False if it exists already."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
