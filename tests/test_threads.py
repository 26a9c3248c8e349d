"""The number of threads that a caller asks for reaches all that computes."""

from __future__ import annotations

import ast
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import landscape
from landscape.directions.origin import Origin
from landscape.directions.principal import principal_directions
from landscape.objective.cpu_network import CpuNetwork
from landscape.objective.cpu_training import CpuTraining
from landscape.objective.session import blas_libraries, session, set_blas_threads
from landscape.trajectories.projection import project

PACKAGE = Path(landscape.__file__).parent
# A user's script, and what takes no number of threads itself: a look at a file, and the check of an import.
FREE = {"gallery", "importers"}
WITHOUT = {
    ("objective/network.py", "evaluate_model"),
    ("commands/demo.py", "write_fault"),
    ("commands/remarks.py", "remarks"),
    # Of an objective, which has its threads.
    ("connection/pair.py", "lowest_direction"),
    ("connection/saddles.py", "saddle_of"),
}
MOVED = Origin(np.zeros(3), checkpoints=np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]]))
SOURCES = [path for path in sorted(PACKAGE.rglob("*.py")) if not FREE & set(path.parts)]


def place_of_threads(function: ast.FunctionDef) -> int | None:
    """The place of `threads` among the arguments of a call; −1 behind a star, None where it is no parameter."""
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    if "threads" in names:
        return names.index("threads")
    return -1 if "threads" in [argument.arg for argument in function.args.kwonlyargs] else None


def defined(tree: ast.Module) -> dict[str, int]:
    """The functions and classes at the top of a module that take threads."""
    found = {}
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for function in inner:
            if isinstance(function, ast.FunctionDef) and function.name in ("__init__", node.name):
                found[node.name] = place_of_threads(function)
    return {name: place for name, place in found.items() if place is not None}


def known(module: str, tree: ast.Module, taking: dict[str, dict[str, int]]) -> dict[str, int]:
    """The names of a module that take threads, its own and imported ones."""
    found = dict(taking.get(module, {}))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("landscape."):
            home = node.module.removeprefix("landscape.").replace(".", "/")
            for other, names in taking.items():
                if other.startswith(home):
                    found |= {a.asname or a.name: names[a.name] for a in node.names if a.name in names}
    return found


def hands_on(call: ast.Call, place: int) -> bool:
    names = [keyword.arg for keyword in call.keywords]
    return "threads" in names or None in names or 0 <= place < len(call.args)


def test_every_call_of_what_takes_threads_hands_them_on():
    trees = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
    defining = {module: names for module, tree in trees.items() if (names := defined(tree))}
    found = []
    for module, tree in trees.items():
        taking = known(module, tree, defining)
        for function in ast.walk(tree) if taking else ():
            if not isinstance(function, ast.FunctionDef) or (module, function.name) in WITHOUT:
                continue
            for call in ast.walk(function):
                name = getattr(call.func, "id", None) if isinstance(call, ast.Call) else None
                if name in taking and not hands_on(call, taking[name]):
                    found.append(f"{module}, line {call.lineno}: {name} without threads")
    assert defining
    assert found == []


def curve() -> landscape.Model:
    """A small network on a parabola, with a test set and checkpoints."""
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 12)[:, None]
    shapes = {"fc.weight": (3, 1), "fc.bias": (3,), "out.weight": (1, 3), "out.bias": (1,)}
    return landscape.build_model(
        nodes=[{"name": "fc", "op": "dense"}, {"name": "act", "op": "relu"}, {"name": "out", "op": "dense"}],
        parameters={key: 0.7 * rng.standard_normal(shape) for key, shape in shapes.items()},
        loss="mse", x_train=x, y_train=x**2, x_test=x, y_test=x**2,
        arrays={"checkpoints": 0.5 * rng.standard_normal((3, 10)), "checkpoints.step": np.array([0, 5, 9])},
        training={"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 12, "steps": 9},
    )  # fmt: skip


FEW = {"steps": 2, "dtype": "float64"}
SEEDS = FEW | {"seeds": 1, "batch_size": 4}
# What each public function that takes threads is called with, beside a network.
CALLS: dict[str, dict[str, Any]] = {
    "NetworkObjective": {},
    "analyze_critical": {"surfaces": False, "polishing": False},
    "analyze_hessian": {"top": 1, "bottom": 0},
    "diagnose": {"budget": "quick"},
    "measure_sharpness": {"measures": ["lambda_max", "average"], "rescaling_test": True},
    "race": {**SEEDS, "points": 3, "optimizers": ["sgd"]},
    "scan": {"points": 3, "dtype": "float64"},
    "search_critical": {"starts": 1},
    "study_batch_size": {"batch_sizes": [4], "epochs": 1.0, "seeds": 1, "dtype": "float64"},
    "study_learning_rate": {**SEEDS, "rates": [0.01, 0.1]},
    "study_schedule": {**SEEDS, "schedules": ["constant"], "warmup": 1},
    "study_stability": {**FEW, "looks": 3, "rates": [0.1], "steps": 4},
    "train": {**FEW, "batch_size": 4},
    "train_many": {**FEW, "batch_size": 4, "seed": [0, 1]},
    "trajectory": {"points": 3, "dtype": "float64"},
}
# Those that take something else than a network or what another one found, and a report, which only calls the others.
OTHERS = {
    "CompiledObjective",
    "align",
    "connect",
    "analyze_topology",
    "apply_remedy",
    "make_report",
    "descend",
    "train_recipes",
}


def takes_threads(name: str) -> bool:
    try:
        return "threads" in inspect.signature(getattr(landscape, name)).parameters
    except (TypeError, ValueError):
        return False


def test_every_public_function_that_takes_threads_is_called():
    assert {name for name in landscape.NAMES if takes_threads(name)} == CALLS.keys() | OTHERS


@pytest.mark.parametrize("name", CALLS)
def test_one_thread_reaches_every_engine_and_training(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    # What is not asked for is three, wherever this runs.
    monkeypatch.setattr("landscape.objective.session.available_cores", lambda: 3)
    taken = []

    def watch(kind: type) -> None:
        begin = kind.__init__

        def watched(self: Any, *given: Any, **options: Any) -> None:
            begin(self, *given, **options)
            taken.append(self.threads)

        monkeypatch.setattr(kind, "__init__", watched)

    watch(CpuNetwork)
    watch(CpuTraining)
    getattr(landscape, name)(curve(), threads=1, **CALLS[name])
    assert taken
    assert set(taken) == {1}


@pytest.fixture
def libraries():
    """The BLAS libraries, with two threads each."""
    found = blas_libraries()
    before = [library.num_threads for library in found]
    for library in found:
        set_blas_threads(library, 2)
    yield found
    for library, threads in zip(found, before, strict=True):
        set_blas_threads(library, threads)


def test_a_session_of_any_thread_holds_blas_to_one(libraries):
    found = []

    def looked() -> None:
        with session():
            found.append([library.num_threads for library in libraries])
        found.append([library.num_threads for library in libraries])

    with ThreadPoolExecutor(1) as another:
        # The other thread lives on, which has set the number of threads first.
        another.submit(looked).result()
        looked()
        another.submit(looked).result()
    assert found == [[count] * len(libraries) for count in (1, 2) * 3]


def test_only_sessions_limit_the_threads_of_blas():
    assert [path.name for path in SOURCES if "threadpool_limits" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("svd", lambda: principal_directions(MOVED, 1)),
        ("qr", lambda: project(MOVED.checkpoints, MOVED.theta, np.eye(2, 3))),
    ],
)
def test_a_session_of_another_thread_that_ends_leaves_blas_with_one_thread(
    name, call, libraries, monkeypatch
):
    began, factorizes, found, factorize = threading.Event(), threading.Event(), [], getattr(np.linalg, name)

    def other() -> None:
        with session():
            began.set()
            factorizes.wait(1.0)

    def looked(*arguments: Any, **options: Any) -> Any:
        factorizes.set()
        thread.join()
        found.extend(library.num_threads for library in libraries)
        return factorize(*arguments, **options)

    thread = threading.Thread(target=other)
    monkeypatch.setattr(np.linalg, name, looked)
    thread.start()
    began.wait()
    call()
    assert found == [1] * len(libraries)
